"""Templates of build definitions that a project keeps, each under an id of its author's."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection

COLUMNS = "id, name, summary, template"


@dataclass(frozen=True, slots=True)
class BuildTemplate:
    """A template: `summary` is the published JSON of it without id, name and `template`, the
    definition that it stands for."""

    id: str
    name: str
    summary: str
    template: str


def _read(row: asyncpg.Record) -> BuildTemplate:
    return BuildTemplate(**dict(row))


async def listed(connection: Connection, project: UUID) -> list[BuildTemplate]:
    """All of the project by name, without what they stand for."""
    rows = await connection.fetch(
        "SELECT id, name, summary, '' AS template FROM build_templates WHERE project_id = $1"
        " ORDER BY lower(name), id_key",
        project,
    )
    return [_read(row) for row in rows]


async def get(connection: Connection, project: UUID, template_id: str) -> BuildTemplate | None:
    """One template, by its id in any case."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM build_templates WHERE project_id = $1 AND id_key = $2",
        project,
        template_id.casefold(),
    )
    return _read(row) if row else None


async def others(connection: Connection, project: UUID, template_id: str) -> int:
    """How many templates the project keeps beside this one."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM build_templates WHERE project_id = $1 AND id_key <> $2",
        project,
        template_id.casefold(),
    )
    return found


async def put(
    connection: Connection, project: UUID, new: BuildTemplate, by: PersonId | None, at: datetime
) -> None:
    """Keep a template in the place of the one that had its id."""
    await connection.execute(
        "INSERT INTO build_templates"
        " (project_id, id_key, id, name, summary, template, changed_by, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (project_id, id_key) DO UPDATE SET id = EXCLUDED.id, name = EXCLUDED.name,"
        " summary = EXCLUDED.summary, template = EXCLUDED.template,"
        " changed_by = EXCLUDED.changed_by, changed_at = EXCLUDED.changed_at",
        project,
        new.id.casefold(),
        new.id,
        new.name,
        new.summary,
        new.template,
        by,
        at,
    )


async def delete(connection: Connection, project: UUID, template_id: str) -> bool:
    """Whether there was one to remove."""
    done = await connection.execute(
        "DELETE FROM build_templates WHERE project_id = $1 AND id_key = $2",
        project,
        template_id.casefold(),
    )
    return done == "DELETE 1"
