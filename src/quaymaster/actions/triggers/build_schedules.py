"""Queueing builds by the clock, one of each branch that a schedule names (issue 4.3)."""

from datetime import datetime, timedelta

import structlog

from quaymaster.actions.builds import queueing
from quaymaster.actions.builds.definitions import build_sources
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call
from quaymaster.actions.storage.turns import TRIED_FOR, alone, is_to_be_tried
from quaymaster.actions.triggers.build_triggering import Wanted, opened
from quaymaster.domain.build_triggers import BuildSchedule, named_branches
from quaymaster.domain.errors import DomainError, Forbidden, NotFound, Refused
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
            for key in _keys(each, _passed(one, each, call.now)):
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


def _passed(one: Triggered, each: BuildSchedule, now: datetime) -> datetime | None:
    """The last occurrence, if there was one."""
    try:
        return newest_due(each.schedule, one.since, now)
    except UnknownTimeZone:
        return None  # told of by `_next`


def _keys(each: BuildSchedule, passed: datetime | None) -> list[str]:
    """The firings that an occurrence asks for: one for each branch ("" is the default)."""
    if passed is None:
        return []
    key = schedule_key(each.schedule, passed.isoformat())
    return [f"{key}:{branch}" for branch in named_branches(each.branches) or ("",)]


async def fire_due(call: Call, definition_id: int) -> int:
    """Queue the builds whose time has come; how many. One for each occurrence and branch, ever.

    What cannot be queued now, because a repository does not answer, is tried again with growing
    pauses for a day, or until the next occurrence. One process at a time is at a definition.
    """
    name = f"build schedule {definition_id}"
    return await alone(call, name, lambda: _fired(call, definition_id)) or 0


async def _fired(call: Call, definition_id: int) -> int:
    async with call.database.read() as connection:
        one = await build_triggers.get(connection, definition_id)
    wanted = await opened(call, one) if one else None
    if one is None or wanted is None:
        return 0
    made = 0
    for each in _times(one):
        passed = _passed(one, each, call.now)
        for key in _keys(each, passed):
            made += passed is not None and await _fire(wanted, each, key, passed)
    return made


async def _fire(wanted: Wanted, each: BuildSchedule, key: str, passed: datetime) -> bool:
    call, definition_id, branch = wanted.call, wanted.definition.id, key.rpartition(":")[2]
    async with call.database.read() as connection:
        if await firings.BUILDS.has_fired(connection, definition_id, key):
            return False
    if not await is_to_be_tried(call, f"{definition_id} builds at {key}", passed):
        return False
    request = BuildRequest(
        definition_id=definition_id,
        source_branch=branch,
        reason="schedule",
        trigger_info={"scheduleName": ""},
        lets_pass=True,
        once=key,
    )
    problem = ""
    try:
        if not each.schedule.only_with_changes or await _has_changed(wanted, branch):
            return await queueing.queue_once(call, request) is not None
    except DomainError as error:
        problem = error.message
        _log.warning("a scheduled build is not queued", definition=definition_id, reason=problem)
        is_final = isinstance(error, Refused | NotFound | Forbidden)
        if not is_final and call.now - passed < TRIED_FOR:
            return False
    async with call.database.transaction() as connection:  # this occurrence is over
        if await firings.BUILDS.fire(connection, definition_id, key, call.now):
            await build_triggers.fired(connection, definition_id, key, None, problem)
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
