"""What a sweeper finds: releases whose time has come, whatever became of their wake-ups."""

from datetime import datetime

from quaymaster.domain.release import ReleaseId
from quaymaster.store.database import Connection


async def releases_due(connection: Connection, now: datetime, limit: int = 1000) -> list[ReleaseId]:
    """The releases with something due by now, the longest due first."""
    rows = await connection.fetch(
        "SELECT id FROM releases WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit
    )
    return [ReleaseId(row["id"]) for row in rows]
