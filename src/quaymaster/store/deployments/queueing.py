"""The queue of an environment: its lock, and who stands in it."""

from dataclasses import dataclass

import asyncpg

from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.queueing import Standing
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.domain.statuses import Priority
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage import bodies

LOCK = "SELECT true FROM environments WHERE id = $1 FOR NO KEY UPDATE"

STANDINGS = """
SELECT d.release_id, r.name, d.stage_id, d.attempt, d.entered_queue_at, d.has_slot, d.priority,
  r.plan_digest, s.plan_digest AS stage_plan_digest
FROM deployments d JOIN releases r ON r.id = d.release_id JOIN stages s ON s.id = d.stage_id
WHERE d.definition_stage_id = $1 AND d.outcome IS NULL AND d.entered_queue_at IS NOT NULL
ORDER BY d.entered_queue_at, d.release_id, d.attempt
"""


@dataclass(frozen=True, slots=True)
class EnvironmentQueue:
    """All attempts that wait for an environment or hold a slot of it, in order of arrival."""

    standings: list[Standing]


async def locked(connection: Connection, environment: int) -> EnvironmentQueue | None:
    """Lock the environment until the transaction ends and read its queue; None if unknown.

    To be called before any release of the environment is locked. Reads in a second statement,
    which sees what the holder of the lock before us has committed.
    """
    if not await connection.fetchval(LOCK, environment):
        return None
    return EnvironmentQueue(await standings(connection, environment))


async def standings(connection: Connection, environment: int) -> list[Standing]:
    """The same for those who only look: everybody in the queue, in order of arrival."""
    rows = await connection.fetch(STANDINGS, environment)
    return [await _standing(connection, environment, row) for row in rows]


async def holders(connection: Connection, environment: int) -> int:
    """How many attempts hold a slot of the environment now."""
    held: int = await connection.fetchval(
        "SELECT count(*) FROM deployments WHERE definition_stage_id = $1 AND outcome IS NULL"
        " AND entered_queue_at IS NOT NULL AND has_slot",
        environment,
    )
    return held


async def with_standings(connection: Connection) -> list[int]:
    """The environments in which somebody waits: what a sweeper looks at again."""
    rows = await connection.fetch(
        "SELECT DISTINCT definition_stage_id FROM deployments"
        " WHERE outcome IS NULL AND entered_queue_at IS NOT NULL AND NOT has_slot"
    )
    return [row["definition_stage_id"] for row in rows]


async def _standing(connection: Connection, environment: int, row: asyncpg.Record) -> Standing:
    return Standing(
        release=ReleaseId(row["release_id"]),
        release_name=row["name"],
        stage=StageId(row["stage_id"]),
        attempt=row["attempt"],
        entered_at=row["entered_queue_at"],
        has_slot=row["has_slot"],
        priority=Priority(row["priority"]),
        policy=await _policy(connection, environment, row),
    )


async def _policy(connection: Connection, environment: int, row: asyncpg.Record) -> QueuePolicy:
    """That of the release's own snapshot; plans are remembered, so this rarely asks."""
    own = row["stage_plan_digest"]
    if own:
        return (await bodies.stage_plans(connection, [own]))[own].queue
    return (await bodies.plan(connection, row["plan_digest"])).stage(environment).queue
