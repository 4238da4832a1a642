"""What only the sweeper asks: whose turn it is, which wake-ups are missing, what may be pruned."""

from datetime import timedelta

from quaymaster.store.postgres.database import Connection

LOCK = 0x51_75_61_7A  # any number that no other program takes on the same database

POOLS = """
SELECT DISTINCT coalesce(j.pool_id, 0) AS pool FROM jobs j
WHERE j.status = 'waiting' AND j.created_at < now() - $1::interval
  AND NOT EXISTS (SELECT FROM pgqueuer q WHERE q.status = 'queued'
    AND q.entrypoint = 'job:' || coalesce(j.pool_id, 0))
"""

# The newest sample of gates that are still asked, without an end: its answers are not there.
GATES = """
SELECT g.id FROM gate_runs g JOIN deployments d ON d.id = g.deployment_id
WHERE g.ended_as IS NULL AND d.outcome IS NULL AND json_array_length(g.samples) > 0
  AND g.samples -> -1 ->> 'ended_at' IS NULL
  AND (g.samples -> -1 ->> 'started_at')::timestamptz < now() - $1::interval
"""


async def is_our_turn(connection: Connection) -> bool:
    """Whether nobody else sweeps, until this transaction ends."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK))


async def pools_without_wakeup(connection: Connection, waited: timedelta) -> list[int]:
    """Pools (0: none) in which a job has waited this long and no wake-up is queued."""
    return [row["pool"] for row in await connection.fetch(POOLS, waited)]


async def gates_without_answers(connection: Connection, waited: timedelta) -> list[int]:
    """Gates whose newest sample was begun this long ago and has no answers."""
    return [row["id"] for row in await connection.fetch(GATES, waited)]


async def prune_queue_log(connection: Connection, older: timedelta) -> None:
    """PgQueuer writes down every step of every wake-up; what is old helps nobody."""
    await connection.execute("DELETE FROM pgqueuer_log WHERE created < now() - $1::interval", older)
