"""What retention looks at of builds, and the end of those whose time is over (SEMANTICS 23.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.domain.build_retention import BuildRule, HeldBuild, RecentBuild
from quaymaster.store.builds.retention import LEASED, RETAINED
from quaymaster.store.definitions import build_plans
from quaymaster.store.postgres.database import Connection

DEFINITIONS = """
SELECT d.id, d.project_id, d.name, p.body AS plan FROM definitions d
JOIN plans p ON p.digest = d.plan_digest
WHERE d.kind = 'build' AND ($1::uuid IS NULL OR d.project_id = $1)
  AND EXISTS (SELECT FROM builds b WHERE b.definition_id = d.id AND NOT b.is_deleted)
ORDER BY d.id
"""

HELD = f"""
SELECT b.id, b.number, b.source_branch AS branch, b.finished_at, b.keep_forever,
  b.reason = 'pullRequest' AS is_pull_request,
  {RETAINED} AS is_retained, {LEASED.format("$3")} AS is_leased,
  EXISTS (SELECT FROM container_files f WHERE f.build_id = b.id) AS has_files,
  coalesce(r.retained_by, '{{}}') AS retained_by, coalesce(r.used_by, '{{}}') AS used_by,
  coalesce(r.there_now, '{{}}') AS there_now
FROM builds b LEFT JOIN LATERAL (
  SELECT array_agg(DISTINCT x.name) FILTER (WHERE a.retains_build) AS retained_by,
    array_agg(DISTINCT x.name) FILTER (WHERE EXISTS (
      SELECT FROM deployments d WHERE d.release_id = x.id AND d.outcome IS NULL)) AS used_by,
    (SELECT array_agg(DISTINCT e.name) FROM deployments d
      JOIN environments e ON e.id = d.definition_stage_id
      WHERE d.release_id = ANY(array_agg(x.id)) AND d.id = (SELECT max(n.id) FROM deployments n
        WHERE n.definition_stage_id = d.definition_stage_id
          AND n.status IN ('succeeded', 'partiallySucceeded'))) AS there_now
  FROM release_artifacts a JOIN releases x ON x.id = a.release_id AND NOT x.is_deleted
  WHERE a.build_id = b.id
) r ON true
WHERE b.definition_id = $1 AND NOT b.is_deleted AND b.status = 'completed' AND b.id > $2
  AND ($5::bigint IS NULL OR b.id = $5)
