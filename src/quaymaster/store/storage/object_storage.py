"""Where large objects are kept: logs, artifacts, attachments, what gates were answered.

Objects are written before the rows that name them, and removed after them. A key is never used for
two contents.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from quaymaster.store.storage.folder_writing import write_pieces

# Each download whose reader stands still holds these.
STREAMED_BYTES = 512 * 1024
ASKED_BYTES = 4 * 1024 * 1024  # of a distant storage, in one request
LISTED_AT_ONCE = 1000


class StorageUnavailable(Exception):
    """The storage for large objects did not answer, or has lost an object."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Bytes that are in the storage already: `sha256` is of these bytes, in hex."""

    key: str
    byte_count: int
    sha256: str = ""


class ObjectStorage:
    """Where large objects are kept: a folder, or S3, Azure or Google storage, as its URL says."""

    def __init__(self, store: ObjectStore, url: str = "") -> None:
        self._store = store
        self._folder = _folder(url)
        self.url = url

    @classmethod
    def at(cls, url: str) -> "ObjectStorage":
        """The storage of this URL; a `file:` folder is made if it does not exist."""
        if folder := _folder(url):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(from_url(url), url)

    async def put(self, key: str, body: bytes) -> None:
        """Store an object, replacing one of the same key. Raises StorageUnavailable."""
        with _or_unavailable("A file could not be written to the storage"):
            await obstore.put_async(self._store, key, body)

    async def put_file(self, key: str, path: Path) -> int:
        """Store the content of a file, in parts where it is large; its size in bytes.

        Raises StorageUnavailable, or FileNotFoundError when the file itself is gone.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        with _or_unavailable("A file could not be written to the storage"):
            await obstore.put_async(self._store, key, path)
        return size

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> StoredObject:
        """Store what comes in pieces under a key that is new, holding a few of them at a time.

        Raises StorageUnavailable, or what the pieces themselves raise; nothing is stored then.
        """
        failed: list[Exception] = []
        told = _telling(pieces, failed)
        try:
            with _or_unavailable("A file could not be written to the storage"):
                if self._folder:
                    stored = await write_pieces(self._folder / key, told)
                else:
                    stored = await self._put_distant(key, told)
        except Exception as error:
            if failed:
                raise failed[0] from error
            raise
        return StoredObject(key, *stored)

    async def _put_distant(self, key: str, pieces: AsyncIterator[bytes]) -> tuple[int, str]:
        size, added_up = 0, hashlib.sha256()

        async def summed() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in pieces:
                size += len(piece)
                added_up.update(piece)
                yield piece

        await obstore.put_async(self._store, key, summed())
        return size, added_up.hexdigest()

    async def stream(self, key: str, first: int = 0) -> AsyncIterator[bytes]:
        """The bytes of an object from this one on, in pieces. Raises StorageUnavailable, also in
        the middle."""
        with _or_unavailable("A file could not be read from the storage"):
            asked = STREAMED_BYTES if self._folder else ASKED_BYTES
            # Not `get_async().stream()`: of a folder that reads 8 KiB at a time.
            opened = await obstore.open_reader_async(self._store, key, buffer_size=asked)
            if first:
                await opened.seek(first)
            while piece := bytes(await opened.read(STREAMED_BYTES)):
                yield piece

    async def get(self, key: str) -> bytes:
        """The bytes of an object. Raises StorageUnavailable."""
        with _or_unavailable("A file could not be read from the storage"):
            return await self._whole(key)

    async def find(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none. Raises StorageUnavailable."""
        with _or_unavailable("The storage could not be read"):
            try:
                return await self._whole(key)
            except FileNotFoundError:
                return None

    async def _whole(self, key: str) -> bytes:
        found = await obstore.get_async(self._store, key)
        return bytes(await found.bytes_async())

    async def older(self, prefix: str, before: datetime) -> AsyncIterator[list[str]]:
        """The keys below a prefix that were last written before this time, some at a time.

        Raises StorageUnavailable, also in the middle.
        """
        with _or_unavailable("The storage could not be listed"):
            async for found in obstore.list(self._store, prefix, chunk_size=LISTED_AT_ONCE):
                old = [str(one["path"]) for one in found if one["last_modified"] < before]
                if old:
                    yield old

    async def remove(self, key: str) -> None:
        """Remove an object; one that is not there is as good. Raises StorageUnavailable."""
        with (
            _or_unavailable("A file could not be removed from the storage"),
            suppress(FileNotFoundError),
        ):
            await obstore.delete_async(self._store, key)


def _folder(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


@contextmanager
def _or_unavailable(problem: str) -> Iterator[None]:
    """Turn what the storage raises into the problem in words, with the kind of the cause: its own
    text may name hosts."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageUnavailable(f"{problem} ({type(error).__name__}).") from error


async def _telling(pieces: AsyncIterator[bytes], failed: list[Exception]) -> AsyncIterator[bytes]:
    """The same pieces; why they broke off goes into the list, too."""
    try:
        async for piece in pieces:
            yield piece
    except Exception as error:
        failed.append(error)
        raise
