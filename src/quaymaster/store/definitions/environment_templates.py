"""Templates of environments that a project keeps for new definitions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection

COLUMNS = "id, name, document, created_by, created_at, is_deleted"


@dataclass(frozen=True, slots=True)
class EnvironmentTemplate:
    """A template; `document` is the published JSON of it without its id."""

    id: UUID
    name: str
    document: str
    created_by: PersonId | None
    created_at: datetime
    is_deleted: bool


def _read(row: asyncpg.Record) -> EnvironmentTemplate:
    return EnvironmentTemplate(**dict(row))


async def listed(
    connection: Connection, project: UUID, *, deleted: bool
) -> list[EnvironmentTemplate]:
    """All of the project by name: those in use, or those that were deleted."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM environment_templates WHERE project_id = $1 AND is_deleted = $2"
        " ORDER BY lower(name), id",
        project,
        deleted,
    )
    return [_read(row) for row in rows]


async def get(connection: Connection, project: UUID, number: UUID) -> EnvironmentTemplate | None:
    """One template, deleted or not."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM environment_templates WHERE project_id = $1 AND id = $2",
        project,
        number,
    )
    return _read(row) if row else None


async def count(connection: Connection, project: UUID) -> int:
    """How many the project keeps, deleted ones included."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM environment_templates WHERE project_id = $1", project
    )
    return found


async def create(
    connection: Connection,
    project: UUID,
    name: str,
    document: str,
    by: PersonId | None,
    at: datetime,
) -> EnvironmentTemplate:
    """Keep a template under an id of its own."""
    row = await connection.fetchrow(
        "INSERT INTO environment_templates (project_id, name, document, created_by, created_at)"
        f" VALUES ($1, $2, $3, $4, $5) RETURNING {COLUMNS}",
        project,
        name,
        document,
        by,
        at,
    )
    assert row is not None  # noqa: S101 - an INSERT gives its row
    return _read(row)


async def set_deleted(
    connection: Connection, project: UUID, number: UUID, *, deleted: bool, at: datetime
) -> EnvironmentTemplate | None:
    """Delete softly or bring back; None when there is no such template."""
    row = await connection.fetchrow(
        "UPDATE environment_templates SET is_deleted = $3,"
        " deleted_at = CASE WHEN $3 THEN $4::timestamptz END"
        f" WHERE project_id = $1 AND id = $2 RETURNING {COLUMNS}",
        project,
        number,
        deleted,
        at,
    )
    return _read(row) if row else None
