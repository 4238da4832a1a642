"""What a sweeper finds: releases whose time has come, whatever became of their wake-ups."""

from datetime import datetime

from quaymaster.domain.release import ReleaseId
from quaymaster.store.postgres.database import Connection


async def releases_due(connection: Connection, now: datetime, limit: int = 1000) -> list[ReleaseId]:
    """The releases with something due by now, the longest due first."""
    rows = await connection.fetch(
        "SELECT id FROM releases WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit
    )
    return [ReleaseId(row["id"]) for row in rows]


async def due_between(
    connection: Connection, now: datetime, until: datetime, limit: int = 100_000
) -> dict[ReleaseId, datetime]:
    """When releases are due that are not yet and will be by then, the next one first."""
    rows = await connection.fetch(
        "SELECT id, due_at FROM releases WHERE due_at > $1 AND due_at <= $2"
        " ORDER BY due_at LIMIT $3",
        now,
        until,
        limit,
    )
    return {ReleaseId(row["id"]): row["due_at"] for row in rows}
