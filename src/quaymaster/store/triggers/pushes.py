"""Pushes that repositories told of, kept until they are answered, and their deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from quaymaster.domain.pushes import Push
from quaymaster.store.postgres.database import Connection

SOURCES = """
SELECT DISTINCT a.type, a.source_id FROM definition_artifacts a
JOIN definitions d ON d.id = a.definition_id
WHERE a.repository_key = ANY($1::text[]) AND a.has_trigger AND d.kind = 'release'
  AND NOT d.is_deleted AND NOT d.is_disabled AND ($2::uuid IS NULL OR d.project_id = $2)
"""


@dataclass(frozen=True, slots=True)
class ToldPush:
    """A push that waits for its answer; `tries` is how often that has failed."""

    id: int
    project_id: UUID | None
    push: Push
    tries: int


async def delivered(
    connection: Connection, connection_id: str, key: str, event: str, at: datetime
) -> bool:
    """Take a delivery in; False when this very one was taken in before."""
    taken = await connection.fetchval(
        "INSERT INTO webhook_deliveries (connection_id, delivery_key, event, received_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true",
        UUID(connection_id),
        key,
        event,
        at,
    )
    return bool(taken)


async def tell(
    connection: Connection, project: UUID | None, pushes: Sequence[Push], at: datetime
) -> list[int]:
    """Keep pushes for the definitions of this project (None: of all); their ids."""
    return [
        await connection.fetchval(
            "INSERT INTO pushes (project_id, push, told_at, due_at) VALUES ($1, $2, $3, $3)"
            " RETURNING id",
            project,
            msgspec.json.encode(push).decode(),
            at,
        )
        for push in pushes
    ]


async def get(connection: Connection, number: int) -> ToldPush | None:
    """The push; None when it was answered already."""
    row = await connection.fetchrow(
        "SELECT id, project_id, push, tries FROM pushes WHERE id = $1", number
    )
    if row is None:
        return None
    push = msgspec.json.decode(row["push"], type=Push)
    return ToldPush(row["id"], row["project_id"], push, row["tries"])


async def answered(connection: Connection, number: int) -> None:
    """Forget a push that everything concerned has answered."""
    await connection.execute("DELETE FROM pushes WHERE id = $1", number)


async def put_off(
    connection: Connection, number: int, until: datetime, *, counts: bool = True
) -> None:
    """Take the push up again later; it `counts` as a try that came to nothing."""
    await connection.execute(
        "UPDATE pushes SET due_at = $2, tries = tries + $3 WHERE id = $1",
        number,
        until,
        int(counts),
    )


async def due(connection: Connection, now: datetime, limit: int = 1000) -> list[int]:
    """Pushes to be taken up by now, the longest due first."""
    rows = await connection.fetch(
        "SELECT id FROM pushes WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit
    )
    return [row["id"] for row in rows]


async def sources(
    connection: Connection, project: UUID | None, keys: Sequence[str]
) -> list[tuple[str, str]]:
    """Type and source id of the artifacts with a trigger that are one of these repositories."""
    rows = await connection.fetch(SOURCES, list(keys), project)
    return [(row["type"], row["source_id"]) for row in rows]


async def forget_deliveries(connection: Connection, before: datetime) -> int:
    """Forget deliveries that nobody will repeat any more; how many."""
    done: str = await connection.execute(
        "DELETE FROM webhook_deliveries WHERE received_at < $1", before
    )
    return int(done.rpartition(" ")[2])
