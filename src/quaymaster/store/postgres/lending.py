"""Lends the connections of a pool: one that comes back goes straight to whoever waits for it.

Taking a connection back and giving it out again costs asyncpg's pool a task, two timers and some
turns of the event loop, a quarter of a short request. They are for a reset that our connections do
not need (`database.SERVER_SETTINGS`). What is not used for a moment goes back to the pool, which
opens, replaces and closes connections.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

if TYPE_CHECKING:
    Lent: TypeAlias = PoolConnectionProxy[asyncpg.Record]

ACQUIRE_SECONDS = 15.0
KEPT_SECONDS = 1.0


class Lending:
    """At most `most` connections of the pool at a time, in the order of asking."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", most: int) -> None:
        self._pool = pool
        self._most = most
        self._taken = 0  # out of the pool: in use, or free
        self._free: list[Lent] = []
        self._waiting: deque[asyncio.Future[Lent | None]] = deque()
        self._tidying: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()
        self._closed = False

    async def take(self) -> "Lent":
        """A connection that works, as far as is known. Raises what asyncpg raises, and
        TimeoutError when none comes back for too long."""
        while True:
            if self._free:
                found: Lent | None = self._free.pop()
            elif self._taken < self._most:
                return await self._from_pool()
            else:
                found = await self._turn()
            if found is not None and _is_usable(found):
                return found
            if found is not None:
                await self._to_pool(found)

    async def give_back(self, connection: "Lent", *, is_clean: bool) -> None:
        """`is_clean` says that nothing went wrong with it; otherwise the pool looks after it."""
        if is_clean and not self._closed and _is_usable(connection):
            self._pass_on_or_keep(connection)
        else:
            await self._to_pool(connection)

    async def close(self) -> None:
        """Give the pool back what is free; what is in use follows as soon as it comes back."""
        self._closed = True
        if self._tidying is not None:
            self._tidying.cancel()
        self._tidy()
        await asyncio.gather(*self._returning, return_exceptions=True)

    async def _from_pool(self) -> "Lent":
        self._taken += 1
        # One that nobody uses is there at once, or after CONNECT_SECONDS; a watch costs more.
        timeout = None if self._pool.get_idle_size() else ACQUIRE_SECONDS
        try:
            return await self._pool.acquire(timeout=timeout)
        except BaseException:
            self._taken -= 1
            self._pass_on(None)
            raise

    async def _to_pool(self, connection: "Lent") -> None:
        try:
            await self._pool.release(connection)
        finally:
            self._taken -= 1
            self._pass_on(None)

    async def _turn(self) -> "Lent | None":
        """What the next who is done gives; None says that the pool has one again."""
        turn: asyncio.Future[Lent | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                return await turn
        except BaseException:
            if not turn.cancel() and not turn.cancelled():  # it came at the moment of giving up
                self._pass_on_or_keep(turn.result())
            raise

    def _pass_on(self, connection: "Lent | None") -> bool:
        """Whether somebody waited for it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    def _pass_on_or_keep(self, connection: "Lent | None") -> None:
        if self._pass_on(connection) or connection is None:
            return
        self._free.append(connection)
        if self._tidying is None:
            loop = asyncio.get_running_loop()
            self._tidying = loop.call_later(KEPT_SECONDS, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        while self._free:
            returning = asyncio.ensure_future(self._to_pool(self._free.pop()))
            self._returning.add(returning)
            returning.add_done_callback(self._returned)

    def _returned(self, returning: "asyncio.Task[None]") -> None:
        self._returning.discard(returning)
        if not returning.cancelled():
            returning.exception()  # a connection that broke while nobody used it is nobody's loss


def _is_usable(connection: "Lent") -> bool:
    """Whether the next one may have it as it is; not one that broke or is in a transaction."""
    try:
        return not (connection.is_closed() or connection.is_in_transaction())
    except asyncpg.InterfaceError:  # the pool has dropped it already
        return False
