"""What somebody marked as a favorite: small items in named scopes, a list for each identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.store.postgres.database import Connection

PUT = """
INSERT INTO favorites (project_id, owner, scope, id, name, type, data, created_at)
SELECT $1, $2, $3, item.id, item.name, item.type, item.data, $4
FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[]) AS item(id, name, type, data)
ON CONFLICT (project_id, owner, scope, id) DO UPDATE SET name = excluded.name,
  type = excluded.type, data = excluded.data
"""


@dataclass(frozen=True, slots=True)
class Favorite:
    """One item; what its parts mean is known to whoever marked it."""

    id: UUID
    name: str = ""
    type: str = ""
    data: str = ""


async def listed(connection: Connection, project: UUID, owner: str, scope: str) -> list[Favorite]:
    """Everything in a scope, in the order in which it was marked."""
    rows = await connection.fetch(
        "SELECT id, name, type, data FROM favorites"
        " WHERE project_id = $1 AND owner = $2 AND scope = $3 ORDER BY created_at, id",
        project,
        owner,
        scope,
    )
    return [Favorite(**dict(row)) for row in rows]


async def put(
    connection: Connection,
    project: UUID,
    owner: str,
    scope: str,
    items: Sequence[Favorite],
    at: datetime,
) -> None:
    """Mark items; one of the same id is replaced."""
    await connection.execute(
        PUT,
        project,
        owner,
        scope,
        at,
        [item.id for item in items],
        [item.name for item in items],
        [item.type for item in items],
        [item.data for item in items],
    )


async def remove(
    connection: Connection, project: UUID, owner: str, scope: str, ids: Sequence[UUID]
) -> None:
    """Unmark these; those that are not there are as good."""
    await connection.execute(
        "DELETE FROM favorites WHERE project_id = $1 AND owner = $2 AND scope = $3"
        " AND id = ANY($4::uuid[])",
        project,
        owner,
        scope,
        list(ids),
    )
