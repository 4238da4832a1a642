"""Changing what a definition of a repository and its environments are set to (AVIATOR 7)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import definitions as definition_actions
from quaymaster.actions.repositories import (
    cut_clocks,
    deployment_methods,
    renaming,
    repositories,
    sources,
)
from quaymaster.actions.repositories.repositories import BUILD_METHOD, TIERS, Scene
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Conflict, Invalid
from quaymaster.domain.workflows import Workflow
from quaymaster.plans import repository_document
from quaymaster.plans.repository_document import connected
from quaymaster.store.candidates import repositories as rows
from quaymaster.store.candidates import repository_environments
from quaymaster.store.deployments import freezes
from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """None leaves a part as it is; an empty parent is none."""

    name: str | None = None
    tier: str | None = None
    parent: str | None = None
    hold_after_rollback: bool | None = None
    rollback_on_failure: bool | None = None
    deploy_after_build: bool | None = None
    require_verification: bool | None = None
    sets_method: bool = False  # to `workflow`; None: somebody outside deploys
    workflow: Workflow | None = None


async def change(
    call: Call, project: str, changes: Mapping[str, Any], name: str | None = None
) -> Scene:
    """Change settings of a definition, and its name where a new one is given.

    The repository is asked before, when what leads to it changes. Raises NotFound, Invalid,
    Conflict for a name that is taken, Forbidden (edit pipeline).
    """
    cut_clocks.check(changes)
    is_elsewhere = bool({sources.URL, sources.CONNECTION} & set(changes))
    is_about_cuts = is_elsewhere or cut_clocks.SCHEDULED_CUT in changes
    if is_about_cuts:
        await _check_source(call, project, changes, asks=is_elsewhere)
    async with call.database.transaction() as connection:
        found = await _locked(connection, call, project)
        found.require(Permission.EDIT_RELEASE_DEFINITION)
        settings = {**found.definition.settings, **changes}
        if is_about_cuts:
            cut_clocks.check_source(settings)  # as it was left by whoever changed it meanwhile
        build = repositories.method_of(changes, BUILD_METHOD)
        await deployment_methods.check_build(connection, found.call, build)
        if is_elsewhere:
            where = sources.said(settings)
            await renaming.changed(connection, found, lambda document: connected(document, *where))
        await rows.put_definition(
            connection, found.definition.definition_id, found.definition.repository, settings
        )
        if cut_clocks.SCHEDULED_CUT in changes:
            number = found.definition.definition_id
            await cut_clocks.follow(connection, number, settings, call.now)
        if name is not None:
            await renaming.rename_definition(connection, found, name)
        return await repositories.scene(connection, call, project if name is None else name)


async def _locked(
    connection: Connection, call: Call, project: str, environment: str | None = None
) -> Scene:
    """What the names mean, as it stays until this transaction ends: no change is lost."""
    found = await repositories.scene(connection, call, project, environment)
    await repository_environments.lock_settings(connection, found.definition.definition_id)
    return await repositories.scene(connection, call, project, environment)


async def _check_source(
    call: Call, project: str, changes: Mapping[str, Any], *, asks: bool
) -> None:
    """Where the repository is to be: asked whether it is there, and whether a clock can cut it."""
    found = await repositories.looked_up(call, project)
    found.require(Permission.EDIT_RELEASE_DEFINITION)
    settings = {**found.definition.settings, **changes}
    if asks:
        await sources.check(found.call, settings, found.definition.repository)
    await cut_clocks.check_reach(found.call, settings, found.definition.repository)


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
        found = await _locked(connection, call, project, environment)
        found.call.require(
            Permission.EDIT_RELEASE_DEFINITION, found.token, found.definition.definition_name
        )
        changed = await _changed(connection, found, wanted)
        if wanted.name is not None:
            await renaming.rename_environment(connection, found, wanted.name)
            changed = replace(changed, name=wanted.name)
        if wanted.rollback_on_failure is not None:
            await _set_trigger(connection, found, is_on=wanted.rollback_on_failure)
        if wanted.sets_method:
            await _set_method(connection, found, wanted.workflow)
        await rows.put_environment(connection, found.definition.definition_id, changed)
        return replace(found, environment_found=changed)


async def _changed(
    connection: Connection, found: Scene, wanted: EnvironmentChange
) -> rows.RepositoryEnvironment:
    before = found.environment
    named = {
        repositories.HOLD_AFTER_ROLLBACK: wanted.hold_after_rollback,
        repositories.ROLLBACK_ON_FAILURE: wanted.rollback_on_failure,
        "deploy_after_build": wanted.deploy_after_build,
        "require_verification": wanted.require_verification,
    }
    told: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if wanted.sets_method:
        told |= repositories.method_settings(wanted.workflow)
    parent = before.parent_id
    if wanted.parent is not None:
        number = found.definition.definition_id
        parent = await repositories.parent_id(connection, number, wanted.parent)
        await _check_order(connection, found, parent)
    return replace(
        before,
        tier=wanted.tier or before.tier,
        parent_id=parent,
        settings={**before.settings, **told},
    )


async def _check_order(connection: Connection, found: Scene, parent: int | None) -> None:
    """Raise Invalid for a parent that comes after the environment itself, at once or by others."""
    known = await rows.environments(connection, found.definition.definition_id)
    before = {one.id: one.parent_id for one in known}
    seen = {found.environment.id}
    while parent is not None:
        if parent in seen:
            raise Invalid("Invalid parent: an environment cannot come before itself.")
        seen.add(parent)
        parent = before.get(parent)


async def _set_trigger(connection: Connection, found: Scene, *, is_on: bool) -> None:
    """Have the definition redeploy what succeeded last when a deployment fails, or not."""

    def triggered(document: dict[str, Any]) -> dict[str, Any]:
        for stage in document["environments"]:
            if stage["id"] == found.environment.id:
                stage["environmentTriggers"] = repository_document.triggers(rolls_back=is_on)
        return document

    await renaming.changed(connection, found, triggered)


async def _set_method(connection: Connection, found: Scene, workflow: Workflow | None) -> None:
    """Have the definition deploy to the environment by this method."""
    phases = await deployment_methods.phases(connection, found.call, workflow)

    def written(document: dict[str, Any]) -> dict[str, Any]:
        for stage in document["environments"]:
            if stage["id"] == found.environment.id:
                stage["deployPhases"] = deployment_methods.kept(stage, phases)
        return document

    await renaming.changed(connection, found, written)


async def delete_environment(call: Call, project: str, environment: str) -> None:
    """Remove an environment with its settings; what was deployed there stays in the releases.

    Raises NotFound, Forbidden, Conflict while something is being deployed to it.
    """
    async with call.database.transaction() as connection:
        found = await repositories.scene(connection, call, project, environment)
        await freezes.close_door(connection, found.definition.definition_id)
        number = found.environment.id
        if await repository_environments.is_busy(connection, number):
            raise Conflict(f"Something is being deployed to {environment}. Cancel it first.")

        def without(document: dict[str, Any]) -> dict[str, Any]:
            left = [stage for stage in document["environments"] if stage["id"] != number]
            return {**document, "environments": left}

        await renaming.changed(connection, found, without)
        await repository_environments.forget(connection, number)