ORDER BY b.id LIMIT $4
"""

RECENT = """
SELECT id, branch, finished_at FROM (
  SELECT id, source_branch AS branch, finished_at,
    row_number() OVER (PARTITION BY source_branch ORDER BY finished_at DESC, id DESC) AS place
  FROM builds WHERE definition_id = $1 AND NOT is_deleted AND finished_at IS NOT NULL
) ranked
WHERE place <= $2
"""

OBJECTS = """
SELECT p.object_key FROM container_pieces p JOIN container_files f ON f.id = p.file_id
WHERE f.build_id = ANY($1::bigint[])
UNION ALL SELECT c.object_key FROM log_chunks c JOIN task_runs t ON t.id = c.task_run_id
WHERE t.build_id = ANY($1::bigint[]) AND c.object_key IS NOT NULL
UNION ALL SELECT a.object_key FROM attachments a JOIN task_runs t ON t.id = a.task_run_id
WHERE t.build_id = ANY($1::bigint[])
"""

# Below an artifact's root, or all of the build's container.
REMOVE_FILES = """
WITH roots AS (
  SELECT lower(btrim(regexp_replace(data, '^#/[^/]*', ''), '/')) AS root FROM build_artifacts
  WHERE build_id = $1 AND lower(name) = ANY($2::text[])
), gone AS (
  SELECT f.id FROM container_files f WHERE f.build_id = $1 AND (cardinality($2::text[]) = 0
    OR EXISTS (SELECT FROM roots WHERE lower(f.path) = root
      OR starts_with(lower(f.path), root || '/')))
), keys AS (
  SELECT p.object_key FROM container_pieces p JOIN gone ON gone.id = p.file_id
), removed AS (DELETE FROM container_files f USING gone WHERE f.id = gone.id)
SELECT object_key FROM keys
"""


@dataclass(frozen=True, slots=True)
class AgedDefinition:
    """A definition with builds, and what it says of how long they are kept."""

    id: int
    project_id: UUID
    name: str
    rules: tuple[BuildRule, ...]
    default_branch: str


@dataclass(frozen=True, slots=True)
class Kept:
    """How much is kept at present."""

    builds: int
    definitions: int
    files: int


async def kept(connection: Connection, projects: Sequence[UUID]) -> Kept:
    """How many builds of these projects are there, of how many definitions, with how many files."""
    row = await connection.fetchrow(
        "SELECT count(*) AS builds, count(DISTINCT b.definition_id) AS definitions,"
        " (SELECT count(*) FROM container_files f JOIN builds o ON o.id = f.build_id"
        " WHERE o.project_id = ANY($1::uuid[]) AND NOT o.is_deleted AND f.is_complete) AS files"
        " FROM builds b WHERE b.project_id = ANY($1::uuid[]) AND NOT b.is_deleted",
        list(projects),
    )
    return Kept(**row) if row else Kept(0, 0, 0)


async def definitions(connection: Connection, project: UUID | None = None) -> list[AgedDefinition]:
    """All definitions that have builds which are not deleted."""
    made = []
    for row in await connection.fetch(DEFINITIONS, project):
        plan = build_plans.decode(row["plan"])
        branch = plan.repository.default_branch
        full = branch if not branch or branch.startswith("refs/") else f"refs/heads/{branch}"
        made.append(AgedDefinition(row["id"], row["project_id"], row["name"], plan.retention, full))
    return made


async def held(
    connection: Connection,
    definition_id: int,
    after: int,
    now: datetime,
    most: int,
    only: int | None = None,
) -> list[HeldBuild]:
    """Completed builds of a definition that are not deleted: at most so many with ids beyond
    `after`, oldest first, or `only` that one."""
    rows = await connection.fetch(HELD, definition_id, after, now, most, only)
    lists = ("retained_by", "used_by", "there_now")
    return [HeldBuild(**{**row, **{key: tuple(row[key]) for key in lists}}) for row in rows]


async def recent(connection: Connection, definition_id: int, most: int) -> list[RecentBuild]:
    """The newest completed builds of each branch, so many each."""
    return [RecentBuild(**row) for row in await connection.fetch(RECENT, definition_id, most)]


async def lock(connection: Connection, build_id: int) -> None:
    """Let no release take the build until the transaction ends."""
    await connection.execute("SELECT FROM builds WHERE id = $1 FOR UPDATE", build_id)


async def say_why(connection: Connection, build_id: int, reason: str) -> None:
    """Remember why a build was deleted."""
    await connection.execute(
        "UPDATE builds SET deleted_reason = $2 WHERE id = $1", build_id, reason
    )


async def remove_files(
    connection: Connection, build_id: int, artifacts: Sequence[str] = ()
) -> list[str]:
    """Take the files of these artifacts (none named: all) from a build; their objects' keys."""
    names = [name.lower() for name in artifacts]
    return [row["object_key"] for row in await connection.fetch(REMOVE_FILES, build_id, names)]


async def projects_with_deleted(connection: Connection) -> list[UUID]:
    """The projects that have deleted builds waiting for their end."""
    rows = await connection.fetch("SELECT DISTINCT project_id FROM builds WHERE is_deleted")
    return [row["project_id"] for row in rows]


async def long_deleted(
    connection: Connection, project: UUID, before: datetime, most: int
) -> list[int]:
    """Builds that were deleted before this time, locked; oldest ids first."""
    rows = await connection.fetch(
        "SELECT id FROM builds WHERE is_deleted AND project_id = $1 AND deleted_at < $2"
        " ORDER BY id LIMIT $3 FOR UPDATE",
        project,
        before,
        most,
    )
    return [row["id"] for row in rows]


async def destroy(connection: Connection, builds: Sequence[int]) -> list[str]:
    """Remove deleted builds and everything below them; the keys of their objects."""
    keys = [row["object_key"] for row in await connection.fetch(OBJECTS, list(builds))]
    await connection.execute(
        "DELETE FROM builds WHERE id = ANY($1::bigint[]) AND is_deleted", list(builds)
    )
    return keys
