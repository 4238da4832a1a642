"""The pool of connections to PostgreSQL, and what its failures mean to a caller."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from types import TracebackType
from typing import TypeAlias

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction

from quaymaster.domain.errors import Conflict, Invalid
from quaymaster.store.postgres.lending import Lending

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0
CACHED_STATEMENTS = 512
TELLING_SECONDS = 2.0  # for the last notices, when the process ends
IDLE_SECONDS = 10.0  # a process of PostgreSQL that nobody uses takes 5 to 10 MB
LARGEST_CACHED_STATEMENT = 64 * 1024

# No SET of ours outlives a transaction, and the pool never LISTENs: so a connection needs no
# reset when it comes back, which saves a round trip per use.
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

NOT_STORABLE = (asyncpg.DataError, asyncpg.UntranslatableCharacterError, UnicodeEncodeError)

# The server's own text names what is wrong, and never holds a password.
REFUSING = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
)


# What the transaction that this task is in will tell once it is committed.
_NOTICES: ContextVar[list[tuple[str, str]] | None] = ContextVar("notices", default=None)

_log = structlog.get_logger(__name__)


class DatabaseUnavailable(Exception):
    """PostgreSQL did not answer; the text says what is known about what was to be saved."""


class Database:
    """All connections of this process. Made by `connect`; `close` when done."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", dsn: str, most: int) -> None:
        self._pool = pool
        self._lending = Lending(pool, most)
        self._dsn = dsn
        self._untold: dict[tuple[str, str], None] = {}
        self._telling: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed at the end of the block, rolled back on any error.

        Raises DatabaseUnavailable when PostgreSQL is away (the pool recovers by itself),
        Invalid for text or numbers it cannot hold, Conflict when it had to break a deadlock.
        """
        outer = _NOTICES.get()
        notices: list[tuple[str, str]] = []
        _NOTICES.set(notices)
        try:
            async with self.read() as connection:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    yield connection
                except BaseException:
                    await _undo(connection, transaction)
                    raise
                await _commit(transaction)
        finally:
            _NOTICES.set(outer)
        self._tell(notices)

    def _tell(self, notices: list[tuple[str, str]]) -> None:
        """Tell what was committed, together with what others have committed meanwhile."""
        self._untold.update(dict.fromkeys(notices))
        if self._untold and (self._telling is None or self._telling.done()):
            self._telling = asyncio.get_running_loop().create_task(self._tell_all())

    async def _tell_all(self) -> None:
        while self._untold:
            told, self._untold = list(self._untold), {}
            try:
                async with self.read() as connection:
                    await connection.execute(
                        "SELECT pg_notify(channel, body)"
                        " FROM unnest($1::text[], $2::text[]) AS n (channel, body)",
                        [channel for channel, _ in told],
                        [body for _, body in told],
                    )
            except DatabaseUnavailable as error:
                _log.warning("notices were not sent", notices=len(told), reason=str(error))

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """A connection outside of a transaction: each statement sees the newest commits."""
        return _Reading(self._lending)

    async def listener(self) -> asyncpg.Connection:
        """A connection of its own, for LISTEN; the caller closes it and opens a new one."""
        return await opened(self._dsn)

    async def close(self) -> None:
        """Give back all connections; those still in use get a moment to finish."""
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=TELLING_SECONDS)
        await self._lending.close()
        try:
            await asyncio.wait_for(self._pool.close(), timeout=CONNECT_SECONDS)
        except TimeoutError:
            self._pool.terminate()


class _Reading:
    """One use of a connection; the same as a generator would do it at a third of the cost."""

    __slots__ = ("_connection", "_lending")

    def __init__(self, lending: Lending) -> None:
        self._lending = lending

    async def __aenter__(self) -> Connection:
        try:
            self._connection = await self._lending.take()
        except Exception as error:
            meaning = unavailable(error) if isinstance(error, OSError) else _meaning(error)
            if meaning is None:
                raise
            raise meaning from error
        return self._connection

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        with understood():
            await self._lending.give_back(self._connection, is_clean=error is None)
            if error is not None:
                raise error


async def notify(connection: Connection, channel: str, body: str) -> None:
    """Tell everybody who listens, once this process has committed; at once outside of a
    transaction.

    A hint that may be lost with the process: PostgreSQL lets transactions that notify commit one
    after the other, each waiting for the disk, so that no transaction of ours does.
    """
    notices = _NOTICES.get()
    if notices is None:
        await connection.execute("SELECT pg_notify($1, $2)", channel, body)
    else:
        notices.append((channel, body))


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
    except Exception as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: BaseException) -> Exception | None:
    """What an error of the driver means to a caller; None for all other errors."""
    if isinstance(error, NOT_STORABLE):
        return Invalid(
            "A value cannot be stored: a number is out of range, or a text holds a character "
            "that the database cannot hold (NUL or half of a surrogate pair)."
        )
    if isinstance(error, asyncpg.DeadlockDetectedError | asyncpg.LockNotAvailableError):
        return Conflict("The same thing is being changed by somebody else. Try again.")
    if isinstance(error, asyncpg.QueryCanceledError):
        return DatabaseUnavailable("PostgreSQL took too long to answer. Try again.")
    if isinstance(error, REFUSING):
        return DatabaseUnavailable(f"PostgreSQL refuses the connection: {error}.")
    return unavailable(error) if isinstance(error, LOST) else None


def unavailable(error: BaseException) -> DatabaseUnavailable:
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
                min_size=0,  # the last one, too, is closed once nobody uses it
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
            await _check(pool)
        except OSError as error:
            raise unavailable(error) from error
    return Database(pool, dsn, max_size)


async def _check(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Connect once, so that whoever starts hears at once that it cannot be done."""
    try:
        await pool.release(await pool.acquire(timeout=CONNECT_SECONDS))
    except BaseException:
        pool.terminate()
        raise


async def leave_as_it_is(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """See SERVER_SETTINGS."""
