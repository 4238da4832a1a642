"""The one place where a release changes: lock, decide, save, record, follow up (DESIGN 4)."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.decisions import circumstances
from quaymaster.actions.decisions.follow_up import follow_up, wake_deliveries
from quaymaster.actions.people import job_tokens
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
from quaymaster.store.deployments import queueing
from quaymaster.store.jobs import task_runs
from quaymaster.store.postgres.database import Connection, DatabaseUnavailable
from quaymaster.store.releases import releases
from quaymaster.store.releases.releases import Step
from quaymaster.store.releases.writing.statements import Beside

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


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that is to happen to a release. `check` sees the locked release first and raises
    when the caller may not do this to it."""

    call: Call
    release: ReleaseId
    event: Event
    check: Check | None = None


async def happen(
    call: Call, release_id: ReleaseId, event: Event, check: Check | None = None
) -> Release:
    """Let an event happen to a release, in one transaction with others that came meanwhile.

    Raises NotFound, and whatever `check` or `decide` refuse with; nothing is changed then.
    """
    asked = Happening(call, release_id, event, check)
    after = await call.installation.decisions.ask(release_id, asked, _happen_together)
    if after is not None:
        await _admit_moved(call)
        return after
    async with deciding(call) as connection:
        return await happen_within(connection, call, release_id, event, check)


async def _happen_together(asked: Sequence[Happening]) -> Sequence[Release | Exception | None]:
    """The releases as they are now, or why nothing was changed; None for whoever has to go alone:
    it would have to wait for somebody, or the trouble of one would become that of all.

    Raises DatabaseUnavailable, after which nobody knows whether it was saved.
    """
    turns: dict[ReleaseId, Release | Exception] = {}
    try:
        async with asked[0].call.database.transaction() as connection:
            wanted = [one.release for one in asked]
            found = {one.id: one for one in await releases.locked_at_once(connection, wanted)}
            decided = []
            for one in asked:
                if before := found.get(one.release):
                    try:
                        decided.append(await _decided(connection, one, before))
                    except DomainError as error:
                        turns[one.release] = error
            kept = await _kept(connection, decided)
            turns.update({release.id: release for release in kept})
    except DatabaseUnavailable:
        raise
    except Exception:  # noqa: BLE001 - it comes up again for whom it concerns, and only for them
        _log.info("decisions are made one by one", decisions=len(asked), exc_info=True)
        return [None] * len(asked)
    return [turns.get(one.release) for one in asked]


async def happen_within(
    connection: Connection,
    call: Call,
    release_id: ReleaseId,
    event: Event,
    check: Check | None = None,
    then: Then | None = None,
) -> Release:
    """The same inside a transaction that the caller opened.

    `then` sees the release after the event, every record with its id, and may name one more event
    to happen with it: that costs nothing beside a transaction of its own.
    """
    found = await releases.locked(connection, release_id)
    if found is None:
        raise NotFound("release", release_id)
    decided = await _decided(connection, Happening(call, release_id, event, check), found)
    if then and decided.changes:
        [after] = await releases.numbered(connection, [decided.after])
        following = then(after)
        if following:
            after, more = decide(after, following, call.now)
            decided = replace(decided, changes=[*decided.changes, *more])
        decided = replace(decided, after=after)
    [after] = await _kept(connection, [decided])
    return after


@dataclass(frozen=True, slots=True)
class _Decided:
    call: Call
    before: Release
    after: Release
    changes: list[Change]


async def _decided(connection: Connection, wanted: Happening, found: Release) -> _Decided:
    call = wanted.call
    before = await circumstances.looked_up(connection, call, found, wanted.event)
    if wanted.check:
        wanted.check(before)
    return _Decided(call, before, *decide(before, wanted.event, call.now))


async def _kept(connection: Connection, decided: Sequence[_Decided]) -> list[Release]:
    """The releases after what was decided, each of another release, was saved."""
    changed = [one for one in decided if one.changes]
    numbered = await releases.numbered(connection, [one.after for one in changed])
    steps = [
        Step(
            one.before,
            after,
            Beside(one.call.now, entries(after, one.changes), announcements(one.before, after)),
        )
        for one, after in zip(changed, numbered, strict=True)
    ]
    queued = await releases.keep(connection, steps)
    for one, after in zip(changed, numbered, strict=True):
        await _end_steps(connection, one.before, after, one.changes, one.call.now)
        one.call.moved.update(await follow_up(connection, one.before, after, one.call.now))
    if queued:
        await wake_deliveries(connection)
    saved = {after.id: after for after in numbered}
    return [saved.get(one.before.id, one.before) for one in decided]


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
