"""Work that one process at a time does for all, once in a while."""

from datetime import datetime

from quaymaster.store.postgres import settings
from quaymaster.store.postgres.database import Connection

TAKE_TURN = """
INSERT INTO turns AS t (name, taken_until) VALUES ($3, $2)
ON CONFLICT (name) DO UPDATE SET taken_until = excluded.taken_until WHERE t.taken_until <= $1
RETURNING true
"""


async def take(connection: Connection, name: str, now: datetime, until: datetime) -> bool:
    """Whether the work is ours alone until then; who dies over it is followed by another."""
    return bool(await connection.fetchval(TAKE_TURN, now, until, name))


async def last_run(connection: Connection, name: str) -> datetime | None:
    """When the work was last done to its end."""
    return await settings.get(connection, None, f"{name} ran", datetime)


async def ran(connection: Connection, name: str, at: datetime) -> None:
    """Remember when it was done, so that it is done once in its time."""
    await settings.put(connection, None, f"{name} ran", at)
