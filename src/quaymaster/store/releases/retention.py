"""What retention looks at, and the end of releases whose time is over."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from quaymaster.domain.retention import Deployed, Held, Recent
from quaymaster.store.postgres.database import Connection

DEFINITIONS = """
SELECT d.id, d.project_id, d.name FROM definitions d
WHERE d.kind = 'release' AND d.plan_digest IS NOT NULL AND ($1::uuid IS NULL OR d.project_id = $1)
  AND EXISTS (SELECT 1 FROM releases r WHERE r.definition_id = d.id AND NOT r.is_deleted)
ORDER BY d.id
"""

HELD = """
SELECT r.id AS release, r.name, r.modified_at, r.keep_forever,
  EXISTS (SELECT 1 FROM deployments d WHERE d.release_id = r.id AND d.outcome IS NULL)
    AS is_under_way,
  coalesce((SELECT json_agg(deployed) FROM (
    SELECT d.definition_stage_id, max(d.started_at) AS started_at,
      r.id = (SELECT n.release_id FROM deployments n
        WHERE n.definition_stage_id = d.definition_stage_id
          AND n.status IN ('succeeded', 'partiallySucceeded')
        ORDER BY n.id + 0 DESC LIMIT 1) IS TRUE AS is_there_now
    FROM deployments d WHERE d.release_id = r.id AND d.started_at IS NOT NULL
    GROUP BY d.definition_stage_id) deployed), '[]') AS deployed
FROM releases r
WHERE r.definition_id = $1 AND NOT r.is_deleted AND r.id > $2 AND ($4::bigint IS NULL OR r.id = $4)
ORDER BY r.id LIMIT $3
"""

RECENT = """
SELECT definition_stage_id, release_id AS release, started_at FROM (
  SELECT d.definition_stage_id, d.release_id, max(d.started_at) AS started_at,
    row_number() OVER (PARTITION BY d.definition_stage_id
      ORDER BY max(d.started_at) DESC, d.release_id DESC) AS place
  FROM deployments d JOIN releases r ON r.id = d.release_id
  WHERE d.definition_id = $1 AND d.started_at IS NOT NULL AND NOT r.is_deleted
  GROUP BY d.definition_stage_id, d.release_id) ranked
WHERE place <= $2
"""

OLD_DELETED = """
SELECT id FROM releases
WHERE is_deleted AND NOT keep_forever AND project_id = $1 AND modified_at < $2
ORDER BY id LIMIT $3
FOR UPDATE SKIP LOCKED
"""

OBJECTS = """
SELECT c.object_key FROM log_chunks c JOIN task_runs t ON t.id = c.task_run_id
WHERE t.release_id = ANY($1::bigint[]) AND c.object_key IS NOT NULL
UNION ALL SELECT object_key FROM attachments WHERE release_id = ANY($1::bigint[])
UNION SELECT result ->> 'log' FROM gate_runs g, json_array_elements(g.samples) AS sample,
  json_array_elements(sample -> 'results') AS result
WHERE g.release_id = ANY($1::bigint[]) AND result ->> 'log' <> ''
UNION SELECT format('gates/%s/%s/%s-%s', gate_run_id / 10000, gate_run_id,
  lpad(sample::text, 6, '0'), rank)
FROM call_backs WHERE release_id = ANY($1::bigint[]) AND gate_run_id IS NOT NULL
"""

_deployed = msgspec.json.Decoder(tuple[Deployed, ...])


async def definitions(
    connection: Connection, project: UUID | None = None
) -> list[tuple[int, UUID, str]]:
    """(id, project, name) of all definitions that have releases, deleted definitions too."""
    rows = await connection.fetch(DEFINITIONS, project)
    return [(row["id"], row["project_id"], row["name"]) for row in rows]


async def held(
    connection: Connection, definition_id: int, after: int, most: int, only: int | None = None
) -> list[Held]:
    """Releases of a definition that are not deleted, as retention looks at them: at most so many
    with ids beyond `after`, oldest first, or `only` that one."""
    rows = await connection.fetch(HELD, definition_id, after, most, only)
    return [
        Held(
            release=row["release"],
            name=row["name"],
            modified_at=row["modified_at"],
            keep_forever=row["keep_forever"],
            is_under_way=row["is_under_way"],
            deployed=_deployed.decode(row["deployed"]),
        )
        for row in rows
    ]


async def recent(connection: Connection, definition_id: int, most: int) -> list[Recent]:
    """The most recent deployments to each of the definition's stages, one for each release."""
    rows = await connection.fetch(RECENT, definition_id, most)
    return [Recent(**dict(row)) for row in rows]


async def long_deleted(
    connection: Connection, project: UUID, before: datetime, most: int
) -> list[int]:
    """Releases that were deleted before this time and can be destroyed, oldest ids first.

    They are locked until the transaction ends; one that somebody holds, such as who brings it
    back right now, is left to a later run.
    """
    return [row["id"] for row in await connection.fetch(OLD_DELETED, project, before, most)]


async def object_keys(connection: Connection, releases: Sequence[int]) -> list[str]:
    """Where the large parts of these releases' logs and their attachments are kept."""
    return [row["object_key"] for row in await connection.fetch(OBJECTS, list(releases))]


async def destroy(connection: Connection, releases: Sequence[int]) -> None:
    """Remove releases and everything below them; their history stays (SEMANTICS 25.6)."""
    await connection.execute(
        "DELETE FROM releases WHERE id = ANY($1::bigint[]) AND is_deleted", list(releases)
    )


async def projects_with_deleted(connection: Connection) -> list[UUID]:
    """The projects that have deleted releases waiting for their end."""
    rows = await connection.fetch("SELECT DISTINCT project_id FROM releases WHERE is_deleted")
    return [row["project_id"] for row in rows]
