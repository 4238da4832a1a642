"""Artifacts of builds for callers: list, name, upload and download (SEMANTICS 23.6)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from quaymaster.actions.builds import builds
from quaymaster.actions.call import Call
from quaymaster.actions.storage.stored_objects import forget, named_or_forgotten
from quaymaster.actions.storage.zips import Entry, zipped_entries
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.store.builds import containers
from quaymaster.store.builds.containers import (
    BuildArtifact,
    ContainerFile,
    NewArtifact,
    Piece,
)
from quaymaster.store.builds.views import BuildView
from quaymaster.store.storage.object_storage import StoredObject

CONTAINER = "container"
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an artifact; `root` is the folder that they lie in."""

    root: str
    files: tuple[ContainerFile, ...]


async def listed(call: Call, build_id: int) -> tuple[BuildView, list[BuildArtifact]]:
    """The artifacts of a build. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        view = await builds.found(connection, call, build_id)
        return view, await containers.artifacts(connection, build_id)


async def get(call: Call, build_id: int, name: str) -> tuple[BuildView, BuildArtifact]:
    """One artifact by its name. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        view = await builds.found(connection, call, build_id)
        found = await containers.artifact(connection, build_id, name)
    if found is None:
        raise NotFound("artifact", name[:80])
    return view, found


async def create(call: Call, build_id: int, new: NewArtifact) -> BuildArtifact:
    """Name an artifact of a build. Raises Invalid, Conflict for a name taken, Forbidden."""
    containers.artifact_name(new.name)
    async with call.database.transaction() as connection:
        permission = BuildPermission.UPDATE_BUILD_INFORMATION
        await builds.found(connection, call, build_id, permission)
        return await containers.name_artifact(connection, build_id, new)


async def files_of(call: Call, build_id: int, found: BuildArtifact) -> Files:
    """The files of a container artifact. Raises Invalid for one that lies elsewhere."""
    if found.type.casefold() != CONTAINER:
        raise Invalid(
            f"The artifact {found.name} lies at {found.data}, not in this server: get it there."
        )
    root = found.data.removeprefix("#/").partition("/")[2].strip("/")
    async with call.database.read() as connection:
        return Files(root, tuple(await containers.files(connection, build_id, root)))


async def zipped(
    call: Call, build_id: int, found: BuildArtifact, below: str = ""
) -> AsyncIterator[bytes]:
    """A zip of an artifact, made while it is sent; `below` takes only a part of it."""
    held = await files_of(call, build_id, found)
    place = f"{held.root}/{containers.clean_path(below)}" if below.strip("/") else held.root
    chosen = [one for one in held.files if _is_below(one.path, place)]
    if not chosen and below:
        raise NotFound("artifact", f"{found.name}/{below[:80]}")
    async with call.database.read() as connection:
        objects = await containers.pieces(connection, [one.id for one in chosen])
    return zipped_entries(_entries(call, found, held, chosen, objects), compressed=False)


def _is_below(path: str, place: str) -> bool:
    folded, key = path.casefold(), place.casefold()
    return folded == key or folded.startswith(f"{key}/")


def _entries(
    call: Call,
    found: BuildArtifact,
    held: Files,
    chosen: list[ContainerFile],
    objects: Mapping[int, list[StoredObject]],
) -> Iterator[Entry]:
    """The objects are those of the beginning: a file that is replaced meanwhile comes as it was."""
    for one in chosen:
        inside = one.path[len(held.root) :].lstrip("/")
        content = containers.content(call.installation.files, objects[one.id])
        yield Entry(f"{found.name}/{inside}" if inside else found.name, content)


async def bytes_of(
    call: Call, file: ContainerFile, first: int = 0, count: int | None = None
) -> AsyncIterator[bytes]:
    """So many bytes of a file from this one on, all without a `count`, in pieces. Raises
    StorageUnavailable, also in the middle."""
    async with call.database.read() as connection:
        objects = (await containers.pieces(connection, [file.id]))[file.id]
    left = file.byte_count - first if count is None else count
    async for piece in containers.content(call.installation.files, objects, first):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


async def file_at(call: Call, build_id: int, path: str) -> ContainerFile:
    """One file of a build's container. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        await builds.found(connection, call, build_id, hidden=True)
        found = await containers.files(connection, build_id, containers.clean_path(path))
    if len(found) != 1 or found[0].path.casefold() != containers.clean_path(path).casefold():
        raise NotFound("file", path[:80])
    return found[0]


async def items(call: Call, build_id: int, below: str) -> list[ContainerFile]:
    """The files of a build's container in or below a folder."""
    async with call.database.read() as connection:
        await builds.found(connection, call, build_id, hidden=True)
        place = containers.clean_path(below) if below.strip("/") else ""
        return await containers.files(connection, build_id, place)


