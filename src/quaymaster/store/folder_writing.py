"""Writes what comes in pieces to a file of a storage that is a folder, fast and lastingly.

The bytes are summed up and written in a thread, a few pieces behind what comes: the event loop only
hands them over. The file counts once it is on the disk, as a row does once it is committed.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from queue import SimpleQueue

PIECES_BEHIND = 8
# Linux keeps what larger writes bring in large pages, and those a virtual machine that returns its
# free memory has to get back from its host first: that made writing ten times slower.
WRITTEN_BYTES = 64 * 1024


async def write_pieces(path: Path, pieces: AsyncIterator[bytes]) -> tuple[int, str]:
    """Write a new file; its number of bytes and their SHA-256 in hex, once it is on the disk.

    Raises FileExistsError, OSError, or what the pieces themselves raise; there is no file then.
    """
    waiting: SimpleQueue[bytes | None] = SimpleQueue()
    room = asyncio.Semaphore(PIECES_BEHIND)
    loop = asyncio.get_running_loop()

    def taken() -> None:
        loop.call_soon_threadsafe(room.release)

    writing = asyncio.create_task(
        asyncio.to_thread(_write, path, iter(waiting.get, None), taken), name=f"write {path.name}"
    )
    writing.add_done_callback(lambda _: room.release())  # who waits for room learns of a failure
    try:
        try:
            async for piece in pieces:
                await room.acquire()
                if writing.done():  # it failed: nobody takes what comes
                    break
                waiting.put(piece)
        finally:
            waiting.put(None)
            await asyncio.wait({writing})
        return writing.result()
    except FileExistsError:
        raise  # it is not ours
    except BaseException:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise


def _write(path: Path, pieces: Iterable[bytes], taken: Callable[[], None]) -> tuple[int, str]:
    size, added_up = 0, hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("xb", buffering=0) as file:
        for piece in pieces:
            added_up.update(piece)
            left = memoryview(piece)
            while left:
                left = left[file.write(left[:WRITTEN_BYTES]) :]
            size += len(piece)
            taken()
        os.fsync(file.fileno())
    return size, added_up.hexdigest()
