"""The one place where a release changes: lock, decide, save, record, follow up (DESIGN 4)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog

from quaymaster.actions import circumstances, job_tokens
from quaymaster.actions.call import Call
from quaymaster.actions.follow_up import follow_up
from quaymaster.domain.announcements import announcements
from quaymaster.domain.changes import (
    Change,
    Event,
    JobGivenUp,
    JobLost,
    SlotGranted,
    Superseded,
)
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import DomainError, NotFound
from quaymaster.domain.finding import found_job
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.queueing import Standing, next_moves
from quaymaster.domain.record import entries
from quaymaster.domain.release import Job, JobKind, Release, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.store import queueing, releases, task_runs
from quaymaster.store.database import Connection, DatabaseUnavailable
from quaymaster.store.release_statements import Beside

MOST_ADMISSIONS = 20  # by one request; a worker goes on with what is left

_log = structlog.get_logger(__name__)

STEP_RESULT = {
    JobStatus.SUCCEEDED: "Succeeded",
    JobStatus.WITH_ISSUES: "SucceededWithIssues",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELED: "Canceled",
    JobStatus.SKIPPED: "Skipped",
}

Check = Callable[[Release], None]
Then = Callable[[Release], Event | None]


async def happen(
    call: Call, release_id: ReleaseId, event: Event, check: Check | None = None
) -> Release:
    """Let an event happen to a release in a transaction of its own.

    `check` sees the locked release first and raises when the caller may not do this to it.
    Raises NotFound, and whatever `decide` refuses with; nothing is changed then.
    """
    async with deciding(call) as connection:
        return await happen_within(connection, call, release_id, event, check)


async def happen_within(
    connection: Connection,
    call: Call,
    release_id: ReleaseId,
    event: Event,
    check: Check | None = None,
    then: Then | None = None,
    *,
    is_locked: bool = False,
) -> Release:
    """The same inside a transaction that the caller opened, in which a statement before may have
    locked the release already.

    `then` sees the release after the event, every record with its id, and may name one more event
    to happen with it: that costs nothing beside a transaction of its own.
    """
    find = releases.load if is_locked else releases.locked
    before = await find(connection, release_id)
    if before is None:
        raise NotFound("release", release_id)
    before = await circumstances.looked_up(connection, call, before, event)
    if check:
        check(before)
    after, changes = decide(before, event, call.now)
    if then and changes:
        after = await releases.numbered(connection, after)
        following = then(after)
        if following:
            after, more = decide(after, following, call.now)
            changes += more
    return await _kept(connection, call, before, after, changes)


async def _kept(
    connection: Connection, call: Call, before: Release, after: Release, changes: list[Change]
) -> Release:
    if not changes:
        return before
    after = await releases.numbered(connection, after)
    beside = Beside(call.now, entries(after, changes), announcements(before, after))
    queued = await releases.keep(connection, before, after, beside)
    await _end_steps(connection, before, after, changes, call.now)
    call.moved.update(await follow_up(connection, before, after, call.now, queued))
    return after


async def _end_steps(
    connection: Connection, before: Release, after: Release, changes: list[Change], now: datetime
) -> None:
    """The steps of a job that ended without its worker's word will not be reported any more."""
    for change in changes:
        if isinstance(change, JobLost | JobGivenUp):
            result = "Failed" if isinstance(change, JobLost) else "Canceled"
            await task_runs.abandon(connection, change.job, result, now)
            token = found_job(after, change.job).token
            await job_tokens.withdraw(connection, after, change.job, token)
    for job in _answered(before, after):
        result = STEP_RESULT[job.status]
        await task_runs.conclude(connection, job.id, result, job.error, now)


def _answered(before: Release, after: Release) -> list[Job]:
    """Jobs that no worker held and that have ended: a service was to report on their steps."""
    ended = {
        job.id
        for stage in before.stages
        for job in (stage.newest.jobs if stage.newest else ())
        if job.status.is_ended
    }
    return [
        job
        for stage in after.stages
        for job in (stage.newest.jobs if stage.newest else ())
        if job.kind is JobKind.CALL_BACK and job.status.is_ended and job.id not in ended
    ]


# ---- environments with a limit --------------------------------------------------------------


@asynccontextmanager
async def deciding(call: Call) -> AsyncIterator[Connection]:
    """A transaction in which releases may change. Once it is committed, the environments whose
    queues it moved admit who is next: to wait for a worker to hear of it costs every start some
    milliseconds. A wake-up says the same to a worker, should this process die in between."""
    async with call.database.transaction() as connection:
        yield connection
    await _admit_moved(call)


async def _admit_moved(call: Call) -> None:
    for _ in range(MOST_ADMISSIONS):
        if not call.moved:
            return
        environment, policy = call.moved.popitem()
        try:
            if await _may_admit(call, environment, policy):
                await admit(call, environment)
        except (DatabaseUnavailable, DomainError) as error:
            _log.warning("an environment has to wait", environment=environment, reason=str(error))
    call.moved.clear()


async def _may_admit(call: Call, environment: int, policy: QueuePolicy) -> bool:
    """Whether asking can move anybody. Who leaves after this look asks anew, and sees us."""
    if policy.depth:
        return True
    async with call.database.read() as connection:
        return await queueing.holders(connection, environment) < policy.concurrency


async def admit(call: Call, environment: int) -> int:
    """Let waiting attempts into an environment, in its own order (SEMANTICS 11): grant free slots
    and supersede who no longer counts; how many attempts were moved.

    The environment's row is locked before any release's (DESIGN 4), so that two who look at the
    same time cannot both hand out the last slot.
    """
    async with call.database.transaction() as connection:
        queue = await queueing.locked(connection, environment)
        if queue is None:
            return 0
        standings, moved = queue.standings, 0
        while True:
            moves = next_moves(standings)
            for standing, newer in moves.superseded:
                event = Superseded(standing.stage, standing.attempt, newer)
                await happen_within(connection, call, standing.release, event)
            stopped = [one for one in moves.granted if not await _let_in(connection, call, one)]
            moved += len(moves.granted) + len(moves.superseded) - len(stopped)
            if not stopped:
                return moved
            standings = await _without(connection, environment, standings, stopped)


async def _let_in(connection: Connection, call: Call, standing: Standing) -> bool:
    """Whether the attempt took the slot; one that a freeze keeps back does not."""
    granted = SlotGranted(standing.stage, standing.attempt)
    release = await happen_within(connection, call, standing.release, granted)
    stage = release.stage(standing.stage)
    return bool(stage and stage.newest and stage.newest.has_slot)


async def _without(
    connection: Connection, environment: int, before: list[Standing], stopped: list[Standing]
) -> list[Standing]:
    """The queue as it stands now, without those that do not stand in line while it is frozen."""
    left = {(one.stage, one.attempt) for one in before}
    left -= {(one.stage, one.attempt) for one in stopped}
    now = await queueing.standings(connection, environment)
    return [one for one in now if (one.stage, one.attempt) in left]
