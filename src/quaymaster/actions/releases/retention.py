"""Deleting releases whose time is over: explained first, once a day (SEMANTICS 6.7)."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.actions.storage.stored_objects import forget
from quaymaster.actions.storage.turns import once_a_day
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import RetentionPolicy
from quaymaster.domain.record import Entry
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.retention import Held, Recent, RetentionSettings, Verdict, verdicts
from quaymaster.store.definitions import definitions
from quaymaster.store.people import project_settings
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import edits, history, releases, retention

TURN = "retention"
LOOKED_AT_ONCE = 500
DESTROYED_AT_ONCE = 200
WHY = "Its retention time is over."


@dataclass(frozen=True, slots=True)
class DefinitionVerdicts:
    """What retention would do with the releases of one definition."""

    definition_id: int
    definition_name: str
    verdicts: tuple[Verdict, ...]


async def explained(call: Call) -> list[DefinitionVerdicts]:
    """What would happen now to every release of the project (or of all), with nothing done."""
    async with call.database.read() as connection:
        found = await retention.definitions(connection, call.project_id)
    return [
        DefinitionVerdicts(number, name, tuple([one async for one in _verdicts(call, rules)]))
        for number, project, name in found
        for rules in [await _rules(call, number, project)]
    ]


async def run_if_due(call: Call) -> int:
    """Run once a day, in one process; how many releases were deleted or destroyed. Safe to call
    at any time."""
    return await once_a_day(call, TURN, run)


async def run(call: Call) -> int:
    """Delete what may go, and destroy what was deleted long ago; how many releases of both."""
    done = 0
    async with call.database.read() as connection:
        found = await retention.definitions(connection, call.project_id)
    for definition_id, project, _ in found:
        rules = await _rules(call, definition_id, project)
        async for verdict in _verdicts(call, rules):
            if verdict.may_go:
                done += await _delete(call, rules, verdict.release)
    async with call.database.read() as connection:
        projects = await retention.projects_with_deleted(connection)
    for project in projects:
        done += await _destroy_old(call, project)
    return done


@dataclass(frozen=True, slots=True)
class _Rules:
    """What counts for the releases of one definition."""

    definition_id: int
    policies: Mapping[int, RetentionPolicy]
    names: Mapping[int, str]
    settings: RetentionSettings
    recent: Sequence[Recent]

    def verdicts(self, held: Iterable[Held], now: datetime) -> list[Verdict]:
        return verdicts(held, self.policies, self.names, self.settings, now, self.recent)


async def _rules(call: Call, definition_id: int, project: UUID) -> _Rules:
    async with call.database.read() as connection:
        settings = await project_settings.retention(connection, project)
        policies, names = await _policies(connection, definition_id)
        recent = await retention.recent(connection, definition_id, settings.longest.releases)
    return _Rules(definition_id, policies, names, settings, recent)


async def _verdicts(call: Call, rules: _Rules) -> AsyncIterator[Verdict]:
    """On every release of the definition, some at a time, oldest first."""
    after = 0
    while True:
        async with call.database.read() as connection:
            held = await retention.held(connection, rules.definition_id, after, LOOKED_AT_ONCE)
        for verdict in rules.verdicts(held, call.now):
            yield verdict
        if len(held) < LOOKED_AT_ONCE:
            return
        after = held[-1].release


async def _policies(
    connection: Connection, definition_id: int
) -> tuple[Mapping[int, RetentionPolicy], Mapping[int, str]]:
    """What the definition's stages ask for now, and what they are called."""
    found = await definitions.get(connection, None, None, definition_id)
    stages = found.plan.stages if found else ()
    return (
        {stage.definition_stage_id: stage.retention for stage in stages},
        {stage.definition_stage_id: stage.name for stage in stages},
    )


async def _delete(call: Call, rules: _Rules, release_id: int) -> bool:
    """Delete one release softly unless somebody took it up again in the meantime: it is looked
    at once more while nobody can change it."""
    async with call.database.transaction() as connection:
        if await releases.locked(connection, ReleaseId(release_id)) is None:
            return False
        held = await retention.held(connection, rules.definition_id, 0, 1, only=release_id)
        if not all(verdict.may_go for verdict in rules.verdicts(held, call.now)) or not held:
            return False
        done = await edits.set_deleted(
            connection, release_id, deleted=True, by=call.by, at=call.now
        )
        entry = Entry("Deleted", by=call.by, comment=WHY)
        await history.append(connection, release_id, call.now, [entry])
        return done


async def _destroy_old(call: Call, project: UUID) -> int:
    """Destroy what was deleted longer ago than the project keeps it, logs included."""
    done = 0
    while True:
        async with call.database.transaction() as connection:
            settings = await project_settings.retention(connection, project)
            before = call.now - timedelta(days=settings.days_to_keep_deleted)
            old = await retention.long_deleted(connection, project, before, DESTROYED_AT_ONCE)
            if not old:
                return done
            keys = await retention.object_keys(connection, old)
            await retention.destroy(connection, old)
        done += len(old)
        await forget(call, keys)


async def settings(call: Call) -> RetentionSettings:
    """How long releases of the project are kept. Raises Forbidden without view releases."""
    project = _project(call)
    call.require(Permission.VIEW_RELEASES, str(project), "the project's releases")
    async with call.database.read() as connection:
        return await project_settings.retention(connection, project)


async def change_settings(call: Call, wanted: RetentionSettings) -> None:
    """Change how long releases of the project are kept. Raises Invalid, Forbidden."""
    project = _project(call)
    call.require(Permission.MANAGE_RELEASE_SETTINGS, str(project), "the project")
    _check(wanted)
    async with call.database.transaction() as connection:
        await project_settings.set_retention(connection, project, wanted)


def _project(call: Call) -> UUID:
    return call.required_project("whose settings are meant")


def _check(wanted: RetentionSettings) -> None:
    numbers = (
        wanted.default.days,
        wanted.default.releases,
        wanted.longest.days,
        wanted.longest.releases,
        wanted.days_to_keep_deleted,
    )
    if min(numbers) < 0:
        raise Invalid("Days and numbers of releases to keep cannot be negative.")
    too_long = wanted.default.days > wanted.longest.days
    if too_long or wanted.default.releases > wanted.longest.releases:
        raise Invalid("The default retention policy asks for more than the maximum allows.")
