"""The one place where a release changes: lock, decide, save, record, follow up (DESIGN 4)."""

from collections.abc import Callable
from datetime import datetime

from quaymaster.actions import freeze_times, job_tokens
from quaymaster.actions.call import Call
from quaymaster.actions.follow_up import follow_up
from quaymaster.domain.allowed import found_job
from quaymaster.domain.changes import Change, Event, JobGivenUp, JobLost
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import NotFound
from quaymaster.domain.record import entries
from quaymaster.domain.release import Job, JobKind, Release, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.store import history, releases, task_runs
from quaymaster.store.database import Connection

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
    async with call.database.transaction() as connection:
        return await happen_within(connection, call, release_id, event, check)


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
    before = await releases.locked(connection, release_id)
    if before is None:
        raise NotFound("release", release_id)
    before = freeze_times.at(before, call.now)
    if check:
        check(before)
    after, changes = decide(before, event, call.now)
    if then and changes:
        after = await releases.numbered(connection, after)
        following = then(after)
        if following:
            after, more = decide(after, following, call.now)
            changes += more
    return await _kept(connection, before, after, changes, call.now)


async def _kept(
    connection: Connection, before: Release, after: Release, changes: list[Change], now: datetime
) -> Release:
    if not changes:
        return before
    after = await releases.save(connection, before, after)
    await history.append(connection, after.id, now, entries(after, changes))
    await _end_steps(connection, before, after, changes, now)
    await follow_up(connection, before, after, now)
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
