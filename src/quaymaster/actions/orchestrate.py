"""The one place where a release changes: lock, decide, save, record, follow up (DESIGN 4)."""

from collections.abc import Callable
from datetime import datetime

from quaymaster.actions import freeze_times
from quaymaster.actions.call import Call
from quaymaster.actions.follow_up import follow_up
from quaymaster.domain.changes import Change, Event, JobGivenUp, JobLost
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import NotFound
from quaymaster.domain.record import entries
from quaymaster.domain.release import Release, ReleaseId
from quaymaster.store import history, releases, task_runs
from quaymaster.store.database import Connection

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
    await _end_steps(connection, changes, now)
    await follow_up(connection, before, after, now)
    return after


async def _end_steps(connection: Connection, changes: list[Change], now: datetime) -> None:
    """The steps of a job that ended without its worker's word will not be reported any more."""
    for change in changes:
        if isinstance(change, JobLost):
            await task_runs.abandon(connection, change.job, "Failed", now)
        elif isinstance(change, JobGivenUp):
            await task_runs.abandon(connection, change.job, "Canceled", now)
