"""Work that one process of all does: once a day, or whenever it is due, for as long as it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from quaymaster.actions.call import Call
from quaymaster.domain.errors import Conflict, DomainError
from quaymaster.store.postgres import turns
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.storage.vault import VaultError

ONCE_EVERY = timedelta(days=1)
LONGEST_TURN = timedelta(hours=1)  # then another process may take over from one that is gone
LEASE = timedelta(seconds=30)  # renewed while the work goes on
BEATS_PER_LEASE = 3
LONGEST_WORK = timedelta(hours=1)  # so that what hangs holds up its own kind no longer
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)
TRIED_FOR = timedelta(days=1)  # what the clock asks for, while a source does not answer
LOST = "Its turn ended before it did, and somebody else may have taken it over."
OURS = "It went wrong for a reason that the server's log tells."

T = TypeVar("T")
_log = structlog.get_logger(__name__)


async def once_a_day(call: Call, name: str, work: Callable[[Call], Awaitable[int]]) -> int:
    """Do the work unless it was done today or somebody else does it; what it gives, or 0. Safe
    to call at any time."""
    async with call.database.transaction() as connection:
        last = await turns.last_run(connection, name)
        if last and call.now - last < ONCE_EVERY:
            return 0
        if not await turns.take(connection, name, call.now, call.now + LONGEST_TURN):
            return 0
    done = await work(call)
    async with call.database.transaction() as connection:
        await turns.ran(connection, name, call.now)
    return done


async def alone(call: Call, name: str, work: Callable[[], Awaitable[T]]) -> T | None:
    """Do the work unless somebody is at it already: None then, at once.

    However long it takes, it is not begun a second time by whoever is woken meanwhile. Who dies
    over it is followed by another once the lease has run out; what hangs is ended after an hour,
    and what has lost its turn to another at once: raises Conflict then.
    """
    return await _alone(call, name, lambda: _in_time(work))


async def _alone(call: Call, name: str, work: Callable[[], Awaitable[T]]) -> T | None:
    async with call.database.transaction() as connection:
        until = await turns.hold(connection, name, LEASE)
    if until is None:
        return None
    is_over = asyncio.Event()
    working = asyncio.ensure_future(work())
    holding = asyncio.create_task(_held(call, name, until, is_over))
    try:
        await asyncio.wait((working, holding), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        working.cancel()  # somebody else may be at it by now
        await asyncio.wait((working,))
        if working.cancelled():
            raise Conflict(LOST)
        return working.result()
    finally:
        working.cancel()
        await asyncio.wait((working,))
        is_over.set()
        await holding


async def alone_or_later(
    call: Call,
    name: str,
    work: Callable[[], Awaitable[T]],
    put_off: Callable[[str], Awaitable[T]],
) -> T | None:
    """The same for work that stands in a row: what goes wrong with it is put off with the reason,
    so that it holds up nothing else. An error of our own is put off and raised."""
    return await _alone(call, name, lambda: _or_later(lambda: _in_time(work), put_off))


async def _in_time(work: Callable[[], Awaitable[T]]) -> T:
    """Raises Conflict when the work takes too long."""
    limit = asyncio.timeout(LONGEST_WORK.total_seconds())
    try:
        async with limit:
            return await work()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise Conflict(f"It was ended after {LONGEST_WORK}.") from error


async def _or_later(work: Callable[[], Awaitable[T]], put_off: Callable[[str], Awaitable[T]]) -> T:
    try:
        return await work()
    except (DomainError, VaultError) as error:
        return await put_off(str(error))
    except DatabaseUnavailable:
        raise
    except Exception:
        await put_off(OURS)
        raise


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many tries that came to nothing."""
    return FIRST_PAUSE * (1 << min(tries, 10))


async def is_to_be_tried(call: Call, name: str, due_at: datetime) -> bool:
    """Whether to try now what stands in no row that could be put off, and has been due since then:
    once at a time, with pauses that grow with how long that is."""
    pause = min(max(call.now - due_at, FIRST_PAUSE), LONGEST_PAUSE)
    async with call.database.transaction() as connection:
        return await turns.hold(connection, name, pause) is not None


async def _held(call: Call, name: str, until: datetime, is_over: asyncio.Event) -> None:
    """Renew our turn until the work is over, and end it then."""
    held: datetime | None = until
    while held is not None:
        try:
            await asyncio.wait_for(is_over.wait(), LEASE.total_seconds() / BEATS_PER_LEASE)
        except TimeoutError:
            held = await _renewed(call, name, held)
            continue
        await _ended(call, name, held)
        return


async def _renewed(call: Call, name: str, until: datetime) -> datetime | None:
    try:
        async with call.database.transaction() as connection:
            return await turns.go_on(connection, name, until, LEASE)
    except DatabaseUnavailable as error:
        _log.warning("a turn could not be renewed", name=name, reason=str(error))
        return until


async def _ended(call: Call, name: str, until: datetime) -> None:
    try:
        async with call.database.transaction() as connection:
            await turns.end(connection, name, until)
    except DatabaseUnavailable as error:
        _log.warning("a turn ends with its lease", name=name, reason=str(error))
