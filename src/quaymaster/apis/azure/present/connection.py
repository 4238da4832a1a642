"""Service connections as this contract shows them: what is secret is there by name alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from quaymaster.actions.call import Project
from quaymaster.apis.azure.present.shown import Shown, actor
from quaymaster.apis.azure.values import date_out
from quaymaster.domain.connections import ConnectionType, is_secret_datum, is_secret_parameter
from quaymaster.store.resources.connections import KeptConnection

OWNER = "library"


def kept(shown: Shown, project: Project | None, found: KeptConnection) -> dict[str, Any]:
    """A connection of a project; the values of its secrets are null."""
    connection = found.connection
    reference = {"id": str(found.project_id), "name": project.name if project else None}
    return {
        "data": _values(connection.data, connection.secret_data),
        "id": connection.id,
        "name": connection.name,
        "type": connection.type,
        "url": connection.url,
        "description": connection.description,
        "authorization": {
            "parameters": _values(connection.parameters, connection.secret_parameters),
            "scheme": connection.scheme,
        },
        "isShared": False,
        "isReady": True,
        "isOutdated": False,
        "owner": OWNER,
        "createdBy": actor(shown, found.created_by),
        "creationDate": date_out(found.created_at),
        "modifiedBy": actor(shown, found.modified_by),
        "modificationDate": date_out(found.modified_at),
        "serviceEndpointProjectReferences": [
            {
                "projectReference": reference,
                "name": connection.name,
                "description": connection.description,
            }
        ],
    }


def _values(plain: Mapping[str, str], secret: Iterable[str]) -> dict[str, str | None]:
    return {**plain, **dict.fromkeys(secret)}


def known_type(known: ConnectionType) -> dict[str, Any]:
    """A type with its schemes and the keys of each, as a form would ask for them."""
    return {
        "name": known.name,
        "displayName": known.title,
        "description": f"{known.title} service connection",
        "endpointUrl": {"displayName": "Server URL", "isVisible": str(known.needs_url).lower()},
        "inputDescriptors": [_input(name, is_secret_datum(name)) for name in known.data],
        "authenticationSchemes": [
            {
                "scheme": scheme,
                "displayName": scheme,
                "inputDescriptors": [_input(name, is_secret_parameter(name)) for name in keys],
            }
            for scheme, keys in known.schemes.items()
        ],
        "dataSources": [],
    }


def _input(name: str, is_confidential: bool) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "isConfidential": is_confidential,
        "inputMode": "passwordBox" if is_confidential else "textBox",
        "validation": {"isRequired": False, "dataType": "string"},
    }
