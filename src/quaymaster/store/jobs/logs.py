"""Logs of steps: chunks of whole lines, small ones in rows, larger ones as objects.

They are written with the worker's report (`jobs.reports`). A chunk is acknowledged when its row is
committed; the object of a large chunk is written before that, so an acknowledged line can always
be read (DESIGN 6, I7).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from quaymaster.store.postgres.database import Database
from quaymaster.store.storage.object_storage import ObjectStorage

INLINE_BYTES = 16 * 1024
READ_AHEAD = 64

CHUNKS = """
SELECT sequence, first_line, line_count, body, object_key FROM log_chunks
WHERE task_run_id = $1 AND sequence > $2
  AND ($3::bigint IS NULL OR first_line + line_count > $3)
  AND ($4::bigint IS NULL OR first_line <= $4)
ORDER BY sequence LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of a step's log, each ending in a newline.

    `sequence` counts a step's chunks from 1, `first_line` is the 1-based number of the first.
    """

    sequence: int
    first_line: int
    line_count: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Lines:
    """Which lines are wanted, 1-based and inclusive; None is from the start, or to the end."""

    start: int | None = None
    end: int | None = None


def object_key(task_run: int, sequence: int, token: str) -> str:
    """A key that no other worker of the same job writes to, whatever it still sends."""
    fence = "".join(character for character in token if character.isalnum())
    return f"logs/{task_run // 10_000}/{task_run}/{sequence:09}-{fence}"


async def read(
    database: Database, files: ObjectStorage, task_run: int, lines: Lines | None = None
) -> AsyncIterator[bytes]:
    """The wanted lines of a step's log in pieces of whole lines; no connection is held meanwhile.

    Raises StorageUnavailable or DatabaseUnavailable, also in the middle.
    """
    wanted = lines or Lines()
    after = 0
    while rows := await _chunks(database, task_run, after, wanted):
        for row in rows:
            after = row["sequence"]
            body = row["body"] if row["object_key"] is None else await files.get(row["object_key"])
            piece = _cut(body, row["first_line"], row["line_count"], wanted)
            if piece:
                yield piece


async def _chunks(
    database: Database, task_run: int, after: int, wanted: Lines
) -> list[asyncpg.Record]:
    async with database.read() as connection:
        return await connection.fetch(CHUNKS, task_run, after, wanted.start, wanted.end, READ_AHEAD)


def _cut(body: bytes, first: int, count: int, wanted: Lines) -> bytes:
    """Those lines of a chunk that are wanted; most chunks are wanted whole."""
    skipped = max((wanted.start or first) - first, 0)
    kept = count if wanted.end is None else wanted.end - first + 1
    if skipped == 0 and kept >= count:
        return body
    return b"".join(_lines(body)[skipped:kept])


def _lines(body: bytes) -> list[bytes]:
    """The lines as they were counted: only a newline ends one, never a carriage return."""
    return [line + b"\n" for line in body.removesuffix(b"\n").split(b"\n")]
