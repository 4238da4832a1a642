"""Work that is done once a day, in one process of all."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from quaymaster.actions.call import Call
from quaymaster.store.postgres import turns

ONCE_EVERY = timedelta(days=1)
LONGEST_TURN = timedelta(hours=1)  # then another process may take over from one that is gone


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
