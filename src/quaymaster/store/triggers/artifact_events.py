"""Versions that sources told of, kept until every definition they concern has answered."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from quaymaster.domain.triggers import ArtifactEvent, source_key
from quaymaster.store.postgres.database import Connection

CONCERNED = """
SELECT DISTINCT d.id FROM definition_artifacts a JOIN definitions d ON d.id = a.definition_id
WHERE (a.source_key = $1 OR a.further_keys @> ARRAY[$1] AND a.further_keys <> '{}')
  AND a.has_trigger AND d.kind = 'release'
  AND NOT d.is_deleted AND NOT d.is_disabled AND ($2::uuid IS NULL OR d.project_id = $2)
ORDER BY d.id
"""


@dataclass(frozen=True, slots=True)
class Told:
    """An event that waits for its releases; `tries` is how often that has failed so far."""

    id: int
    project_id: UUID | None
    event: ArtifactEvent
    tries: int


async def tell(
    connection: Connection, project: UUID | None, event: ArtifactEvent, at: datetime
) -> int:
    """Keep an event for the definitions of this project (None: of all); its id."""
    told: int = await connection.fetchval(
        "INSERT INTO artifact_events (project_id, event, told_at, due_at)"
        " VALUES ($1, $2, $3, $3) RETURNING id",
        project,
        msgspec.json.encode(event).decode(),
        at,
    )
    return told


async def get(connection: Connection, number: int) -> Told | None:
    """The event, None when it was answered already."""
    row = await connection.fetchrow(
        "SELECT id, project_id, event, tries FROM artifact_events WHERE id = $1", number
    )
    if row is None:
        return None
    event = msgspec.json.decode(row["event"], type=ArtifactEvent)
    return Told(row["id"], row["project_id"], event, row["tries"])


async def concerned(
    connection: Connection, project: UUID | None, event: ArtifactEvent
) -> list[int]:
    """The enabled definitions with a trigger on the source of this event, by the index."""
    key = source_key(event.type, event.source_id)
    return [row["id"] for row in await connection.fetch(CONCERNED, key, project)]


async def answered(connection: Connection, number: int) -> None:
    """Forget an event that every definition has answered."""
    await connection.execute("DELETE FROM artifact_events WHERE id = $1", number)


async def put_off(connection: Connection, number: int, until: datetime) -> None:
    """Take the event up again later."""
    await connection.execute(
        "UPDATE artifact_events SET due_at = $2, tries = tries + 1 WHERE id = $1", number, until
    )


async def due(connection: Connection, now: datetime, limit: int = 1000) -> list[int]:
    """Events to be taken up by now, the longest due first."""
    rows = await connection.fetch(
        "SELECT id FROM artifact_events WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit
    )
    return [row["id"] for row in rows]
