"""Definitions of repositories, found by the names of definitions and environments as they are.

Any release definition can be found, also one that no repository was named for: `repository` is
then empty, and its releases are whatever they are called. Such a definition gets a row of its own
only when something is set for it or for an environment of it; that does not make it one of a
repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.release import PersonId, ReleaseId, StageId
from quaymaster.store.database import Connection
from quaymaster.store.paging import name_key
from quaymaster.store.release_rows import DOORS
from quaymaster.store.task_runs import FAILED_STEP

COLUMNS = """
  d.id AS definition_id, d.name AS definition_name, d.path, d.project_id, p.name AS project_name,
  d.revision, coalesce(x.repository, '') AS repository, coalesce(x.settings, '{}') AS settings
"""
TABLES = """
FROM definitions d JOIN projects p ON p.id = d.project_id
LEFT JOIN repository_definitions x ON x.definition_id = d.id
"""
LIVE = "d.kind = 'release' AND NOT d.is_deleted AND p.organization_id = $1"


def _find(columns: str = "", tables: str = "") -> str:
    return f"""
SELECT {COLUMNS}, e.id AS environment_id, e.name AS environment_name, e.rank,
  coalesce(y.tier, 'development') AS tier, y.parent_id,
  coalesce(y.settings, '{{}}') AS environment_settings {columns}
{TABLES}
LEFT JOIN environments e ON e.definition_id = d.id AND e.name = $4 AND NOT e.is_deleted
LEFT JOIN repository_environments y ON y.environment_id = e.id {tables}
WHERE {LIVE} AND d.name_key = $2 AND d.name = $3 AND ($5::uuid IS NULL OR d.project_id = $5)
ORDER BY coalesce(x.repository, '') = '', d.id LIMIT 2
"""


FIND = _find()
# Together with a release of it, locked as `release_rows.LOCK` does, and its newest attempt there as
# it was before the lock: reports come often, and a statement saved is a round trip saved.
_WITH_CANDIDATE = _find(
    ", r.id AS release_id, s.id AS stage_id, b.status AS build, n.id AS newest_id, n.queued_at,"
    " n.rolls_back IS NOT NULL AS rolls_back, n.requested_by, f.name AS from_name,"
    " i.unique_name, i.email",
    """
LEFT JOIN releases r ON r.definition_id = d.id AND r.name_key = $6 AND r.name = $7
  AND NOT r.is_deleted
LEFT JOIN stages s ON s.release_id = r.id AND s.definition_stage_id = e.id
LEFT JOIN release_builds b ON b.release_id = r.id
LEFT JOIN deployments n ON n.id = s.newest_deployment_id
LEFT JOIN releases f ON f.id = n.from_release_id
LEFT JOIN identities i ON i.id = n.requested_by
""",
)
LOCK_CANDIDATE = f"""
WITH found AS MATERIALIZED ({_WITH_CANDIDATE}),
meant AS MATERIALIZED (SELECT release_id, definition_id FROM found LIMIT 1),
doors AS MATERIALIZED ({DOORS} FROM meant WHERE release_id IS NOT NULL),
locked AS MATERIALIZED (SELECT r.id FROM releases r, doors
  WHERE r.id = (SELECT release_id FROM meant) FOR NO KEY UPDATE OF r)
