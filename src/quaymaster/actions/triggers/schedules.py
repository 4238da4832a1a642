"""Making releases by the clock (SEMANTICS 8.7)."""

from datetime import datetime, timedelta

import structlog

from quaymaster.actions.call import Call, Project
from quaymaster.actions.definitions import artifacts
from quaymaster.actions.releases import releases
from quaymaster.actions.releases.releases import ReleaseRequest
from quaymaster.actions.storage.turns import TRIED_FOR, alone, is_to_be_tried
from quaymaster.domain.errors import DomainError, Forbidden, NotFound, Refused
from quaymaster.domain.plan import Plan, Schedule
from quaymaster.domain.schedules import UnknownTimeZone, newest_due, next_occurrence
from quaymaster.domain.statuses import ReleaseReason
from quaymaster.domain.triggers import schedule_key
from quaymaster.store.definitions import definitions
from quaymaster.store.people import projects
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import VaultError
from quaymaster.store.triggers import firing, firings
from quaymaster.store.triggers.firing import Scheduled

_log = structlog.get_logger(__name__)


async def soon(call: Call, within: timedelta) -> list[tuple[int, timedelta]]:
    """(definition id, when) of every definition whose schedule is due now or within this time."""
    async with call.database.read() as connection:
        found = await firing.scheduled(connection)
        due = []
        for one in found:
            definition = await definitions.get(connection, None, None, one.definition_id)
            at = await _next(connection, definition.plan, one, call.now) if definition else None
            if at and at - call.now <= within:
                due.append((one.definition_id, max(at - call.now, timedelta(0))))
        return due


async def _next(
    connection: Connection, plan: Plan, one: Scheduled, now: datetime
) -> datetime | None:
    """When to look at the definition again: now, when an occurrence passed without a release."""
    times = []
    for schedule in plan.schedules:
        try:
            passed = newest_due(schedule, one.modified_at, now)
            key = schedule_key(schedule, passed.isoformat()) if passed else ""
            if passed and not await firings.RELEASES.has_fired(connection, one.definition_id, key):
                return now
            times.append(next_occurrence(schedule, now))
        except UnknownTimeZone as error:
            _log.warning("a schedule never fires", definition=one.definition_id, reason=str(error))
    return min((at for at in times if at), default=None)


async def fire_due(call: Call, definition_id: int) -> int:
    """Make the releases whose time has come; how many. One for each occurrence, ever.

    What cannot be made now, because a source does not answer, is tried again with growing pauses
    for a day, or until the next occurrence. One process at a time is at a definition.
    """
    name = f"schedule {definition_id}"
    return await alone(call, name, lambda: _fired(call, definition_id)) or 0


async def _fired(call: Call, definition_id: int) -> int:
    async with call.database.read() as connection:
        definition = await definitions.get(connection, None, None, definition_id)
        if definition is None or definition.is_deleted or definition.is_disabled:
            return 0
        row = await projects.get(connection, definition.project_id)
    project = Project(str(row.id), row.name, row.organization) if row else None
    made = 0
    for schedule in definition.plan.schedules:
        since = definition.modified_at
        occurrence = _passed(schedule, since, call.now)
        if occurrence is None:
            continue
        scheduled = Call(call.installation, None, project, call.now)
        made += await _make(scheduled, definition_id, definition.plan, schedule, occurrence)
    return made


def _passed(schedule: Schedule, since: datetime, now: datetime) -> datetime | None:
    try:
        return newest_due(schedule, since, now)
    except UnknownTimeZone:
        return None  # told of by `soon`


async def _make(
    call: Call, definition_id: int, plan: Plan, schedule: Schedule, occurrence: datetime
) -> bool:
    key = schedule_key(schedule, occurrence.isoformat())
    async with call.database.read() as connection:
        if await firings.RELEASES.has_fired(connection, definition_id, key):
            return False
    if not await is_to_be_tried(call, f"{definition_id} at {key}", occurrence):
        return False
    problem = ""
    request = ReleaseRequest(definition_id, reason=ReleaseReason.SCHEDULE)
    try:
        if not schedule.only_with_changes or await _something_changed(call, definition_id, plan):
            return await releases.create_once(call, request, key) is not None
    except (DomainError, VaultError) as error:
        problem = str(error)
        _log.warning(
            "a scheduled release could not be made", definition=definition_id, reason=problem
        )
        is_final = isinstance(error, Refused | NotFound | Forbidden)
        if not is_final and call.now - occurrence < TRIED_FOR:
            return False
    async with call.database.transaction() as connection:  # this occurrence is over
        if await firings.RELEASES.fire(connection, definition_id, key, call.now):
            await firing.failed(connection, definition_id, key, problem)
    return False


async def _something_changed(call: Call, definition_id: int, plan: Plan) -> bool:
    """Whether a version or the definition differs from its newest release (UNCERTAIN 40)."""
    async with call.database.read() as connection:
        last = await firing.newest_release(connection, definition_id)
        definition = await definitions.get(connection, None, None, definition_id)
    if last is None or definition is None:
        return True
    if definition.revision != last.definition_revision:
        return True
    now = await artifacts.chosen(call, plan, {}, is_draft=True)
    return any(version.version_id != last.versions.get(version.alias, "") for version in now)
