"""Queueing builds by the clock, one of each branch that a schedule admits (issue 4.3)."""

from datetime import datetime, timedelta

import structlog

from quaymaster.actions.builds import queueing
from quaymaster.actions.builds.definitions import build_sources
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call
from quaymaster.actions.storage.turns import TRIED_FOR, alone, is_to_be_tried
from quaymaster.actions.triggers.build_triggering import Wanted, opened
from quaymaster.domain.build_triggers import (
    BuildSchedule,
    admits_branch,
    must_look_up,
    named_branches,
)
from quaymaster.domain.errors import DomainError, Forbidden, NotFound, Refused
from quaymaster.domain.filters import HEADS
from quaymaster.domain.schedules import UnknownTimeZone, newest_due, next_occurrence
from quaymaster.domain.triggers import schedule_key
from quaymaster.store.builds import lists
from quaymaster.store.storage.vault import VaultError
from quaymaster.store.triggers import build_triggers, firings
from quaymaster.store.triggers.build_triggers import Triggered

ALL = "*"  # in a firing's key, where the branch stands: no branch can be called so

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
    """The firings that an occurrence asks for: one for each branch that is named ("" is the
    default), and one for all those that are to be looked up."""
    if passed is None:
        return []
    key = schedule_key(each.schedule, passed.isoformat())
    branches = (*named_branches(each.branches), *([ALL] if must_look_up(each.branches) else []))
    default = () if each.branches else ("",)
    return [f"{key}:{branch}" for branch in branches or default]


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
            made += await _fire(wanted, each, key, passed) if passed else 0
    return made


async def _fire(wanted: Wanted, each: BuildSchedule, key: str, passed: datetime) -> int:
    """How many builds a firing came to now; none when it is over already."""
    call, definition_id = wanted.call, wanted.definition.id
    if await _is_over(wanted, key):
        return 0
    if not await is_to_be_tried(call, f"{definition_id} builds at {key}", passed):
        return 0
    made, problem = 0, ""
    try:
        if key.endswith(f":{ALL}"):
            made, is_over = await _fire_matching(wanted, each, key, passed)
        else:
            made, is_over = await _fire_one(wanted, each, key)
    except (DomainError, VaultError) as error:
        problem = str(error)
        _log.warning("a scheduled build is not queued", definition=definition_id, reason=problem)
        is_over = isinstance(error, Refused | NotFound | Forbidden)
        is_over |= call.now - passed >= TRIED_FOR
    if is_over:
        async with call.database.transaction() as connection:
            if await firings.BUILDS.fire(connection, definition_id, key, call.now):
                await build_triggers.fired(connection, definition_id, key, None, problem)
    return made


async def _is_over(wanted: Wanted, key: str) -> bool:
    async with wanted.call.database.read() as connection:
        return await firings.BUILDS.has_fired(connection, wanted.definition.id, key)


async def _fire_one(wanted: Wanted, each: BuildSchedule, key: str) -> tuple[int, bool]:
    """How many builds of its branch were queued, and whether there will never be one."""
    branch = key.rpartition(":")[2]
    if each.schedule.only_with_changes and not await _has_changed(wanted, branch):
        return 0, True
    request = BuildRequest(
        definition_id=wanted.definition.id,
        source_branch=branch,
        reason="schedule",
        trigger_info={"scheduleName": ""},
        lets_pass=True,
        once=key,
    )
    return int(await queueing.queue_once(wanted.call, request) is not None), False


async def _fire_matching(
    wanted: Wanted, each: BuildSchedule, key: str, passed: datetime
) -> tuple[int, bool]:
    """Fire for every branch there is that the filters admit without naming it in full: how many
    builds were queued, and whether all of them are over. Raises Invalid."""
    plan = wanted.definition.plan.repository
    sources = await build_sources.opened(wanted.call, wanted.definition.project_id, plan)
    named, made, is_over = named_branches(each.branches), 0, True
    for ref in sorted(await build_sources.heads(wanted.call, sources)):
        if ref.startswith(HEADS) and ref not in named and admits_branch(each.branches, ref):
            own = f"{key.removesuffix(ALL)}{ref}"
            made += await _fire(wanted, each, own, passed)
            is_over &= await _is_over(wanted, own)
    return made, is_over


async def _has_changed(wanted: Wanted, branch: str) -> bool:
    """Whether the branch has a commit that was not built last."""
    plan = wanted.definition.plan.repository
    sources = await build_sources.opened(wanted.call, wanted.definition.project_id, plan)
    newest = await build_sources.commit(wanted.call, sources, branch)
    ref = build_sources.full_branch(plan, branch)
    async with wanted.call.database.read() as connection:
        last = await lists.last_version(connection, wanted.definition.id, ref)
    return newest.id != last
