"""Variable groups of a project, and what a release took of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.errors import Conflict
from quaymaster.domain.release import PersonId
from quaymaster.domain.variable_groups import GroupVariable, VariableGroup
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import wildcards
from quaymaster.store.storage.vault import Vault

COLUMNS = """
SELECT id, project_id, name, description, type, variables, secrets, created_by, created_at,
  modified_by, modified_at FROM variable_groups
"""

_variables = msgspec.json.Decoder(dict[str, GroupVariable])


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """A group with who made and changed it."""

    group: VariableGroup
    project_id: UUID
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime


def owner(group_id: int) -> str:
    """The owner to which the vault binds a group's secrets."""
    return f"variable group/{group_id}"


def _kept(vault: Vault | None, row: "asyncpg.Record") -> KeptGroup:
    group = VariableGroup(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        type=row["type"],
        variables=_variables.decode(row["variables"]),
        secrets=vault.unseal(owner(row["id"]), row["secrets"]) if vault else {},
    )
    return KeptGroup(
        group,
        row["project_id"],
        row["created_by"],
        row["created_at"],
        row["modified_by"],
        row["modified_at"],
    )


async def get(
    connection: Connection, vault: Vault, project: UUID, group_id: int, *, locked: bool = False
) -> KeptGroup | None:
    """One group of the project; `locked` keeps others from changing it until the transaction
    ends."""
    lock = " FOR NO KEY UPDATE" if locked else ""
    row = await connection.fetchrow(
        f"{COLUMNS} WHERE id = $1 AND project_id = $2{lock}", group_id, project
    )
    return _kept(vault, row) if row else None


async def get_many(
    connection: Connection, vault: Vault, project: UUID, ids: Sequence[int]
) -> dict[int, VariableGroup]:
    """Those of these groups that the project has, by id."""
    rows = await connection.fetch(
        f"{COLUMNS} WHERE id = ANY($1::bigint[]) AND project_id = $2", list(ids), project
    )
    return {row["id"]: _kept(vault, row).group for row in rows}


async def names(connection: Connection, project: UUID, ids: Sequence[int]) -> set[str]:
    """The names, casefolded, of those of these groups that the project has."""
    rows = await connection.fetch(
        "SELECT name_key FROM variable_groups WHERE id = ANY($1::bigint[]) AND project_id = $2",
        list(ids),
        project,
    )
    return {row["name_key"] for row in rows}


async def listed(connection: Connection, project: UUID, name: str = "") -> list[KeptGroup]:
    """The project's groups by name, without secrets; `name` may have the wildcards `*`, `?`."""
    rows = await connection.fetch(
        f"{COLUMNS} WHERE project_id = $1 AND ($2 = '' OR name_key LIKE $2) ORDER BY name_key",
        project,
        wildcards(name) if name else "",
    )
    return [_kept(None, row) for row in rows]


async def create(
    connection: Connection,
    vault: Vault,
    project: UUID,
    group: VariableGroup,
    by: PersonId | None,
    at: datetime,
) -> int:
    """Store a new group; its id. Raises Conflict when the name is taken."""
    group_id: int = await connection.fetchval("SELECT nextval('variable_groups_id_seq')")
    try:
        await connection.execute(
            "INSERT INTO variable_groups (id, project_id, name, name_key, description, type,"
            " variables, secrets, created_by, created_at, modified_by, modified_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10)",
            group_id,
            project,
            *_values(vault, replace(group, id=group_id)),
            by,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(group.name) from error
    return group_id


async def update(
    connection: Connection, vault: Vault, group: VariableGroup, by: PersonId | None, at: datetime
) -> None:
    """Replace a group. Raises Conflict when its new name is taken."""
    try:
        await connection.execute(
            "UPDATE variable_groups SET name = $2, name_key = $3, description = $4, type = $5,"
            " variables = $6, secrets = $7, modified_by = $8, modified_at = $9 WHERE id = $1",
            group.id,
            *_values(vault, group),
            by,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(group.name) from error


async def delete(connection: Connection, group_id: int) -> None:
    """Remove a group; releases keep what they took of it."""
    await connection.execute("DELETE FROM variable_groups WHERE id = $1", group_id)


def _values(vault: Vault, group: VariableGroup) -> tuple[Any, ...]:
    return (
        group.name,
        group.name.casefold(),
        group.description,
        group.type,
        msgspec.json.encode(group.variables).decode(),
        vault.seal(owner(group.id), group.secrets),
    )


def _taken(name: str) -> Conflict:
    return Conflict(f"A variable group named {name!r} is there already in this project.")


async def keep_snapshots(
    connection: Connection, release_id: int, taken: Mapping[int, Sequence[VariableGroup]]
) -> None:
    """Remember which groups a release took, by definition stage id (0: the whole definition)."""
    rows = [
        (release_id, stage, position, _snapshot(group))
        for stage, groups in taken.items()
        for position, group in enumerate(groups)
    ]
    if rows:
        await connection.executemany(
            "INSERT INTO release_variable_groups"
            " (release_id, definition_stage_id, position, snapshot) VALUES ($1, $2, $3, $4)",
            rows,
        )


def _snapshot(group: VariableGroup) -> str:
    return msgspec.json.encode(
        {
            "id": group.id,
            "name": group.name,
            "description": group.description,
            "type": group.type,
            "variables": group.variables,
        }
    ).decode()


async def snapshots(connection: Connection, release_id: int) -> dict[int, list[VariableGroup]]:
    """The groups that a release took, by definition stage id; without any secret."""
    rows = await connection.fetch(
        "SELECT definition_stage_id AS stage, snapshot FROM release_variable_groups"
        " WHERE release_id = $1 ORDER BY definition_stage_id, position",
        release_id,
    )
    found: dict[int, list[VariableGroup]] = {}
    for row in rows:
        group = msgspec.json.decode(row["snapshot"], type=VariableGroup)
        found.setdefault(row["stage"], []).append(group)
    return found
