"""Definitions of repositories, found by the names of definitions and environments as they are.

Any release definition can be found, also one that no repository was named for: `repository` is
then empty, and its releases are whatever they are called. Such a definition gets a row of its own
only when something is set for it or for an environment of it; that does not make it one of a
repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import name_key

COLUMNS = """
  d.id AS definition_id, d.name AS definition_name, d.path, d.project_id, p.name AS project_name,
  d.revision, coalesce(x.repository, '') AS repository, coalesce(x.settings, '{}') AS settings
"""
TABLES = """
FROM definitions d JOIN projects p ON p.id = d.project_id
LEFT JOIN repository_definitions x ON x.definition_id = d.id
"""
ENVIRONMENT = """
  e.id AS environment_id, e.name AS environment_name, e.rank,
  coalesce(y.tier, 'development') AS tier, y.parent_id,
  coalesce(y.settings, '{}') AS environment_settings
"""
LIVE = "d.kind = 'release' AND NOT d.is_deleted AND p.organization_id = $1"


def find_statement(columns: str = "", tables: str = "") -> str:
    """The statement that finds what names mean, together with more columns from more tables."""
    return f"""
SELECT {COLUMNS}, {ENVIRONMENT} {columns}
{TABLES}
LEFT JOIN environments e ON e.definition_id = d.id AND e.name = $4 AND NOT e.is_deleted
LEFT JOIN repository_environments y ON y.environment_id = e.id {tables}
WHERE {LIVE} AND d.name_key = $2 AND d.name = $3 AND ($5::uuid IS NULL OR d.project_id = $5)
ORDER BY coalesce(x.repository, '') = '', d.id LIMIT 2
"""


FIND = find_statement()
BY_NUMBER = f"""
SELECT {COLUMNS}, {ENVIRONMENT}
{TABLES}
LEFT JOIN environments e ON e.definition_id = d.id AND e.id = $2 AND NOT e.is_deleted
LEFT JOIN repository_environments y ON y.environment_id = e.id
WHERE d.id = $1 AND d.kind = 'release' AND NOT d.is_deleted
  AND ($3::uuid IS NULL OR d.project_id = $3)
"""
# Whatever `FIND` finds by its name alone.
LISTED = f"""
SELECT {COLUMNS} {TABLES} WHERE {LIVE} AND ($2::uuid IS NULL OR d.project_id = $2)
  AND (coalesce(x.repository, '') <> '' OR NOT EXISTS (
    SELECT FROM definitions o JOIN projects q ON q.id = o.project_id
    WHERE o.name_key = d.name_key AND o.name = d.name AND o.id <> d.id AND o.kind = 'release'
      AND NOT o.is_deleted AND q.organization_id = $1
      AND ($2::uuid IS NULL OR o.project_id = $2)))
ORDER BY d.name_key, d.id
"""
ENVIRONMENTS = """
SELECT e.id, e.name, e.rank, coalesce(y.tier, 'development') AS tier, y.parent_id,
  coalesce(y.settings, '{}') AS settings
FROM environments e LEFT JOIN repository_environments y ON y.environment_id = e.id
WHERE e.definition_id = $1 AND NOT e.is_deleted ORDER BY e.rank, e.id
"""


@dataclass(frozen=True, slots=True)
class RepositoryDefinition:
    """A definition and the repository it releases; `settings` are those of it alone."""

    definition_id: int
    definition_name: str
    path: str
    project_id: UUID
    project_name: str
    revision: int
    repository: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RepositoryEnvironment:
    """An environment with its tier, the one before it, and settings of its own."""

    id: int
    name: str
    rank: int
    tier: str
    parent_id: int | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name, or two, were found to mean."""

    definition: RepositoryDefinition
    environment: RepositoryEnvironment | None


async def find(
    connection: Connection,
    organization: UUID,
    project: UUID | None,
    name: str,
    environment: str = "",
) -> Named | None:
    """What these exact names mean in the organization; None when nothing, or several things.

    A definition of a repository wins over others of its name.
    """
    rows = await connection.fetch(FIND, organization, name_key(name), name, environment, project)
    row = meant(rows)
    return named(row) if row else None


