"""Large objects in a folder: kept whole and summed up, or not at all."""

import asyncio
import errno
import fcntl
import hashlib
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from quaymaster.store.storage import folder_writing
from quaymaster.store.storage.folder_writing import PAST_MEMORY, STEP_BYTES, WRITTEN_BYTES
from quaymaster.store.storage.object_storage import ObjectStorage, StorageUnavailable

PIECE = b"0123456789" * 20_000
MANY = 32


@pytest.fixture
def storage(tmp_path: Path) -> ObjectStorage:
    return ObjectStorage.at((tmp_path / "storage").as_uri())


async def pieces(count: int, broken_by: Exception | None = None) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE
    if broken_by:
        raise broken_by


async def read(storage: ObjectStorage, key: str) -> bytes:
    return b"".join([piece async for piece in storage.stream(key)])


async def test_what_comes_in_pieces_is_kept_whole_and_summed_up(storage: ObjectStorage) -> None:
    assert len(PIECE) * MANY > 4 * STEP_BYTES, "it takes several steps"
    stored = await storage.put_stream("builds/1/a", pieces(MANY))
    whole = PIECE * MANY
    assert (stored.key, stored.byte_count) == ("builds/1/a", len(whole))
    assert stored.sha256 == hashlib.sha256(whole).hexdigest()
    assert await read(storage, "builds/1/a") == whole


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for first in range(0, len(content), size):
        yield content[first : first + size]


@pytest.mark.parametrize("more", [-1, 0, 1, WRITTEN_BYTES, STEP_BYTES - 1])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("size", [WRITTEN_BYTES - 7, 5 * STEP_BYTES])
async def test_steps_and_what_is_left_of_them_are_kept_in_order(
    storage: ObjectStorage, steps: int, more: int, size: int
) -> None:
    content = random.Random(steps).randbytes(steps * STEP_BYTES + more)
    stored = await storage.put_stream("whole", in_pieces(content, size))
    assert (stored.byte_count, stored.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert await read(storage, "whole") == content


def refusing(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A file system that cannot write past the memory for files, or only says so when it should."""

    def set_flags(descriptor: int, command: int, flags: int = 0) -> int:
        if command == fcntl.F_SETFL and flags & PAST_MEMORY and where == "asked":
            raise OSError(errno.EINVAL, "not here")
        return fcntl.fcntl(descriptor, command, flags)

    def write(descriptor: int, step: memoryview) -> int:
        if where == "written" and fcntl.fcntl(descriptor, fcntl.F_GETFL) & PAST_MEMORY:
            raise OSError(errno.EINVAL, "not so")
        assert where != "none" or len(step) <= WRITTEN_BYTES
        return os.write(descriptor, step)

    monkeypatch.setattr(
        folder_writing, "fcntl", SimpleNamespace(**vars(fcntl) | {"fcntl": set_flags})
    )
    monkeypatch.setattr(folder_writing, "os", SimpleNamespace(**vars(os) | {"write": write}))
    if where == "none":
        monkeypatch.setattr(folder_writing, "PAST_MEMORY", 0)


@pytest.mark.parametrize("where", ["asked", "written", "none"])
async def test_what_cannot_be_written_past_memory_is_written_as_ever(
    storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    refusing(monkeypatch, where)
    content = random.Random(1).randbytes(3 * STEP_BYTES + 5)
    await storage.put_stream("whole", in_pieces(content, WRITTEN_BYTES))
    assert await read(storage, "whole") == content


async def test_no_bytes_make_an_empty_object(storage: ObjectStorage) -> None:
    stored = await storage.put_stream("empty", pieces(0))
    assert (stored.byte_count, stored.sha256) == (0, hashlib.sha256(b"").hexdigest())
    assert await read(storage, "empty") == b""


@pytest.mark.parametrize("count", [0, 1, MANY])
async def test_nothing_is_kept_of_what_breaks_off(
    storage: ObjectStorage, tmp_path: Path, count: int
) -> None:
    with pytest.raises(ConnectionResetError, match="hung up"):
        await storage.put_stream("cut", pieces(count, ConnectionResetError("hung up")))
    assert list((tmp_path / "storage").iterdir()) == []


@pytest.mark.parametrize("count", [0, 1, MANY])
async def test_a_folder_that_cannot_be_written_is_told_at_once(
    storage: ObjectStorage, tmp_path: Path, count: int
) -> None:
    (tmp_path / "storage" / "builds").write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable, match="could not be written"):
        await storage.put_stream("builds/1/a", pieces(count))


async def test_an_object_is_never_written_over(storage: ObjectStorage) -> None:
    await storage.put_stream("taken", pieces(1))
    with pytest.raises(StorageUnavailable, match="FileExistsError"):
        await storage.put_stream("taken", pieces(2))
    assert await read(storage, "taken") == PIECE


async def test_an_object_that_is_gone_is_told(storage: ObjectStorage) -> None:
    with pytest.raises(StorageUnavailable, match="FileNotFoundError"):
        await read(storage, "never/there")


async def test_senders_that_stall_hold_up_nobody_and_leave_nothing(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    """More of them than there are threads; what reads its pieces in threads needs some, too."""

    async def stalling() -> AsyncIterator[bytes]:
        yield PIECE
        await asyncio.Event().wait()

    async def read_in_threads() -> AsyncIterator[bytes]:
        for _ in range(MANY):
            yield await asyncio.to_thread(bytes, PIECE)

    stalled = [
        asyncio.ensure_future(storage.put_stream(f"stalled/{number}", stalling()))
        for number in range(40)
    ]
    while len(list((tmp_path / "storage").glob("stalled/*"))) < len(stalled):  # noqa: ASYNC110
        await asyncio.sleep(0)
    done = await asyncio.gather(
        *[storage.put_stream(f"done/{number}", read_in_threads()) for number in range(40)]
    )
    assert {one.byte_count for one in done} == {len(PIECE) * MANY}
    for one in stalled:
        one.cancel()
    await asyncio.wait(stalled)
    assert all(one.cancelled() for one in stalled)
    assert list((tmp_path / "storage").glob("stalled/*")) == []
