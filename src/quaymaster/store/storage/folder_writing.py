"""Writes what comes in pieces to a file of a storage that is a folder, fast and lastingly.

The bytes are summed up and written in threads while the next ones come: the event loop only
collects them. A thread is held while there is something to write and never while a sender is waited
for: threads are few, and a sender may stall for as long as it likes. The file counts once it is on
the disk, as a row does once it is committed.
"""

import asyncio
import errno
import fcntl
import hashlib
import mmap
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

STEP_BYTES = 1024 * 1024
# Linux keeps what larger writes bring in large pages, and those a virtual machine that returns its
# free memory has to get back from its host first: that made writing ten times slower.
WRITTEN_BYTES = 64 * 1024
# Whole steps go to the disk past the memory that Linux keeps files in, where it can: getting that
# memory costs as much processor time as the checksum, and emptying it is waited for at the end.
PAST_MEMORY = getattr(os, "O_DIRECT", 0)


async def write_pieces(path: Path, pieces: AsyncIterator[bytes]) -> tuple[int, str]:
    """Write a new file; its number of bytes and their SHA-256 in hex, once it is on the disk.

    Raises FileExistsError, OSError, or what the pieces themselves raise; there is no file then.
    """
    writing = _Writing(path)
    try:
        await writing.do(writing.open)
        async for piece in pieces:
            await writing.take(piece)
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
        self._step: asyncio.Task[None] | None = None
        # Memory of its own, as writing past the memory for files wants it: at whole pages.
        self._filling, self._emptying = _pages(), _pages()
        self._filled = 0
        self._is_past_memory = False

    async def take(self, piece: bytes) -> None:
        """Take in the next bytes; once a step is full, it is written. Raises OSError."""
        left = memoryview(piece)
        while left:
            end = min(self._filled + len(left), STEP_BYTES)
            taken = end - self._filled
            self._filling[self._filled : end] = left[:taken]
            left, self._filled = left[taken:], end
            if self._filled == STEP_BYTES:
                await self._over(in_any_case=False)
                self._filling, self._emptying = self._emptying, self._filling
                self._filled = 0
                self._step = asyncio.create_task(asyncio.to_thread(self._write_step))

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

    def _write_step(self) -> None:
        if self.size == 0:
            self._go(past_memory=bool(PAST_MEMORY))
        self._write(memoryview(self._emptying))

    def _write(self, step: memoryview) -> None:
        self.added_up.update(step)
        self.size += len(step)
        while step:
            at_once = STEP_BYTES if self._is_past_memory else WRITTEN_BYTES
            try:
                step = step[os.write(self._descriptor, step[:at_once]) :]
            except OSError as error:
                if not (self._is_past_memory and error.errno == errno.EINVAL):
                    raise
                self._go(past_memory=False)  # the file system has rules of its own for it

    def _go(self, *, past_memory: bool) -> None:
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL) & ~PAST_MEMORY
        try:
            fcntl.fcntl(
                self._descriptor, fcntl.F_SETFL, flags | (PAST_MEMORY if past_memory else 0)
            )
        except OSError:  # a file system that cannot do it
            past_memory = False
        self._is_past_memory = past_memory

    def close(self) -> None:
        self._go(past_memory=False)  # what is left is no whole step
        self._write(memoryview(self._filling)[: self._filled])
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


def _pages() -> mmap.mmap:
    return mmap.mmap(-1, STEP_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
