"""Sources that are looked at from time to time: what was seen there, and when to look again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from quaymaster.store.postgres.database import Connection

DUE = """
SELECT DISTINCT ON (d.project_id, a.source_key) d.project_id, a.source_key, d.id AS definition_id
FROM definition_artifacts a JOIN definitions d ON d.id = a.definition_id
LEFT JOIN watched_sources w ON w.project_id = d.project_id AND w.source_key = a.source_key
WHERE a.has_trigger AND NOT a.is_own_build AND lower(a.type) = ANY($2::text[])
  AND (w.due_at IS NULL OR w.due_at <= $1)
  AND d.kind = 'release' AND NOT d.is_deleted AND NOT d.is_disabled
ORDER BY d.project_id, a.source_key, d.id
LIMIT $3
"""

CLAIM = """
INSERT INTO watched_sources AS w (project_id, source_key, due_at) VALUES ($1, $2, $4)
ON CONFLICT (project_id, source_key) DO UPDATE SET due_at = excluded.due_at WHERE w.due_at <= $3
RETURNING true
"""

SEEN = "SELECT seen FROM watched_sources WHERE project_id = $1 AND source_key = $2 FOR UPDATE"


@dataclass(frozen=True, slots=True)
class Watched:
    """A source under the one name of `domain.triggers.source_key`, and a definition that has it."""

    project_id: UUID
    source_key: str
    definition_id: int


async def due(
    connection: Connection, now: datetime, types: Collection[str], most: int
) -> list[Watched]:
    """Sources of these types (lower case) with triggers on them that are to be looked at by now."""
    return [Watched(**dict(row)) for row in await connection.fetch(DUE, now, list(types), most)]


async def claim(connection: Connection, one: Watched, now: datetime, until: datetime) -> bool:
    """Take it upon oneself to look; False when somebody else does. Who dies over it is followed
    by another at `until`."""
    return bool(await connection.fetchval(CLAIM, one.project_id, one.source_key, now, until))


async def seen(connection: Connection, one: Watched) -> list[str] | None:
    """What was there at the last look, locked until the transaction ends; None at the first."""
    held = await connection.fetchval(SEEN, one.project_id, one.source_key)
    return msgspec.json.decode(held, type=list[str]) if held else None


async def keep(connection: Connection, one: Watched, found: list[str], due_at: datetime) -> None:
    """Remember what is there now."""
    await connection.execute(
        "UPDATE watched_sources SET seen = $3, due_at = $4, failures = 0, problem = ''"
        " WHERE project_id = $1 AND source_key = $2",
        one.project_id,
        one.source_key,
        msgspec.json.encode(found).decode(),
        due_at,
    )


async def failed(
    connection: Connection, one: Watched, now: datetime, pause: timedelta, problem: str
) -> None:
    """Look again later, and ever later the more often it has failed in a row."""
    await connection.execute(
        "UPDATE watched_sources SET failures = failures + 1, problem = $5,"
        " due_at = $3::timestamptz + $4::interval * 2 ^ least(failures, 6)"
        " WHERE project_id = $1 AND source_key = $2",
        one.project_id,
        one.source_key,
        now,
        pause,
        problem,
    )
