"""Organizations and their projects."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from quaymaster.domain.errors import Conflict
from quaymaster.store.postgres import seed
from quaymaster.store.postgres.database import Connection

PROJECT = """
SELECT p.id, p.name, p.description, p.created_at, o.id AS organization_id, o.name AS organization
FROM projects p JOIN organizations o ON o.id = p.organization_id
"""


@dataclass(frozen=True, slots=True)
class Organization:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project with the organization that it belongs to."""

    id: UUID
    name: str
    description: str
    created_at: datetime
    organization_id: UUID
    organization: str


async def installation_id(connection: Connection) -> UUID:
    """What tells this installation from every other."""
    found: UUID = await connection.fetchval("SELECT id FROM installation")
    return found


async def organization(connection: Connection, name: str) -> Organization | None:
    """The organization of this name, ignoring case."""
    row = await connection.fetchrow(
        "SELECT id, name FROM organizations WHERE name_key = $1", name.casefold()
    )
    return Organization(**dict(row)) if row else None


async def organization_name(connection: Connection, organization_id: UUID) -> str | None:
    """What the organization of this id is called."""
    name: str | None = await connection.fetchval(
        "SELECT name FROM organizations WHERE id = $1", organization_id
    )
    return name


async def find(connection: Connection, organization_id: UUID, name_or_id: str) -> ProjectRow | None:
    """A project by its name, ignoring case, or by its id."""
    row = await connection.fetchrow(
        f"{PROJECT} WHERE p.organization_id = $1 AND (p.name_key = $2 OR p.id::text = $2)",
        organization_id,
        name_or_id.casefold(),
    )
    return ProjectRow(**dict(row)) if row else None


async def get(connection: Connection, project: UUID) -> ProjectRow | None:
    """A project of any organization by its id."""
    row = await connection.fetchrow(f"{PROJECT} WHERE p.id = $1", project)
    return ProjectRow(**dict(row)) if row else None


async def listed(connection: Connection, organization_id: UUID) -> list[ProjectRow]:
    """All projects of an organization by name."""
    rows = await connection.fetch(
        f"{PROJECT} WHERE p.organization_id = $1 ORDER BY p.name_key", organization_id
    )
    return [ProjectRow(**dict(row)) for row in rows]


async def create(
    connection: Connection, organization_id: UUID, name: str, description: str
) -> UUID:
    """A new project with its groups and queues. Raises Conflict when the name is taken."""
    try:
        return await seed.add_project(connection, organization_id, name, description)
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"There is already a project named {name!r}.") from error
