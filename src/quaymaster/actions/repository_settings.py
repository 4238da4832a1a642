"""Changing what a definition of a repository and its environments are set to (AVIATOR 7)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from quaymaster.actions import definitions as definition_actions
from quaymaster.actions import repository_definitions as repositories
from quaymaster.actions.call import Call
from quaymaster.actions.repository_definitions import TIERS, Scene
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.store import definitions
from quaymaster.store import repository_definitions as rows
from quaymaster.store.database import Connection

LONGEST_URL = 2000

# What the engine knows as the redeployment of what succeeded last (SEMANTICS 8.11).
ON_FAILURE = {
    "triggerType": "rollbackRedeploy",
    "triggerContent": json.dumps(
        {
            "action": "LatestSuccessfulDeployment",
            "eventTypes": ["MS.TF.DistributedTask.DeploymentFailed"],
        }
    ),
}


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """None leaves a part as it is; an empty parent is none."""

    tier: str | None = None
    parent: str | None = None
    hold_after_rollback: bool | None = None
    rollback_on_failure: bool | None = None


async def change(call: Call, project: str, changes: Mapping[str, Any]) -> Scene:
    """Change settings of a definition. Raises NotFound, Invalid, Forbidden (edit pipeline)."""
    if any(isinstance(value, str) and len(value) > LONGEST_URL for value in changes.values()):
        raise Invalid(f"A setting is longer than {LONGEST_URL} characters.")
    if "://" in (url := str(changes.get("source_url", ""))) and "@" in url.split("://", 1)[1]:
        raise Invalid("Leave credentials out of source_url; name a service connection instead.")
    async with call.database.transaction() as connection:
        found = await repositories.scene(connection, call, project)
        found.require(Permission.EDIT_RELEASE_DEFINITION)
        settings = {**found.definition.settings, **changes}
        await rows.put_definition(
            connection, found.definition.definition_id, found.definition.repository, settings
        )
        return replace(found, definition=replace(found.definition, settings=settings))


async def delete(call: Call, project: str) -> None:
    """Delete a definition softly. Raises NotFound, Forbidden, Refused while it deploys."""
    async with call.database.transaction() as connection:
        found = await repositories.scene(connection, call, project)
        number = found.definition.definition_id
        await definition_actions.delete_within(connection, found.call, number, "", force=False)


async def change_environment(
    call: Call, project: str, environment: str, wanted: EnvironmentChange
) -> Scene:
    """Change an environment. Raises NotFound, Invalid, Forbidden (edit release pipeline)."""
    if wanted.tier not in (None, *TIERS):
        raise Invalid(f"Invalid tier: use one of {', '.join(TIERS)}.")
    async with call.database.transaction() as connection:
        found = await repositories.scene(connection, call, project, environment)
        found.call.require(
            Permission.EDIT_RELEASE_DEFINITION, found.token, found.definition.definition_name
        )
        changed = await _changed(connection, found, wanted)
        if wanted.rollback_on_failure is not None:
            await _set_trigger(connection, found, is_on=wanted.rollback_on_failure)
        await rows.put_environment(connection, found.definition.definition_id, changed)
        return replace(found, environment_found=changed)


async def _changed(
    connection: Connection, found: Scene, wanted: EnvironmentChange
) -> rows.RepositoryEnvironment:
    before = found.environment
    named = {
        "hold_after_rollback": wanted.hold_after_rollback,
        "rollback_on_failure": wanted.rollback_on_failure,
    }
    told = {name: value for name, value in named.items() if value is not None}
    parent = before.parent_id
    if wanted.parent is not None:
        number = found.definition.definition_id
        parent = await repositories.parent_id(connection, number, wanted.parent)
        if parent == before.id:
            raise Invalid("Invalid parent: an environment cannot come before itself.")
    return replace(
        before,
        tier=wanted.tier or before.tier,
        parent_id=parent,
        settings={**before.settings, **told},
    )


async def _set_trigger(connection: Connection, found: Scene, *, is_on: bool) -> None:
    """Have the definition redeploy what succeeded last when a deployment fails, or not."""
    definition = await definitions.get(
        connection,
        found.call.vault,
        found.definition.project_id,
        found.definition.definition_id,
        locked=True,
    )
    if definition is None:
        raise NotFound("definition", found.definition.definition_name)
    document = msgspec.json.decode(definition.document)
    for stage in document["environments"]:
        if stage["id"] == found.environment.id:
            stage["environmentTriggers"] = [dict(ON_FAILURE)] if is_on else []
    identity = {"id": definition.id, "revision": definition.revision}
    await definition_actions.update_within(connection, found.call, {**document, **identity})
