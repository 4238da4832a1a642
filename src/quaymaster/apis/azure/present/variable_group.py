"""Variable groups, alone and as a release took them (CONTRACT C VariableGroup)."""

from typing import Any

from quaymaster.apis.azure.present.shown import Shown, actor
from quaymaster.apis.azure.values import date_out
from quaymaster.domain.variable_groups import VariableGroup
from quaymaster.store.resources.variable_groups import KeptGroup


def group(found: VariableGroup) -> dict[str, Any]:
    """A group without who made it; a secret has no value."""
    return {
        "id": found.id,
        "type": found.type,
        "name": found.name,
        "description": found.description,
        "isShared": False,
        "variables": {
            name: {
                "value": None if variable.is_secret else variable.value,
                **({"isSecret": True} if variable.is_secret else {}),
                **({"isReadOnly": True} if variable.is_read_only else {}),
            }
            for name, variable in found.variables.items()
        },
        "variableGroupProjectReferences": None,
    }


def kept(shown: Shown, found: KeptGroup) -> dict[str, Any]:
    """A group of a project with who made and changed it."""
    return {
        **group(found.group),
        "createdBy": actor(shown, found.created_by),
        "createdOn": date_out(found.created_at),
        "modifiedBy": actor(shown, found.modified_by),
        "modifiedOn": date_out(found.modified_at),
    }