def meant(rows: list[asyncpg.Record]) -> asyncpg.Record | None:
    """The row that a name means: of several, that of a repository."""
    if not rows or (len(rows) > 1 and not rows[0]["repository"]):
        return None
    return rows[0]


def named(row: asyncpg.Record) -> Named:
    found = None
    if row["environment_id"] is not None:
        found = RepositoryEnvironment(
            row["environment_id"],
            row["environment_name"],
            row["rank"],
            row["tier"],
            row["parent_id"],
            msgspec.json.decode(row["environment_settings"]),
        )
    return Named(_definition(row), found)


async def of_definition(connection: Connection, definition: int) -> RepositoryDefinition | None:
    """A definition by its id, whatever it releases."""
    row = await connection.fetchrow(f"SELECT {COLUMNS} {TABLES} WHERE d.id = $1", definition)
    return _definition(row) if row else None


async def of_environment(connection: Connection, environment: int) -> Named | None:
    """An environment by its id, with its definition."""
    definition = await connection.fetchval(
        "SELECT definition_id FROM environments WHERE id = $1", environment
    )
    found = await of_definition(connection, definition) if definition is not None else None
    if found is None:
        return None
    known = await environments(connection, definition)
    return Named(found, next((one for one in known if one.id == environment), None))


def _definition(row: asyncpg.Record) -> RepositoryDefinition:
    return RepositoryDefinition(
        row["definition_id"],
        row["definition_name"],
        row["path"],
        row["project_id"],
        row["project_name"],
        row["revision"],
        row["repository"],
        msgspec.json.decode(row["settings"]),
    )


async def is_taken(connection: Connection, organization: UUID, name: str) -> bool:
    """Whether a definition of a repository is called so, whatever the case of letters."""
    found: bool = await connection.fetchval(
        f"SELECT EXISTS (SELECT 1 {TABLES} WHERE {LIVE} AND d.name_key = $2"
        " AND x.repository <> '')",
        organization,
        name_key(name),
    )
    return found


async def listed(
    connection: Connection, organization: UUID, project: UUID | None
) -> list[RepositoryDefinition]:
    """All definitions that can be found by their names alone, by name."""
    return [_definition(row) for row in await connection.fetch(LISTED, organization, project)]


async def environments(connection: Connection, definition: int) -> list[RepositoryEnvironment]:
    """The environments of a definition in their order."""
    rows = await connection.fetch(ENVIRONMENTS, definition)
    return [
        RepositoryEnvironment(
            row["id"],
            row["name"],
            row["rank"],
            row["tier"],
            row["parent_id"],
            msgspec.json.decode(row["settings"]),
        )
        for row in rows
    ]


async def by_number(
    connection: Connection, project: UUID | None, definition: int, environment: int
) -> Named | None:
    """The same by the ids of a definition and of an environment of it (0: of none)."""
    row = await connection.fetchrow(BY_NUMBER, definition, environment, project)
    return named(row) if row else None


async def put_definition(
    connection: Connection, definition: int, repository: str, settings: Mapping[str, Any]
) -> None:
    await connection.execute(
        "INSERT INTO repository_definitions (definition_id, repository, settings)"
        " VALUES ($1, $2, $3) ON CONFLICT (definition_id) DO UPDATE SET settings = $3",
        definition,
        repository,
        msgspec.json.encode(settings).decode(),
    )


async def put_environment(
    connection: Connection, definition: int, environment: RepositoryEnvironment
) -> None:
    """Set what an environment is set to, also one of a definition without a repository."""
    await connection.execute(
        "INSERT INTO repository_definitions (definition_id, repository) VALUES ($1, '')"
        " ON CONFLICT (definition_id) DO NOTHING",
        definition,
    )
    await connection.execute(
        "INSERT INTO repository_environments"
        " (environment_id, definition_id, tier, parent_id, settings) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (environment_id) DO UPDATE SET tier = $3, parent_id = $4, settings = $5",
        environment.id,
        definition,
        environment.tier,
        environment.parent_id,
        msgspec.json.encode(environment.settings).decode(),
    )
