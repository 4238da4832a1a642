"""Secure files of a project, sealed, and the tickets with which jobs fetch them."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.errors import Conflict
from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import Vault

COLUMNS = """
SELECT id, project_id, name, properties, byte_count, created_by, created_at, modified_by,
  modified_at FROM secure_files
"""
CONTENT = "content"

_properties = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class SecureFile:
    """A file without what is in it."""

    id: str
    project_id: UUID
    name: str
    properties: Mapping[str, str]
    byte_count: int
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file as it is brought; `content` is never shown."""

    id: UUID
    project: UUID
    name: str
    content: bytes = field(repr=False)


def owner(file_id: str) -> str:
    """The owner to which the vault binds a file's content."""
    return f"secure file/{file_id}"


def _file(row: "asyncpg.Record") -> SecureFile:
    values = dict(row)
    return SecureFile(
        **{**values, "id": str(row["id"]), "properties": _properties.decode(row["properties"])}
    )


async def get(connection: Connection, file_id: UUID, *, locked: bool = False) -> SecureFile | None:
    """The file of this id, in whatever project it is; `locked` keeps others from changing it
    until the transaction ends."""
    lock = " FOR NO KEY UPDATE" if locked else ""
    row = await connection.fetchrow(f"{COLUMNS} WHERE id = $1{lock}", file_id)
    return _file(row) if row else None


async def listed(connection: Connection, project: UUID) -> list[SecureFile]:
    """The project's files by name."""
    rows = await connection.fetch(f"{COLUMNS} WHERE project_id = $1 ORDER BY name_key", project)
    return [_file(row) for row in rows]


async def named(
    connection: Connection, project: UUID, words: Iterable[str]
) -> dict[str, SecureFile]:
    """Those of the project's files that these ids or names mean, by the word's casefold."""
    keys = sorted({word.strip().casefold() for word in words if word.strip()})
    if not keys:
        return {}
    found = await listed(connection, project)
    meant = {each.name.casefold(): each for each in found} | {each.id: each for each in found}
    return {key: meant[key] for key in keys if key in meant}


async def create(
    connection: Connection, vault: Vault, new: NewFile, by: PersonId | None, at: datetime
) -> None:
    """Store a file. Raises Conflict when the name is taken."""
    content = {CONTENT: b64encode(new.content).decode()}
    try:
        await connection.execute(
            "INSERT INTO secure_files (id, project_id, name, name_key, byte_count, sealed,"
            " created_by, created_at, modified_by, modified_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8)",
            new.id,
            new.project,
            new.name,
            new.name.casefold(),
            len(new.content),
            vault.seal(owner(str(new.id)), content),
            by,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(new.name) from error


async def update(
    connection: Connection, changed: SecureFile, by: PersonId | None, at: datetime
) -> None:
    """Give a file another name and other properties. Raises Conflict when the name is taken."""
    try:
        await connection.execute(
            "UPDATE secure_files SET name = $2, name_key = $3, properties = $4, modified_by = $5,"
            " modified_at = $6 WHERE id = $1",
            UUID(changed.id),
            changed.name,
            changed.name.casefold(),
            msgspec.json.encode(dict(changed.properties)).decode(),
            by,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(changed.name) from error


async def delete(connection: Connection, file_id: str) -> None:
    await connection.execute("DELETE FROM secure_files WHERE id = $1", UUID(file_id))


def _taken(name: str) -> Conflict:
    return Conflict(f"A secure file named {name!r} is there already in this project.")


# ---- tickets --------------------------------------------------------------------------------


async def add_ticket(connection: Connection, sha256: bytes, file_id: str, job: int) -> None:
    """Let the tasks of a job fetch a file, as long as the job runs."""
    await connection.execute(
        "INSERT INTO secure_file_tickets (sha256, secure_file_id, job_id) VALUES ($1, $2, $3)",
        sha256,
        UUID(file_id),
        job,
    )


async def content_for(
    connection: Connection, vault: Vault, file_id: UUID, sha256: bytes
) -> bytes | None:
    """What is in a file, for the holder of a valid ticket; None for everybody else.

    Raises VaultError when it cannot be opened.
    """
    sealed: bytes | None = await connection.fetchval(
        "SELECT f.sealed FROM secure_files f"
        " JOIN secure_file_tickets t ON t.secure_file_id = f.id"
        " JOIN jobs j ON j.id = t.job_id AND j.status = 'running'"
        " WHERE f.id = $1 AND t.sha256 = $2",
        file_id,
        sha256,
    )
    if sealed is None:
        return None
    return b64decode(vault.unseal(owner(str(file_id)), sealed)[CONTENT])
