"""Telling every process that a release changed: ids only, once the transaction is committed.

Commits that notify wait for one another, so it is done right after the commit, for all
that were committed meanwhile (`database.notify`), and once for a release, never for a row or a log
line. A notice is a hint: heartbeats and sweeps say the same a little later.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from quaymaster.store.postgres import database
from quaymaster.store.postgres.database import Connection, Database

CHANNEL = "quaymaster"
MOST_CANCELED = 300  # a payload may have 8000 bytes
MOST_POOLS = 100
BACKLOG = 10_000


class Notice(msgspec.Struct, frozen=True):
    """This release or build changed; these running jobs of it were asked to stop just now, and in
    these pools (0: none) others began to wait for a worker.

    `release` is 0 where a build changed.
    """

    release: int
    canceled: tuple[int, ...] = ()
    pools: tuple[int, ...] = ()
    build: int = 0


MISSED = Notice(0)  # the connection was lost meanwhile, or too many came: look at everything

_decoder = msgspec.json.Decoder(Notice)


async def changed(
    connection: Connection,
    release_id: int,
    *,
    canceled: Sequence[int] = (),
    pools: Sequence[int] = (),
) -> None:
    """Tell everybody, when this transaction commits. Equal notices of a transaction are one."""
    called = tuple(pools[:MOST_POOLS])
    await _tell(connection, [Notice(release_id, part, called) for part in _parts(canceled)])


async def build_changed(
    connection: Connection,
    build_id: int,
    *,
    canceled: Sequence[int] = (),
    pools: Sequence[int] = (),
) -> None:
    """The same about a build."""
    called = tuple(pools[:MOST_POOLS])
    await _tell(connection, [Notice(0, part, called, build_id) for part in _parts(canceled)])


async def _tell(connection: Connection, notices: Sequence[Notice]) -> None:
    for notice in notices:
        body = msgspec.json.encode(notice).decode()
        await database.notify(connection, CHANNEL, body)


def _parts(canceled: Sequence[int]) -> Iterator[tuple[int, ...]]:
    yield tuple(canceled[:MOST_CANCELED])
    for start in range(MOST_CANCELED, len(canceled), MOST_CANCELED):
        yield tuple(canceled[start : start + MOST_CANCELED])


@asynccontextmanager
async def heard(database: Database) -> AsyncIterator[AsyncIterator[Notice]]:
    """Notices from now on, over a connection of its own; ends when the connection is lost.

    A reader that falls behind gets MISSED in place of what it lost. Raises DatabaseUnavailable
    when no connection can be made; the caller opens it again and starts by looking at everything.
    """
    connection = await database.listener()
    waiting: asyncio.Queue[Notice | None] = asyncio.Queue(BACKLOG)
    try:
        connection.add_termination_listener(lambda _: _put(waiting, None))
        await connection.add_listener(CHANNEL, lambda *told: _put(waiting, _read(told)))
        yield _until_lost(waiting)
    finally:
        await connection.close(timeout=5)


async def _until_lost(waiting: "asyncio.Queue[Notice | None]") -> AsyncIterator[Notice]:
    while (notice := await waiting.get()) is not None:
        yield notice


def _put(waiting: "asyncio.Queue[Notice | None]", notice: Notice | None) -> None:
    """Never wait here: when the reader is too slow, what it has not read becomes one MISSED."""
    if waiting.full():
        while not waiting.empty():
            waiting.get_nowait()
        waiting.put_nowait(MISSED)
    waiting.put_nowait(notice)


def _read(told: tuple[object, ...]) -> Notice:
    try:
        return _decoder.decode(str(told[-1]))
    except msgspec.MsgspecError:
        return MISSED  # from a newer version of the product: look at everything
