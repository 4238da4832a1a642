"""Deleting builds whose time is over: explained first, once a day (SEMANTICS 23.7)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.actions.releases.reading import visible_projects
from quaymaster.actions.storage.stored_objects import forget
from quaymaster.actions.storage.turns import once_a_day
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.build_retention import (
    BuildRetentionSettings,
    BuildRules,
    BuildVerdict,
    Fate,
)
from quaymaster.domain.errors import Invalid
from quaymaster.store.builds import aged_builds, edits
from quaymaster.store.builds.aged_builds import AgedDefinition, Kept
from quaymaster.store.people import project_settings

TURN = "build retention"
LOOKED_AT_ONCE = 500
DESTROYED_AT_ONCE = 100
LIMITS = {
    "days": (1, 731),
    "pull_request_days": (1, 731),
    "artifact_days": (1, 731),
    "minimum": (0, 50),
    "longest_days": (1, 36_500),
    "most_minimum": (0, 1000),
    "days_to_keep_deleted": (0, 36_500),
}


@dataclass(frozen=True, slots=True)
class BuildVerdicts:
    """What retention would do with the builds of one definition."""

    definition_id: int
    definition_name: str
    verdicts: tuple[BuildVerdict, ...]


async def explained(call: Call) -> list[BuildVerdicts]:
    """What would happen now to every build of the project (or of all), with nothing done."""
    return [
        BuildVerdicts(one.id, one.name, tuple([verdict async for verdict in _verdicts(call, one)]))
        for one in await _definitions(call)
    ]


async def run_if_due(call: Call) -> int:
    """Run once a day, in one process; how many builds were deleted, destroyed or lost files."""
    return await once_a_day(call, TURN, run)


async def run(call: Call) -> int:
    """Delete what may go, and destroy what was deleted long ago; how many builds of both."""
    done = 0
    for definition in await _definitions(call):
        async for verdict in _verdicts(call, definition):
            if verdict.fate is not Fate.KEPT:
                done += await _carry_out(call, definition, verdict.build)
    async with call.database.read() as connection:
        projects = await aged_builds.projects_with_deleted(connection)
    for project in projects:
        done += await _destroy_old(call, project)
    return done


async def _definitions(call: Call) -> list[AgedDefinition]:
    async with call.database.read() as connection:
        return await aged_builds.definitions(connection, call.project_id)


async def _rules(call: Call, definition: AgedDefinition) -> BuildRules:
    async with call.database.read() as connection:
        settings = await project_settings.build_retention(connection, definition.project_id)
        recent = await aged_builds.recent(connection, definition.id, settings.most_minimum)
    return BuildRules(definition.rules, settings, definition.default_branch, tuple(recent))


async def _verdicts(call: Call, definition: AgedDefinition) -> AsyncIterator[BuildVerdict]:
    """On every completed build of the definition, some at a time, oldest first."""
    rules, after = await _rules(call, definition), 0
    while True:
        async with call.database.read() as connection:
            held = await aged_builds.held(
                connection, definition.id, after, call.now, LOOKED_AT_ONCE
            )
        for verdict in rules.verdicts(held, call.now):
            yield verdict
        if len(held) < LOOKED_AT_ONCE:
            return
        after = held[-1].id


async def _carry_out(call: Call, definition: AgedDefinition, build_id: int) -> bool:
    """Do what the verdict says unless somebody took the build up in the meantime: it is looked at
    once more while no release can take it."""
    rules = await _rules(call, definition)
    async with call.database.transaction() as connection:
        await aged_builds.lock(connection, build_id)
        held = await aged_builds.held(connection, definition.id, 0, call.now, 1, only=build_id)
        verdict = next(iter(rules.verdicts(held, call.now)), None)
        if verdict is None or verdict.fate is Fate.KEPT:
            return False
        if verdict.fate is Fate.GOES:
            await edits.delete(connection, build_id, call.by, call.now)
            await aged_builds.say_why(connection, build_id, " ".join(verdict.reasons))
            return True
        keys = await aged_builds.remove_files(connection, build_id, verdict.artifacts)
    await forget(call, keys)
    return bool(keys)


async def _destroy_old(call: Call, project: UUID) -> int:
    """Destroy what was deleted longer ago than the project keeps it, logs and files included."""
    done = 0
    while True:
        async with call.database.transaction() as connection:
            settings = await project_settings.build_retention(connection, project)
            before = call.now - timedelta(days=settings.days_to_keep_deleted)
            old = await aged_builds.long_deleted(connection, project, before, DESTROYED_AT_ONCE)
            if not old:
                return done
            keys = await aged_builds.destroy(connection, old)
        done += len(old)
        await forget(call, keys)


async def settings(call: Call) -> BuildRetentionSettings:
    """How long builds of the project are kept. Raises Forbidden without view builds."""
    project = _project(call)
    call.require_build(BuildPermission.VIEW_BUILDS, str(project), "the project's builds")
    async with call.database.read() as connection:
        return await project_settings.build_retention(connection, project)


async def change_settings(call: Call, wanted: BuildRetentionSettings) -> BuildRetentionSettings:
    """Change how long builds of the project are kept. Raises Invalid, Forbidden."""
    project = _project(call)
    permission = BuildPermission.ADMINISTER_BUILD_PERMISSIONS
    call.require_build(permission, str(project), "the project")
    check(wanted)
    async with call.database.transaction() as connection:
        await project_settings.set_build_retention(connection, project, wanted)
    return wanted


async def kept_now(call: Call) -> Kept:
    """What is kept at present of the projects that the caller may see builds of."""
    async with call.database.read() as connection:
        projects = await visible_projects(connection, call)
        permission = BuildPermission.VIEW_BUILDS
        seen = [one for one in projects if call.may_build(permission, str(one))]
        return await aged_builds.kept(connection, seen)


def check(wanted: BuildRetentionSettings) -> None:
    """Raise Invalid for numbers that contradict each other or that nobody can mean."""
    for name, (least, most) in LIMITS.items():
        if not least <= getattr(wanted, name) <= most:
            said = name.replace("_", " ")
            raise Invalid(f"Retention of builds: {said} must be from {least} to {most}.")
    capped = replace(
        wanted,
        days=min(wanted.days, wanted.longest_days),
        minimum=min(wanted.minimum, wanted.most_minimum),
    )
    if capped != wanted:
        raise Invalid("The default retention policy asks for more than the maximum allows.")


def _project(call: Call) -> UUID:
    return call.required_project("whose settings are meant")
