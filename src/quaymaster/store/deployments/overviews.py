"""What is collected over many releases and definitions: branches, counts, who waits for a job."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.store.postgres.database import Connection

BRANCHES = """
SELECT DISTINCT a.branch FROM release_artifacts a JOIN releases r ON r.id = a.release_id
WHERE r.project_id = $1 AND r.definition_id = $2 AND NOT r.is_deleted AND a.branch <> ''
ORDER BY a.branch LIMIT $3
"""

# Releases and approvals of the time asked for; what is under way or pending counts now.
COUNTS = """
WITH since AS (
  SELECT id, path FROM definitions WHERE project_id = $1 AND kind = 'release'
)
SELECT f.id AS definition_id, f.path,
  (SELECT count(*) FROM releases r WHERE r.project_id = $1 AND r.definition_id = f.id
    AND NOT r.is_deleted AND r.created_at >= $2) AS releases,
  count(d.id) FILTER (WHERE d.started_at >= $2) AS started,
  count(d.id) FILTER (WHERE d.started_at >= $2 AND d.status = 'succeeded') AS succeeded,
  count(d.id) FILTER (WHERE d.started_at >= $2 AND d.status = 'partiallySucceeded')
    AS partially_succeeded,
  count(d.id) FILTER (WHERE d.started_at >= $2 AND d.status = 'failed') AS failed,
  count(d.id) FILTER (WHERE d.outcome IS NULL) AS under_way
FROM since f LEFT JOIN deployments d ON d.project_id = $1 AND d.definition_id = f.id
  AND (d.outcome IS NULL OR d.started_at >= $2)
GROUP BY f.id, f.path
"""

SOURCE_OF = """
SELECT DISTINCT p.id, p.name FROM definition_artifacts a
JOIN definitions d ON d.id = a.definition_id JOIN projects p ON p.id = d.project_id
WHERE d.kind = 'release' AND NOT d.is_deleted AND p.organization_id = $1
  AND ($2 = '' OR upper(a.type) = upper($2)) AND ($3 = '' OR upper(a.source_id) = upper($3))
ORDER BY p.name
"""

WAITING = """
SELECT r.project_id, j.release_id, r.definition_id, f.path
FROM jobs j JOIN releases r ON r.id = j.release_id JOIN definitions f ON f.id = r.definition_id
WHERE j.status = 'waiting' AND j.pool_id IS NOT NULL ORDER BY j.id LIMIT $1
"""

TRIGGER_PROBLEMS = """
SELECT DISTINCT d.id AS definition_id, d.name, d.path, d.project_id, p.name AS project_name,
  k.kind, f.problem
FROM definition_artifacts a JOIN definitions d ON d.id = a.definition_id
JOIN projects p ON p.id = d.project_id
CROSS JOIN unnest($3::text[]) AS k(kind)
JOIN firings f ON f.definition_id = d.id AND f.problem <> ''
  AND f.key = k.kind || ':' || upper(a.alias) || ':' || $2
WHERE upper(a.type) = upper($1) AND ($4 = '' OR upper(a.source_id) = upper($4))
  AND d.project_id = $5 AND d.kind = 'release' AND NOT d.is_deleted
ORDER BY d.id
"""

USING = """
SELECT d.id, d.name, d.path, b.body FROM definitions d
JOIN documents b ON b.digest = d.document_digest
WHERE d.project_id = $1 AND d.kind = 'release' AND NOT d.is_deleted
  AND ($2 = '' OR strpos(lower(b.body), lower($2)) > 0) AND d.id > $3
ORDER BY d.id LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened in one definition since a time."""

    definition_id: int
    path: str
    releases: int
    started: int
    succeeded: int
    partially_succeeded: int
    failed: int
    under_way: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A release with a job that waits for a worker."""

    project_id: UUID
    release_id: int
    definition_id: int
    path: str


@dataclass(frozen=True, slots=True)
class TriggerProblem:
    """Why a trigger has made no release of a version; `kind` is that of the trigger."""

    definition_id: int
    name: str
    path: str
    project_id: UUID
    project_name: str
    kind: str
    problem: str


@dataclass(frozen=True, slots=True)
class DocumentOf:
    """A definition with its document as JSON."""

    id: int
    name: str
    path: str
    body: str


async def branches(
    connection: Connection, project: UUID, definition_id: int, most: int
) -> list[str]:
    """The branches that releases of a definition were made from, by name."""
    rows = await connection.fetch(BRANCHES, project, definition_id, most)
    return [row["branch"] for row in rows]


async def release_before(connection: Connection, definition_id: int, release_id: int) -> int | None:
    """The newest release of the definition that was made before this one."""
    found: int | None = await connection.fetchval(
        "SELECT max(id) FROM releases WHERE definition_id = $1 AND id < $2 AND NOT is_deleted"
        " AND project_id = (SELECT project_id FROM releases WHERE id = $2)",
        definition_id,
        release_id,
    )
    return found


async def counts(connection: Connection, project: UUID, since: datetime) -> list[Counts]:
    """What happened in each definition of the project."""
    return [Counts(**dict(row)) for row in await connection.fetch(COUNTS, project, since)]


async def projects_using(
    connection: Connection, organization: UUID, artifact_type: str, source_id: str
) -> list[tuple[UUID, str]]:
    """The projects with a definition that takes this source ("" is any), by name."""
    rows = await connection.fetch(SOURCE_OF, organization, artifact_type, source_id)
    return [(row["id"], row["name"]) for row in rows]


async def waiting(connection: Connection, most: int) -> list[Waiting]:
    """Whose jobs wait for a worker, the longest first."""
    return [Waiting(**dict(row)) for row in await connection.fetch(WAITING, most)]


async def trigger_problems(
    connection: Connection,
    project: UUID,
    artifact_type: str,
    source_id: str,
    version_id: str,
    kinds: list[str],
) -> list[TriggerProblem]:
    """The firings that were given up for this version of a source ("": of any of the type)."""
    rows = await connection.fetch(
        TRIGGER_PROBLEMS, artifact_type, version_id, kinds, source_id, project
    )
    return [TriggerProblem(**dict(row)) for row in rows]


async def documents_mentioning(
    connection: Connection, project: UUID, text: str, after: int, most: int
) -> list[DocumentOf]:
    """Definitions of the project whose document holds this text ("" all), by id from `after`."""
    rows = await connection.fetch(USING, project, text, after, most)
    return [DocumentOf(**dict(row)) for row in rows]
