"""Logs of steps: chunks of whole lines, small ones in rows, larger ones as objects.

They are written with the worker's report (`job_reports`). A chunk is acknowledged when its row is
committed; the object of a large chunk is written before that, so an acknowledged line can always
be read (DESIGN 6, I7).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from quaymaster.store.database import Database

INLINE_BYTES = 16 * 1024
READ_AHEAD = 64
STREAMED_BYTES = 1024 * 1024
LISTED_AT_ONCE = 1000

CHUNKS = """
SELECT sequence, first_line, line_count, body, object_key FROM log_chunks
WHERE task_run_id = $1 AND sequence > $2
  AND ($3::bigint IS NULL OR first_line + line_count > $3)
  AND ($4::bigint IS NULL OR first_line <= $4)
ORDER BY sequence LIMIT $5
"""


class StorageUnavailable(Exception):
    """The storage for large objects did not answer, or has lost an object."""


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


class LogFiles:
    """Where large objects are kept: a folder, or S3, Azure or Google storage, as its URL says."""

    def __init__(self, store: ObjectStore, url: str = "") -> None:
        self._store = store
        self.url = url

    @classmethod
    def at(cls, url: str) -> "LogFiles":
        """The storage of this URL; a `file:` folder is made if it does not exist."""
        parts = urlsplit(url)
        if parts.scheme == "file":
            Path(unquote(parts.path)).mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(from_url(url), url)

    async def put(self, key: str, body: bytes) -> None:
        """Store an object, replacing one of the same key. Raises StorageUnavailable."""
        try:
            await obstore.put_async(self._store, key, body)
        except (BaseError, OSError) as error:
            raise StorageUnavailable(
                f"A log could not be written to the storage ({type(error).__name__})."
            ) from error

    async def put_file(self, key: str, path: Path) -> int:
        """Store the content of a file, in parts where it is large; its size in bytes.

        Raises StorageUnavailable, or FileNotFoundError when the file itself is gone.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        try:
            await obstore.put_async(self._store, key, path)
        except (BaseError, OSError) as error:
            raise StorageUnavailable(
                f"A file could not be written to the storage ({type(error).__name__})."
            ) from error
        return size

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Store what comes in pieces, holding a few of them at a time.

        Raises StorageUnavailable, or what the pieces themselves raise; nothing is stored then.
        """
        failed: list[Exception] = []

        async def told() -> AsyncIterator[bytes]:
            try:
                async for piece in pieces:
                    yield piece
            except Exception as error:
                failed.append(error)
                raise

        try:
            await obstore.put_async(self._store, key, told())
        except Exception as error:
            if failed:
                raise failed[0] from error
            if not isinstance(error, BaseError | OSError):
                raise
            raise StorageUnavailable(
                f"A file could not be written to the storage ({type(error).__name__})."
            ) from error

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """The bytes of an object in pieces. Raises StorageUnavailable, also in the middle."""
        try:
            found = await obstore.get_async(self._store, key)
            async for piece in found.stream(STREAMED_BYTES):
                yield bytes(piece)
        except (BaseError, OSError) as error:
            raise StorageUnavailable(
                f"A file could not be read from the storage ({type(error).__name__})."
            ) from error

    async def get(self, key: str) -> bytes:
        """The bytes of an object. Raises StorageUnavailable."""
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except (BaseError, OSError) as error:
            raise StorageUnavailable(
                f"A log could not be read from the storage ({type(error).__name__})."
            ) from error

    async def find(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none. Raises StorageUnavailable."""
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise StorageUnavailable(
                f"The storage could not be read ({type(error).__name__})."
            ) from error

    async def older(self, prefix: str, before: datetime) -> AsyncIterator[list[str]]:
        """The keys below a prefix that were last written before this time, some at a time.

        Raises StorageUnavailable, also in the middle.
        """
        try:
            async for found in obstore.list(self._store, prefix, chunk_size=LISTED_AT_ONCE):
                old = [str(one["path"]) for one in found if one["last_modified"] < before]
                if old:
                    yield old
        except (BaseError, OSError) as error:
            raise StorageUnavailable(
                f"The storage could not be listed ({type(error).__name__})."
            ) from error

    async def remove(self, key: str) -> None:
        """Remove an object; one that is not there is as good. Raises StorageUnavailable."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise StorageUnavailable(
                f"A log could not be removed from the storage ({type(error).__name__})."
            ) from error


def object_key(task_run: int, sequence: int, token: str) -> str:
    """A key that no other worker of the same job writes to, whatever it still sends."""
    fence = "".join(character for character in token if character.isalnum())
    return f"logs/{task_run // 10_000}/{task_run}/{sequence:09}-{fence}"


async def read(
    database: Database, files: LogFiles, task_run: int, lines: Lines | None = None
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
