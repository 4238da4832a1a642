"""Files of builds: rows here, their bytes as objects; and the artifacts that name them (23.6).

A file is there once all of its pieces are: until then they lie in a row of their own, under a key
that no path has, and a file that they will replace stays. Objects are written before the rows that
name them, so an upload that is cut leaves no row, and a row never names what is not there.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from quaymaster.domain.errors import Conflict, Invalid, NotFound
from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import escaped
from quaymaster.store.storage.object_storage import ObjectStorage, StoredObject

LONGEST_PATH = 1024
LONGEST_NAME_BYTES = 255  # of a file or folder on the disk of whoever downloads it
LARGEST_FILE = 64 * 1024**3
BEGUN = "\x01"  # before the key of a path while its pieces come; paths hold no such character

PUT = """
INSERT INTO container_files
  (build_id, path, path_key, byte_count, is_complete, sha256, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (build_id, path_key) DO UPDATE SET path = excluded.path,
  byte_count = excluded.byte_count, is_complete = excluded.is_complete,
  sha256 = excluded.sha256, created_by = excluded.created_by, created_at = excluded.created_at
RETURNING id
"""


# "0" follows "/" in the order of bytes: all paths below a folder.
IN_THE_WAY = """
SELECT path FROM container_files WHERE build_id = $1 AND path_key = ANY($2::text[])
UNION ALL (SELECT path FROM container_files
  WHERE build_id = $1 AND path_key COLLATE "C" >= $3 AND path_key COLLATE "C" < $4 LIMIT 1)
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """Stored bytes that begin at a byte of a file that will have `total` bytes."""

    first_byte: int
    total: int
    stored: StoredObject


@dataclass(frozen=True, slots=True)
class ContainerFile:
    """A file of a build; `path` has the artifact's folder first, parted by slashes."""

    id: int
    path: str
    byte_count: int
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BuildArtifact:
    """An artifact of a build; `data` says where it lies, as its type has it."""

    id: int
    name: str
    type: str
    data: str
    properties: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


def clean_path(path: str) -> str:
    """A path inside a container, parted by single slashes.

    Raises Invalid for one that leads out of it, is empty, too long, or holds control characters.
    """
    parts = path.replace("\\", "/").strip("/").split("/")
    if len(path) > LONGEST_PATH or not path.isprintable():
        raise Invalid(f"The path {path[:80]!r} is too long or holds control characters.")
    if any(part in ("", ".", "..") or part != part.strip() for part in parts) or ":" in parts[0]:
        raise Invalid(
            f"The path {path[:80]!r} cannot be used: it must have names parted by single slashes, "
            "and none of them may be '.' or '..'."
        )
    return "/".join(parts)


def storable_path(path: str) -> str:
    """The same for a file about to be stored: each of its names can be that of a file on a disk.

    Raises Invalid also for a name of more than 255 bytes in UTF-8, which no download could write.
    """
    cleaned = clean_path(path)
    for name in cleaned.split("/"):
        if (size := len(name.encode())) > LONGEST_NAME_BYTES:
            raise Invalid(
                f"The path {path[:80]!r} cannot be used: its part {name[:80]!r} has {size} bytes "
                f"in UTF-8, and the name of a file or folder {LONGEST_NAME_BYTES} at most. "
                "Shorten it."
            )
    return cleaned


def alike(one: str, other: str) -> str:
    """Why two paths that are the same but for upper and lower case cannot both be stored."""
    return (
        f"{one[:200]!r} and {other[:200]!r} differ only in upper and lower case, which "
        "the files of an artifact may not. Rename one, or pack the folder into an archive."
    )


def artifact_name(name: str) -> str:
    """A name that an artifact may have: that of one folder. Raises Invalid."""
    if "/" in name or "\\" in name or len(name) > 256:
        raise Invalid(f"The artifact name {name[:80]!r} must be one name, without slashes.")
    return storable_path(name)


def new_key(build_id: int) -> str:
    """A key for a new object of a build, never used before."""
    return f"builds/{build_id // 10_000}/{build_id}/{uuid4().hex}"


async def put_file(
    connection: Connection,
    build_id: int,
    path: str,
    stored: StoredObject,
    by: PersonId | None,
    at: datetime,
) -> list[str]:
    """Name an object as a whole file; the keys of the objects of one that it replaces. Raises
    Conflict where the build has a folder of that name, or a file in place of a folder of it, or
    another spelling of its path; NotFound where it was deleted."""
    await _lock_build(connection, build_id)
    await _check_place(connection, build_id, path)
    begun = await _remove_begun(connection, build_id, path)
    old = await _remove_pieces(connection, build_id, path.casefold())
    file_id = await connection.fetchval(
        PUT, build_id, path, path.casefold(), stored.byte_count, True, stored.sha256, by, at
    )
    await _add_piece(connection, file_id, 0, stored)
    return old + begun


async def put_piece(
    connection: Connection,
    build_id: int,
    path: str,
    piece: Piece,
    by: PersonId | None,
    at: datetime,
) -> tuple[bool, list[str]]:
    """Add a piece of a file; whether that is all of the file, and the objects it replaces.

    The first byte begins the upload anew; the last takes the place of a file that was there.
    Raises Conflict for a piece that does not fit those that are there: of another file of that
    name, or out of order, and where `put_file` does; NotFound where the build was deleted.
    """
    await _lock_build(connection, build_id)
    await _check_place(connection, build_id, path)
    old: list[str] = []
    first_byte, total, stored = piece.first_byte, piece.total, piece.stored
    begun = BEGUN + path.casefold()
    if first_byte == 0:
        old = await _remove_pieces(connection, build_id, begun)
        await connection.execute(PUT, build_id, path, begun, total, False, "", by, at)
    upload = await _going_on(connection, build_id, path, piece, at)
    await _add_piece(connection, upload, first_byte, stored)
    if first_byte + stored.byte_count < total:
        return False, old
    old += await _remove_pieces(connection, build_id, path.casefold())
    file_id = await connection.fetchval(
        PUT, build_id, path, path.casefold(), total, True, "", by, at
    )
    await connection.execute(
        "UPDATE container_pieces SET file_id = $2 WHERE file_id = $1", upload, file_id
    )
    await connection.execute("DELETE FROM container_files WHERE id = $1", upload)
    return True, old


async def _going_on(
    connection: Connection, build_id: int, path: str, piece: Piece, at: datetime
) -> int:
    """The row of the upload that this piece goes on with, which is not forgotten for now. Raises
    Conflict."""
    row = await connection.fetchrow(
        "UPDATE container_files SET created_at = $3 WHERE build_id = $1 AND path_key = $2"
        " AND path = $4 RETURNING id, byte_count",
        build_id,
        BEGUN + path.casefold(),
        at,
        path,
    )
    # Asked by itself: in the statement above it would be as of before the lock was had.
    have = await connection.fetchval(
        "SELECT coalesce(sum(byte_count), 0)::bigint FROM container_pieces WHERE file_id = $1",
        row["id"] if row else 0,
    )
    if row is None or row["byte_count"] != piece.total or have != piece.first_byte:
        raise Conflict(
            f"A piece of {path} begins at byte {piece.first_byte} of {piece.total}, while {have} "
            "bytes of this upload are there. Send the pieces in order, the first one with byte 0."
        )
    number: int = row["id"]
    return number


async def sum_up(connection: Connection, file: ContainerFile, sha256: str) -> None:
    """Keep the SHA-256 of a file that came in pieces, unless it was begun anew since."""
    await connection.execute(
        "UPDATE container_files SET sha256 = $2"
        " WHERE id = $1 AND is_complete AND sha256 = '' AND created_at = $3",
        file.id,
        sha256,
        file.created_at,
    )


async def _lock_build(connection: Connection, build_id: int) -> None:
    """One upload at a time looks: two that would be file and folder cannot both pass. Raises
    NotFound for a build that was deleted while its file came."""
    is_there = await connection.fetchval(
        "SELECT true FROM builds WHERE id = $1 AND NOT is_deleted FOR NO KEY UPDATE", build_id
    )
    if not is_there:
        raise NotFound("build", build_id)


async def _check_place(connection: Connection, build_id: int, path: str) -> None:
    key = path.casefold()
    parts = key.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    other = await connection.fetchval(IN_THE_WAY, build_id, above, f"{key}/", f"{key}0")
    if other is not None:
        raise Conflict(
            f"{path[:200]} cannot be stored: the build has {other[:200]} already, and a file and a "
            "folder cannot have the same name. Rename one."
        )
    spelled = await connection.fetchval(
        "SELECT path FROM container_files WHERE build_id = $1 AND path_key = $2 AND path <> $3",
        build_id,
        key,
        path,
    )
    if spelled is not None:
        raise Conflict(alike(spelled, path))


async def _add_piece(
    connection: Connection, file_id: int, first_byte: int, stored: StoredObject
) -> None:
    await connection.execute(
        "INSERT INTO container_pieces (file_id, first_byte, byte_count, object_key)"
        " VALUES ($1, $2, $3, $4)",
        file_id,
        first_byte,
        stored.byte_count,
        stored.key,
    )


async def _remove_begun(connection: Connection, build_id: int, path: str) -> list[str]:
    """Forget an upload in pieces that a whole file takes the place of; the keys of its objects."""
    begun = BEGUN + path.casefold()
    keys = await _remove_pieces(connection, build_id, begun)
    await connection.execute(
        "DELETE FROM container_files WHERE build_id = $1 AND path_key = $2", build_id, begun
    )
    return keys


async def _remove_pieces(connection: Connection, build_id: int, path_key: str) -> list[str]:
    rows = await connection.fetch(
        "DELETE FROM container_pieces USING container_files f WHERE f.id = file_id"
        " AND f.build_id = $1 AND f.path_key = $2 RETURNING object_key",
        build_id,
        path_key,
    )
    return [row["object_key"] for row in rows]


async def forgotten_uploads(
    connection: Connection, before: datetime, most: int = 1000
) -> list[str]:
    """Forget uploads of which no piece has come since this time; the keys of their objects."""
    rows = await connection.fetch(
        "WITH gone AS (SELECT id FROM container_files WHERE NOT is_complete AND created_at < $1"
        " LIMIT $2 FOR UPDATE SKIP LOCKED), pieces AS (DELETE FROM container_pieces USING gone"
        " WHERE file_id = gone.id RETURNING object_key), files AS (DELETE FROM container_files"
        " USING gone WHERE container_files.id = gone.id) SELECT object_key FROM pieces",
        before,
        most,
    )
    return [row["object_key"] for row in rows]


async def files(connection: Connection, build_id: int, below: str = "") -> list[ContainerFile]:
    """The whole files of a build in or below a folder ("": all), by path."""
    key = below.casefold()
    rows = await connection.fetch(
        "SELECT id, path, byte_count, sha256, created_at FROM container_files"
        " WHERE build_id = $1 AND is_complete AND ($2 = '' OR path_key = $2"
        " OR path_key LIKE $3) ORDER BY path_key",
        build_id,
        key,
        f"{escaped(key)}/%",
    )
    return [ContainerFile(**row) for row in rows]


async def pieces(
    connection: Connection, file_ids: Sequence[int]
) -> defaultdict[int, list[StoredObject]]:
    """The objects of each of these files in their order."""
    rows = await connection.fetch(
        "SELECT file_id, object_key, byte_count FROM container_pieces"
        " WHERE file_id = ANY($1::bigint[]) ORDER BY file_id, first_byte",
        file_ids,
    )
    found: defaultdict[int, list[StoredObject]] = defaultdict(list)
    for row in rows:
        found[row["file_id"]].append(StoredObject(row["object_key"], row["byte_count"]))
    return found


async def content(
    storage: ObjectStorage, objects: Sequence[StoredObject], first: int = 0
) -> AsyncIterator[bytes]:
    """The bytes of a file from this one on, in pieces. Raises StorageUnavailable, also in the
    middle."""
    for one in objects:
        if first >= one.byte_count:
            first -= one.byte_count
            continue
        async for piece in storage.stream(one.key, first):
            yield piece
        first = 0


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """An artifact about to be given to a build, as BuildArtifact has it."""

    name: str
    type: str
    data: str
    properties: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


async def name_artifact(
    connection: Connection, build_id: int, new: NewArtifact, *, again: bool = False
) -> BuildArtifact:
    """Give a build an artifact. Raises Conflict for a name it has, unless it is told `again`."""
    name = new.name
    try:
        async with connection.transaction():
            row = await connection.fetchrow(
                "INSERT INTO build_artifacts"
                " (build_id, name, name_key, type, data, properties, source)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)"
                " RETURNING id, name, type, data, properties, source",
                build_id,
                name,
                name.casefold(),
                new.type,
                new.data,
                msgspec.json.encode(new.properties).decode(),
                new.source,
            )
    except asyncpg.UniqueViolationError as error:
        if again and (known := await artifact(connection, build_id, name)):
            return known
        raise Conflict(f"The artifact {name} already exists for build {build_id}.") from error
    if row is None:
        raise RuntimeError("an INSERT answered no row")
    return _artifact(row)


ARTIFACT = "SELECT id, name, type, data, properties, source FROM build_artifacts"


async def artifacts(connection: Connection, build_id: int) -> list[BuildArtifact]:
    """The artifacts of a build in the order in which they were made."""
    rows = await connection.fetch(f"{ARTIFACT} WHERE build_id = $1 ORDER BY id", build_id)
    return list(map(_artifact, rows))


async def artifact(connection: Connection, build_id: int, name: str) -> BuildArtifact | None:
    """One artifact by its name in any case."""
    row = await connection.fetchrow(
        f"{ARTIFACT} WHERE build_id = $1 AND name_key = $2", build_id, name.casefold()
    )
    return _artifact(row) if row else None


def _artifact(row: asyncpg.Record) -> BuildArtifact:
    values: dict[str, Any] = dict(row)
    return BuildArtifact(**{**values, "properties": msgspec.json.decode(values["properties"])})
