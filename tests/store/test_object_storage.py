"""Large objects in a folder: kept whole and summed up, or not at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quaymaster.store.storage.folder_writing import BEHIND_BYTES, STRETCH_BYTES, WRITTEN_BYTES
from quaymaster.store.storage.object_storage import ObjectStorage, StorageUnavailable

PIECE = b"0123456789" * 20_000
MANY = 2 * BEHIND_BYTES // len(PIECE)


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
    assert len(PIECE) > WRITTEN_BYTES, "a piece takes several writes"
    stored = await storage.put_stream("builds/1/a", pieces(MANY))
    whole = PIECE * MANY
    assert (stored.key, stored.byte_count) == ("builds/1/a", len(whole))
    assert stored.sha256 == hashlib.sha256(whole).hexdigest()
    assert await read(storage, "builds/1/a") == whole


async def test_a_large_file_is_whole_though_it_goes_to_the_disk_while_it_comes(
    storage: ObjectStorage,
) -> None:
    count = 3 * STRETCH_BYTES // len(PIECE)
    stored = await storage.put_stream("large", pieces(count))
    kept = hashlib.sha256()
    async for piece in storage.stream("large"):
        kept.update(piece)
    assert (stored.byte_count, stored.sha256) == (count * len(PIECE), kept.hexdigest())
    assert kept.hexdigest() == hashlib.sha256(PIECE * count).hexdigest()


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