async def forget_unfinished(call: Call) -> int:
    """Remove what is left of uploads that nobody has gone on with for a day; how many pieces."""
    async with call.database.transaction() as connection:
        keys = await containers.forgotten_uploads(connection, call.now - FORGOTTEN_AFTER)
    await forget(call, keys)
    return len(keys)


@dataclass(frozen=True, slots=True)
class Upload:
    """What is uploaded: a whole file, or the bytes from `first_byte` on of one of `total`.

    `length` is how many bytes must come (None: not announced); `sha256`, in hex, what they must
    come to.
    """

    path: str
    first_byte: int = 0
    total: int | None = None
    length: int | None = None
    sha256: str = ""


async def upload(
    call: Call, build_id: int, wanted: Upload, pieces: AsyncIterator[bytes]
) -> tuple[ContainerFile | None, bool]:
    """Keep uploaded bytes; the file once it is whole, and whether it is.

    Nothing is kept of an upload that is cut, too long, or does not come to its checksum. Raises
    Invalid, NotFound, Forbidden, Conflict for a piece out of order.
    """
    path = containers.storable_path(wanted.path)
    if max(wanted.total or 0, wanted.length or 0) > containers.LARGEST_FILE:
        raise Invalid(f"{path}: a file may have {containers.LARGEST_FILE} bytes at most.")
    async with call.database.read() as connection:
        permission = BuildPermission.UPDATE_BUILD_INFORMATION
        await builds.found(connection, call, build_id, permission, hidden=True)
    key = containers.new_key(build_id)
    most = wanted.length if wanted.length is not None else containers.LARGEST_FILE
    stored = await call.installation.files.put_stream(key, _at_most(most, path, pieces))
    async with named_or_forgotten(call, key):
        _check(path, wanted, stored)
        found, is_whole = await _named(call, build_id, path, wanted, stored)
    return (await _summed(call, found) if found else None), is_whole


async def _summed(call: Call, file: ContainerFile) -> ContainerFile:
    """With the SHA-256 of the whole, read back where it came in pieces, so that who downloads it
    can compare. Killed meanwhile the file stays without. Raises StorageUnavailable."""
    if file.sha256:
        return file
    added_up = hashlib.sha256()
    async for piece in bytes_of(call, file):
        await asyncio.to_thread(added_up.update, piece)
    sha256 = added_up.hexdigest()
    async with call.database.transaction() as connection:
        await containers.sum_up(connection, file, sha256)
    return replace(file, sha256=sha256)


async def _at_most(most: int, path: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > most:
            raise Invalid(f"{path}: more than the announced {most} bytes came.")
        yield piece


def _check(path: str, wanted: Upload, stored: StoredObject) -> None:
    if wanted.length is not None and stored.byte_count != wanted.length:
        raise Invalid(
            f"{path}: {stored.byte_count} bytes came of the announced {wanted.length}. Send it "
            "again."
        )
    if wanted.sha256 and wanted.sha256.casefold() != stored.sha256:
        raise Invalid(
            f"{path}: the SHA-256 of what came is {stored.sha256}, not the announced "
            f"{wanted.sha256[:64]}. Nothing was kept; send it again."
        )
    if wanted.total is not None and wanted.first_byte + stored.byte_count > wanted.total:
        raise Invalid(f"{path}: the piece ends behind the end of the file ({wanted.total} bytes).")


async def _named(
    call: Call, build_id: int, path: str, wanted: Upload, stored: StoredObject
) -> tuple[ContainerFile | None, bool]:
    is_whole = True
    async with call.database.transaction() as connection:
        if wanted.total is None or (wanted.first_byte == 0 and stored.byte_count == wanted.total):
            old = await containers.put_file(connection, build_id, path, stored, call.by, call.now)
        else:
            piece = Piece(wanted.first_byte, wanted.total, stored)
            is_whole, old = await containers.put_piece(
                connection, build_id, path, piece, call.by, call.now
            )
        found = await containers.files(connection, build_id, path) if is_whole else []
    if not is_whole:
        await forget(call, old)  # those of a whole file stay for the sweep: they may be being read
    return (found[0] if found else None), is_whole
