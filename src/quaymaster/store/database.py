"""The pool of connections to PostgreSQL, and what its failures mean to a caller."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction

from quaymaster.domain.errors import Conflict, Invalid

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS = 10.0
ACQUIRE_SECONDS = 15.0
STATEMENT_SECONDS = 60.0
CACHED_STATEMENTS = 512
IDLE_SECONDS = 30.0  # a server process that nobody uses takes 5 to 10 MB
LARGEST_CACHED_STATEMENT = 64 * 1024

# No SET of ours outlives a transaction, and the pool never LISTENs: so a connection needs no
# reset when it comes back, which saves a round trip per use (WEB.md B).
SERVER_SETTINGS = {
    "application_name": "quaymaster",
    "timezone": "UTC",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
}

LOST = (
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was told to end, and is not closed yet
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
)

# The server's own text names what is wrong, and never holds a password.
REFUSING = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
)


class DatabaseUnavailable(Exception):
    """PostgreSQL did not answer; the text says what is known about what was to be saved."""


class Database:
    """All connections of this process. Made by `connect`; `close` when done."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed at the end of the block, rolled back on any error.

        Raises DatabaseUnavailable when PostgreSQL is away (the pool recovers by itself),
        Invalid for text or numbers it cannot hold, Conflict when it had to break a deadlock.
        """
        async with self.read() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except BaseException:
                await _undo(connection, transaction)
                raise
            await _commit(transaction)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection outside of a transaction: each statement sees the newest commits."""
        with understood():
            connection = await self._acquired()
            try:
                yield connection
            finally:
                await self._pool.release(connection)

    async def _acquired(self) -> "PoolConnectionProxy[asyncpg.Record]":
        # One that nobody uses is there at once, or after CONNECT_SECONDS; a watch costs more.
        timeout = None if self._pool.get_idle_size() else ACQUIRE_SECONDS
        try:
            return await self._pool.acquire(timeout=timeout)
        except OSError as error:
            raise unavailable(error) from error

    async def listener(self) -> asyncpg.Connection:
        """A connection of its own, for LISTEN; the caller closes it and opens a new one."""
        return await opened(self._dsn)

    async def close(self) -> None:
        """Give back all connections; those still in use get a moment to finish."""
        try:
            await asyncio.wait_for(self._pool.close(), timeout=CONNECT_SECONDS)
        except TimeoutError:
            self._pool.terminate()


async def _commit(transaction: Transaction) -> None:
    try:
        await transaction.commit()
    except LOST as error:
        raise DatabaseUnavailable(
            "The connection to PostgreSQL broke while the change was being saved: it is not known "
            "whether it was. Look before you repeat it."
        ) from error


async def _undo(connection: Connection, transaction: Transaction) -> None:
    """Roll back; on a broken connection PostgreSQL has done so by itself."""
    with suppress(*LOST):
        if not connection.is_closed():
            await transaction.rollback()


@contextmanager
def understood() -> Iterator[None]:
    """Turn what the driver raises into what a caller can act upon."""
    try:
        yield
    except (asyncpg.DataError, asyncpg.UntranslatableCharacterError, UnicodeEncodeError) as error:
        raise Invalid(
            "A value cannot be stored: a number is out of range, or a text holds a character "
            "that the database cannot hold (NUL or half of a surrogate pair)."
        ) from error
    except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError) as error:
        raise Conflict("The same thing is being changed by somebody else. Try again.") from error
    except asyncpg.QueryCanceledError as error:
        raise DatabaseUnavailable("PostgreSQL took too long to answer. Try again.") from error
    except REFUSING as error:
        raise DatabaseUnavailable(f"PostgreSQL refuses the connection: {error}.") from error
    except LOST as error:
        raise unavailable(error) from error


def unavailable(error: Exception) -> DatabaseUnavailable:
    """What to say when the connection failed or broke; the cause's own text may name hosts."""
    return DatabaseUnavailable(
        f"PostgreSQL is not available ({type(error).__name__}). Nothing was saved; try again."
    )


async def opened(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A single connection with our settings, to be closed by the caller."""
    with understood():
        try:
            return await asyncpg.connect(
                dsn,
                timeout=CONNECT_SECONDS,
                server_settings=SERVER_SETTINGS,
                statement_cache_size=0,
            )
        except OSError as error:
            raise unavailable(error) from error


async def connect(dsn: str, *, max_size: int = 10) -> Database:
    """Open the pool; raises DatabaseUnavailable when PostgreSQL cannot be reached."""
    with understood():
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=max_size,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                statement_cache_size=CACHED_STATEMENTS,
                max_cached_statement_lifetime=0,
                max_inactive_connection_lifetime=IDLE_SECONDS,
                max_cacheable_statement_size=LARGEST_CACHED_STATEMENT,
                server_settings=SERVER_SETTINGS,
                reset=leave_as_it_is,
            )
        except OSError as error:
            raise unavailable(error) from error
    return Database(pool, dsn)


async def leave_as_it_is(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """See SERVER_SETTINGS."""
