"""Writes what comes in pieces to a file of a storage that is a folder, fast and lastingly.

The bytes are summed up and written in threads, a little behind what comes: the event loop only
hands them over. A thread is held while there is something to write and never while a sender is
waited for: threads are few, and a sender may stall for as long as it likes. The file counts once it
is on the disk, as a row does once it is committed.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

BEHIND_BYTES = 4 * 1024 * 1024
# Linux keeps what larger writes bring in large pages, and those a virtual machine that returns its
# free memory has to get back from its host first: that made writing ten times slower.
WRITTEN_BYTES = 64 * 1024
# After so many bytes the disk is set to work on them while more come: the wait at the end is short.
# What it has is dropped from memory, so that a large file uses the same few pages again and leaves
# those of the database where they are.
STRETCH_BYTES = 32 * 1024 * 1024


async def write_pieces(path: Path, pieces: AsyncIterator[bytes]) -> tuple[int, str]:
    """Write a new file; its number of bytes and their SHA-256 in hex, once it is on the disk.

    Raises FileExistsError, OSError, or what the pieces themselves raise; there is no file then.
    """
    writing = _Writing(path)
    try:
        await writing.do(writing.open)
        batch: list[bytes] = []
        waiting = 0
        async for piece in pieces:
            batch.append(piece)
            waiting += len(piece)
            if writing.is_free or waiting >= BEHIND_BYTES:
                await writing.start(batch)
                batch, waiting = [], 0
        await writing.start(batch)
        await writing.do(writing.close)
    except BaseException:
        await writing.do(writing.discard, in_any_case=True)
        raise
    return writing.size, writing.added_up.hexdigest()


class _Writing:
    """A file on its way to the disk: one step after the other, each in a thread."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self.added_up = hashlib.sha256()
        self._path = path
        self._descriptor = -1
        self._begun = 0  # so many bytes are on their way to the disk
        self._step: asyncio.Task[None] | None = None

    @property
    def is_free(self) -> bool:
        """Whether the step before is over."""
        return self._step is None or self._step.done()

    async def start(self, batch: list[bytes]) -> None:
        """Begin to write these pieces as soon as those before are written. Raises OSError."""
        await self._over(in_any_case=False)
        self._step = asyncio.create_task(asyncio.to_thread(self._write, batch))

    async def do(self, step: Callable[[], None], *, in_any_case: bool = False) -> None:
        """Do a step after that which is under way, even if that failed. Raises OSError."""
        await self._over(in_any_case=in_any_case)
        self._step = asyncio.create_task(asyncio.to_thread(step))
        await self._over(in_any_case=False)

    async def _over(self, *, in_any_case: bool) -> None:
        """Wait for the step under way. A cancel ends the waiting but never the step: no other may
        use the file before it is over."""
        if self._step is not None:
            await asyncio.wait({self._step})
            if not in_any_case:
                self._step.result()

    def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o666)

    def _write(self, batch: list[bytes]) -> None:
        for piece in batch:
            self.added_up.update(piece)
            left = memoryview(piece)
            while left:
                left = left[os.write(self._descriptor, left[:WRITTEN_BYTES]) :]
            self.size += len(piece)
        if self.size - self._begun >= STRETCH_BYTES:
            self._begin_on_disk()

    def _begin_on_disk(self) -> None:
        """Begin to write to the disk what came since the last time, and drop what it has.

        Linux does both for the same word: it begins to write pages that differ from the disk, and
        drops those that do not, which are most of the two stretches before. Other systems write as
        they think best.
        """
        if sys.platform == "linux":
            start = max(0, self._begun - 2 * STRETCH_BYTES)
            os.posix_fadvise(self._descriptor, start, self.size - start, os.POSIX_FADV_DONTNEED)
        self._begun = self.size

    def close(self) -> None:
        os.fsync(self._descriptor)
        self._closed()

    def discard(self) -> None:
        """Remove the file, if it was us who made it."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            self._closed()

    def _closed(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)
