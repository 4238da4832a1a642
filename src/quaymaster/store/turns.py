"""Work that one process at a time does for all, once in a while."""

from datetime import datetime

import msgspec

from quaymaster.store.database import Connection

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
    text = await connection.fetchval(
        "SELECT value FROM settings WHERE project_id IS NULL AND name = $1", f"{name} ran"
    )
    return msgspec.json.decode(text, type=datetime) if text else None


async def ran(connection: Connection, name: str, at: datetime) -> None:
    """Remember when it was done, so that it is done once in its time."""
    await connection.execute(
        "INSERT INTO settings (project_id, name, value) VALUES (NULL, $2, $1)"
        " ON CONFLICT (project_id, name) DO UPDATE SET value = excluded.value",
        msgspec.json.encode(at).decode(),
        f"{name} ran",
    )
