"""Service connections of a project; what is secret of them is sealed in a column of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.connections import ConnectionId, ServiceConnection
from quaymaster.domain.errors import Conflict
from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import Vault

COLUMNS = """
SELECT id, project_id, name, type, description, url, scheme, parameters, data,
  secret_parameters, secret_data, secrets, created_by, created_at, modified_by, modified_at
FROM service_connections
"""

# What is sealed is one map; these tell its halves apart.
PARAMETER = "parameter/"
DATUM = "data/"

_texts = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class KeptConnection:
    """A connection with who made and changed it; its secrets are closed until `opened`."""

    connection: ServiceConnection
    project_id: UUID
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime
    sealed: bytes | None = field(default=None, repr=False)


def owner(connection_id: str) -> str:
    """The owner to which the vault binds a connection's secrets."""
    return f"service connection/{connection_id}"


def opened(vault: Vault, kept: KeptConnection) -> ServiceConnection:
    """The connection with its secrets. VaultError when they cannot be opened."""
    found = vault.unseal(owner(kept.connection.id), kept.sealed)
    return replace(
        kept.connection,
        secret_parameters=_half(found, PARAMETER),
        secret_data=_half(found, DATUM),
    )


def _half(found: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)
    }


def _kept(row: "asyncpg.Record") -> KeptConnection:
    connection = ServiceConnection(
        id=ConnectionId(str(row["id"])),
        name=row["name"],
        type=row["type"],
        url=row["url"],
        description=row["description"],
        scheme=row["scheme"],
        parameters=_texts.decode(row["parameters"]),
        data=_texts.decode(row["data"]),
        secret_parameters=dict.fromkeys(row["secret_parameters"], ""),
        secret_data=dict.fromkeys(row["secret_data"], ""),
    )
    return KeptConnection(
        connection,
        row["project_id"],
        row["created_by"],
        row["created_at"],
        row["modified_by"],
        row["modified_at"],
        row["secrets"],
    )


async def get(
    connection: Connection, connection_id: UUID, *, locked: bool = False
) -> KeptConnection | None:
    """The connection of this id, in whatever project it is; `locked` keeps others from changing
    it until the transaction ends."""
    lock = " FOR NO KEY UPDATE" if locked else ""
    row = await connection.fetchrow(f"{COLUMNS} WHERE id = $1{lock}", connection_id)
    return _kept(row) if row else None


async def listed(connection: Connection, project: UUID) -> list[KeptConnection]:
    """The project's connections by name."""
    rows = await connection.fetch(f"{COLUMNS} WHERE project_id = $1 ORDER BY name_key", project)
    return [_kept(row) for row in rows]


async def named(
    connection: Connection, project: UUID, words: Iterable[str]
) -> dict[str, KeptConnection]:
    """Those of the project's connections that these ids or names mean, by the word's casefold.

    An id wins over a name that looks like one.
    """
    keys = sorted({word.strip().casefold() for word in words if word.strip()})
    if not keys:
        return {}
    rows = await connection.fetch(
        f"{COLUMNS} WHERE project_id = $1"
        " AND (id::text = ANY($2::text[]) OR name_key = ANY($2::text[]))",
        project,
        keys,
    )
    found = [_kept(row) for row in rows]
    meant = {kept.connection.name.casefold(): kept for kept in found}
    meant |= {kept.connection.id: kept for kept in found}
    return {key: meant[key] for key in keys if key in meant}


async def author_of(connection: Connection, definition_id: int) -> PersonId | None:
    """Who saved the definition last; None is the product itself."""
    author: PersonId | None = await connection.fetchval(
        "SELECT modified_by FROM definitions WHERE id = $1", definition_id
    )
    return author


async def words(connection: Connection, project: UUID) -> frozenset[str]:
    """The ids and names of the project's connections, in casefold."""
    rows = await connection.fetch(
        "SELECT id::text AS id, name_key FROM service_connections WHERE project_id = $1", project
    )
    return frozenset(word for row in rows for word in (row["id"], row["name_key"]))


async def create(
    connection: Connection,
    vault: Vault,
    project: UUID,
    made: ServiceConnection,
    by: PersonId | None,
    at: datetime,
) -> None:
    """Store a new connection under its id. Raises Conflict when the name or the id is taken."""
    try:
        await connection.execute(
            "INSERT INTO service_connections (id, name, name_key, type, description, url, scheme,"
            " parameters, data, secret_parameters, secret_data, secrets, modified_by, modified_at,"
            " created_by, created_at, project_id)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, $14, $15)",
            *_values(vault, made),
            by,
            at,
            project,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(made.name) from error


async def update(
    connection: Connection,
    vault: Vault,
    changed: ServiceConnection,
    by: PersonId | None,
    at: datetime,
) -> None:
    """Replace a connection. Raises Conflict when its new name is taken."""
    try:
        await connection.execute(
            "UPDATE service_connections SET name = $2, name_key = $3, type = $4, description = $5,"
            " url = $6, scheme = $7, parameters = $8, data = $9, secret_parameters = $10,"
            " secret_data = $11, secrets = $12, modified_by = $13, modified_at = $14 WHERE id = $1",
            *_values(vault, changed),
            by,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(changed.name) from error


async def delete(connection: Connection, connection_id: str) -> None:
    """Remove a connection; definitions that name it say so when they come to it."""
    await connection.execute("DELETE FROM service_connections WHERE id = $1", UUID(connection_id))


def _values(vault: Vault, found: ServiceConnection) -> tuple[Any, ...]:
    secrets = {
        **{PARAMETER + name: value for name, value in found.secret_parameters.items()},
        **{DATUM + name: value for name, value in found.secret_data.items()},
    }
    return (
        UUID(found.id),
        found.name,
        found.name.casefold(),
        found.type,
        found.description,
        found.url,
        found.scheme,
        msgspec.json.encode(dict(found.parameters)).decode(),
        msgspec.json.encode(dict(found.data)).decode(),
        _names(found.secret_parameters),
        _names(found.secret_data),
        vault.seal(owner(found.id), secrets),
    )


def _names(secrets: Mapping[str, str]) -> Sequence[str]:
    """Only what has a value counts as there."""
    return [name for name, value in secrets.items() if value]


def _taken(name: str) -> Conflict:
    return Conflict(f"A service connection named {name!r} is there already in this project.")


async def of_type(connection: Connection, kind: str) -> list[KeptConnection]:
    """The connections of this type in all projects, whatever the case of the word."""
    rows = await connection.fetch(f"{COLUMNS} WHERE lower(type) = lower($1) ORDER BY id", kind)
    return [_kept(row) for row in rows]