SELECT found.* FROM found LEFT JOIN locked ON true
"""
BY_NUMBER = f"""
SELECT {COLUMNS}, e.id AS environment_id, e.name AS environment_name, e.rank,
  coalesce(y.tier, 'development') AS tier, y.parent_id,
  coalesce(y.settings, '{{}}') AS environment_settings
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
CANDIDATE = """
SELECT r.id, s.id AS stage_id, b.status AS build FROM releases r
LEFT JOIN stages s ON s.release_id = r.id AND s.definition_stage_id = $3
LEFT JOIN release_builds b ON b.release_id = r.id
WHERE r.definition_id = $1 AND r.name_key = $2 AND r.name = $4 AND NOT r.is_deleted
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
class Candidate:
    """A release by its version. `stage` None: it was made before the environment was.

    `build` None: nobody builds it, so it was ready when it was made.
    """

    release: ReleaseId
    stage: StageId | None
    build: str | None


@dataclass(frozen=True, slots=True)
class EnvironmentDeployment:
    """One deployment to an environment, as a list of them shows it."""

    id: int
    stage_id: int
    release_id: int
    release_name: str
    from_name: str | None
    queued_at: datetime
    completed_at: datetime | None
    outcome: str | None
    operation_status: str
    problem: str
    rolls_back: bool
    requested_by: PersonId | None
    unique_name: str | None
    email: str | None


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
    row = _meant(rows)
    return _named(row) if row else None


def _meant(rows: list[asyncpg.Record]) -> asyncpg.Record | None:
    """The row that a name means: of several, that of a repository."""
    if not rows or (len(rows) > 1 and not rows[0]["repository"]):
        return None
    return rows[0]


def _named(row: asyncpg.Record) -> Named:
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


async def lock_candidate(
    connection: Connection,
    organization: UUID,
    project: UUID | None,
    name: str,
    environment: str,
    version: str,
) -> tuple[Named, Candidate | None, EnvironmentDeployment | None] | None:
    """What `find` and `candidate` find, in one statement, which locks the release until the
    transaction ends; and the newest attempt of the release in the environment as it is listed, but
    for how it stands. What somebody else changed while this waited for the lock is not in it."""
    row = _meant(
        await connection.fetch(
            LOCK_CANDIDATE,
            organization,
            name_key(name),
            name,
            environment,
            project,
            version.casefold(),
            version,
        )
    )
    if row is None:
        return None
    if row["release_id"] is None:
        return _named(row), None, None
    stage = StageId(row["stage_id"]) if row["stage_id"] else None
    known = Candidate(ReleaseId(row["release_id"]), stage, row["build"])
    return _named(row), known, _newest(row, version) if row["newest_id"] else None


def _newest(row: asyncpg.Record, version: str) -> EnvironmentDeployment:
    return EnvironmentDeployment(
        id=row["newest_id"],
        stage_id=row["stage_id"],
        release_id=row["release_id"],
        release_name=version,
        from_name=row["from_name"],
        queued_at=row["queued_at"],
        completed_at=None,
        outcome=None,
        operation_status="",
        problem="",
        rolls_back=row["rolls_back"],
        requested_by=row["requested_by"],
        unique_name=row["unique_name"],
        email=row["email"],
    )


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
    return _named(row) if row else None


async def holds_after_rollback(connection: Connection, environment: int) -> bool:
    """Whether an automatic rollback leaves the environment held: those of repositories, unless
    they are set otherwise."""
    found: bool | None = await connection.fetchval(
        "SELECT coalesce((y.settings ->> 'hold_after_rollback')::boolean, x.repository <> '')"
        " FROM repository_environments y JOIN repository_definitions x USING (definition_id)"
        " WHERE y.environment_id = $1",
        environment,
    )
    return bool(found)


async def candidate(
    connection: Connection, definition: int, environment: int, version: str
) -> Candidate | None:
    """The release of exactly this version, and its stage for the environment."""
    row = await connection.fetchrow(CANDIDATE, definition, version.casefold(), environment, version)
    if row is None:
        return None
    stage = StageId(row["stage_id"]) if row["stage_id"] else None
    return Candidate(ReleaseId(row["id"]), stage, row["build"])


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


# ---- builds of releases ---------------------------------------------------------------------


async def set_build(
    connection: Connection, release: ReleaseId, status: str, at: datetime, **told: str
) -> None:
    """How the build of a release stands; what is not told stays as it was."""
    await connection.execute(
        "INSERT INTO release_builds (release_id, status, told_at, problem, url, run_id)"
        " VALUES ($1, $2, $3, coalesce($4, ''), coalesce($5, ''), coalesce($6, ''))"
        " ON CONFLICT (release_id) DO UPDATE SET status = $2, told_at = $3,"
        " problem = coalesce($4, release_builds.problem), url = coalesce($5, release_builds.url),"
        " run_id = coalesce($6, release_builds.run_id)",
        release,
        status,
        at,
        told.get("problem"),
        told.get("url"),
        told.get("run_id"),
    )


# ---- deployments of an environment ----------------------------------------------------------

# Before the end, why the workflow that is to do it has not been reached yet.
PROBLEM = f"""CASE WHEN d.problem <> '' THEN d.problem
  WHEN d.outcome = 'phaseFailed' THEN coalesce(({FAILED_STEP.format(deployment="d.id")}), '')
  WHEN d.outcome IS NULL THEN coalesce(
    (SELECT w.problem FROM workflow_runs w WHERE w.deployment_id = d.id), '')
  ELSE '' END"""
DEPLOYMENTS = f"""
SELECT d.id, d.stage_id, d.release_id, r.name AS release_name, f.name AS from_name, d.queued_at,
  d.completed_at, d.outcome, d.operation_status, d.rolls_back IS NOT NULL AS rolls_back,
  {PROBLEM} AS problem,
  d.requested_by, i.unique_name, i.email
FROM deployments d JOIN releases r ON r.id = d.release_id
LEFT JOIN releases f ON f.id = d.from_release_id
LEFT JOIN identities i ON i.id = d.requested_by
"""
# Which rows are on the page is decided over the one index (decision 0011).
PAGE = f"""
WITH page AS MATERIALIZED (SELECT id FROM deployments WHERE definition_stage_id = $1
  ORDER BY id + 0 DESC LIMIT $2 OFFSET $3)
{DEPLOYMENTS} JOIN page ON page.id = d.id ORDER BY d.id DESC
"""
NEWEST_OF_STAGE = f"""
{DEPLOYMENTS} WHERE d.id = (SELECT newest_deployment_id FROM stages WHERE id = $1)
"""
ONE = f"{DEPLOYMENTS} WHERE d.definition_stage_id = $1 AND d.id = $2"


async def deployments(
    connection: Connection, environment: int, count: int, offset: int
) -> list[EnvironmentDeployment]:
    """So many deployments to the environment, the newest first."""
    rows = await connection.fetch(PAGE, environment, count, offset)
    return [EnvironmentDeployment(**dict(row)) for row in rows]


async def newest_of_stage(connection: Connection, stage: int) -> EnvironmentDeployment | None:
    """The newest attempt of a stage."""
    row = await connection.fetchrow(NEWEST_OF_STAGE, stage)
    return EnvironmentDeployment(**dict(row)) if row else None


async def attempt(connection: Connection, stage: int, number: int) -> EnvironmentDeployment | None:
    """One attempt of a stage by its number."""
    row = await connection.fetchrow(
        f"{DEPLOYMENTS} WHERE d.stage_id = $1 AND d.attempt = $2", stage, number
    )
    return EnvironmentDeployment(**dict(row)) if row else None


async def deployment(
    connection: Connection, environment: int, number: int
) -> EnvironmentDeployment | None:
    row = await connection.fetchrow(ONE, environment, number)
    return EnvironmentDeployment(**dict(row)) if row else None
