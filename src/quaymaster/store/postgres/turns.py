"""Work that one process at a time does for all."""

from datetime import datetime, timedelta

from quaymaster.store.postgres import settings
from quaymaster.store.postgres.database import Connection

TAKE_TURN = """
INSERT INTO turns AS t (name, taken_until) VALUES ($3, $2)
ON CONFLICT (name) DO UPDATE SET taken_until = excluded.taken_until WHERE t.taken_until <= $1
RETURNING true
"""

# By the clock of the database, which is the same for all.
HOLD = """
INSERT INTO turns AS t (name, taken_until) VALUES ($1, now() + $2::interval)
ON CONFLICT (name) DO UPDATE SET taken_until = excluded.taken_until WHERE t.taken_until <= now()
RETURNING taken_until
"""

GO_ON = """
UPDATE turns SET taken_until = now() + $3::interval WHERE name = $1 AND taken_until = $2
RETURNING taken_until
"""


async def take(connection: Connection, name: str, now: datetime, until: datetime) -> bool:
    """Whether the work is ours alone until then; who dies over it is followed by another."""
    return bool(await connection.fetchval(TAKE_TURN, now, until, name))


async def hold(connection: Connection, name: str, lease: timedelta) -> datetime | None:
    """Take the work for as long as the lease runs: until when, which tells our turn from that of
    others. None while somebody else is at it."""
    found: datetime | None = await connection.fetchval(HOLD, name, lease)
    return found


async def go_on(
    connection: Connection, name: str, until: datetime, lease: timedelta
) -> datetime | None:
    """Begin the lease anew; None when our turn is over, and maybe somebody else at it."""
    found: datetime | None = await connection.fetchval(GO_ON, name, until, lease)
    return found


async def end(connection: Connection, name: str, until: datetime) -> None:
    """Let others take the work at once."""
    await connection.execute("DELETE FROM turns WHERE name = $1 AND taken_until = $2", name, until)


async def forget(connection: Connection, older: timedelta) -> None:
    """Forget turns of processes that died over them and that nobody has taken again."""
    await connection.execute("DELETE FROM turns WHERE taken_until < now() - $1::interval", older)


async def last_run(connection: Connection, name: str) -> datetime | None:
    """When the work was last done to its end."""
    return await settings.get(connection, None, f"{name} ran", datetime)


async def ran(connection: Connection, name: str, at: datetime) -> None:
    """Remember when it was done, so that it is done once in its time."""
    await settings.put(connection, None, f"{name} ran", at)
