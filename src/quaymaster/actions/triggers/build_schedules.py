"""Queueing builds by the clock, one of each branch that a schedule names (issue 4.3)."""

from datetime import datetime, timedelta

import structlog

from quaymaster.actions.builds import queueing
from quaymaster.actions.builds.definitions import build_sources
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call
from quaymaster.actions.triggers.build_triggering import Wanted, opened
from quaymaster.domain.build_triggers import BuildSchedule, named_branches
from quaymaster.domain.errors import DomainError
from quaymaster.domain.schedules import UnknownTimeZone, newest_due, next_occurrence
from quaymaster.domain.triggers import schedule_key
from quaymaster.store.builds import lists
from quaymaster.store.triggers import build_triggers, firings
from quaymaster.store.triggers.build_triggers import Triggered

_log = structlog.get_logger(__name__)


async def soon(call: Call, within: timedelta) -> list[tuple[int, timedelta]]:
    """(definition id, when) of every definition with a schedule that is due now or within this."""
    async with call.database.read() as connection:
        found = await build_triggers.scheduled(connection)
        due = []
        for one in found:
            at = min(
                filter(None, [_next(one, each, call.now) for each in _times(one)]), default=None
            )
            passed = await _has_passed(call, one)
            at = call.now if passed else at
            if at and at - call.now <= within:
                due.append((one.definition_id, max(at - call.now, timedelta(0))))
        return due


async def _has_passed(call: Call, one: Triggered) -> bool:
    """Whether an occurrence is over that has not been answered."""
    async with call.database.read() as connection:
        for each in _times(one):
            for key in _keys(one, each, call.now):
                if not await firings.BUILDS.has_fired(connection, one.definition_id, key):
                    return True
    return False


def _times(one: Triggered) -> tuple[BuildSchedule, ...]:
    return one.triggers.schedules


def _next(one: Triggered, each: BuildSchedule, now: datetime) -> datetime | None:
    try:
        return next_occurrence(each.schedule, now)
    except UnknownTimeZone as error:
        _log.warning("a schedule never fires", definition=one.definition_id, reason=str(error))
        return None


def _keys(one: Triggered, each: BuildSchedule, now: datetime) -> list[str]:
    """The firings that the last occurrence asks for: one for each branch ("" is the default)."""
    try:
        passed = newest_due(each.schedule, one.since, now)
    except UnknownTimeZone:
        return []  # told of by `_next`
    if passed is None:
        return []
    key = schedule_key(each.schedule, passed.isoformat())
    return [f"{key}:{branch}" for branch in named_branches(each.branches) or ("",)]


async def fire_due(call: Call, definition_id: int) -> int:
    """Queue the builds whose time has come; how many. One for each occurrence and branch, ever."""
    async with call.database.read() as connection:
        one = await build_triggers.get(connection, definition_id)
    wanted = await opened(call, one) if one else None
    if one is None or wanted is None:
        return 0
    made = 0
    for each in _times(one):
        for key in _keys(one, each, call.now):
            made += await _fire(wanted, each, key)
    return made


async def _fire(wanted: Wanted, each: BuildSchedule, key: str) -> bool:
    definition_id, branch = wanted.definition.id, key.rpartition(":")[2]
    async with wanted.call.database.read() as connection:
        if await firings.BUILDS.has_fired(connection, definition_id, key):
            return False
    request = BuildRequest(
        definition_id=definition_id,
        source_branch=branch,
        reason="schedule",
        trigger_info={"scheduleName": ""},
        lets_pass=True,
        once=key,
    )
    try:
        if not each.schedule.only_with_changes or await _has_changed(wanted, branch):
            return await queueing.queue_once(wanted.call, request) is not None
    except DomainError as error:
        _log.warning("a scheduled build is not queued", definition=definition_id, reason=str(error))
    async with wanted.call.database.transaction() as connection:
        await firings.BUILDS.fire(connection, definition_id, key, wanted.call.now)  # it is over
    return False


async def _has_changed(wanted: Wanted, branch: str) -> bool:
    """Whether the branch has a commit that was not built last."""
    plan = wanted.definition.plan.repository
    sources = await build_sources.opened(wanted.call, wanted.definition.project_id, plan)
    newest = await build_sources.commit(wanted.call, sources, branch)
    ref = build_sources.full_branch(plan, branch)
    async with wanted.call.database.read() as connection:
        last = await lists.last_version(connection, wanted.definition.id, ref)
    return newest.id != last
