"""Freezes, windows and holds: set, lifted, listed; and the doors that let no start slip by."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.freezes import Freeze
from quaymaster.domain.release import Outcome, PersonId, ReleaseId
from quaymaster.domain.rollbacks import Past
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.writing.rows import (
    CLOSE_ALL,
    CLOSE_ONE,
    FREEZE_COLUMNS,
    FreezeRow,
    freezes_reaching,
)

_decoder = msgspec.json.Decoder(list[FreezeRow])

INSERT = """
INSERT INTO freezes (organization_id, project_id, definition_id, environment_id, kind, reason,
  running, starts_at, ends_at, cron, duration_minutes, time_zone, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id
"""
LIFT = """
UPDATE freezes SET lifted_at = $3, lifted_by = $2 WHERE id = $1 AND lifted_at IS NULL
"""
LISTED = f"""
SELECT coalesce(json_agg(one), '[]')::text FROM (SELECT {FREEZE_COLUMNS} FROM freezes f
  WHERE f.lifted_at IS NULL AND f.organization_id = $1
  AND ($2::uuid IS NULL OR f.project_id IS NULL OR f.project_id = $2)
  AND (f.ends_at IS NULL OR f.ends_at > $3) ORDER BY f.id) one
"""
REACHING = f"""
SELECT e.id AS environment, coalesce(json_agg(one) FILTER (WHERE one.id IS NOT NULL), '[]')::text
  AS freezes
FROM environments e JOIN projects p ON p.id = e.project_id
LEFT JOIN LATERAL (SELECT {FREEZE_COLUMNS} FROM freezes f
  WHERE {freezes_reaching("p.organization_id", "e", "e.id")} ORDER BY f.id) one ON true
WHERE e.id = ANY ($1::bigint[]) GROUP BY e.id
"""
# Whatever waits in the scope is looked at again at once; the sweeper finds it by its due time.
WAITING = """
UPDATE releases r SET due_at = $5 WHERE r.id IN (
  SELECT d.release_id FROM deployments d JOIN projects p ON p.id = d.project_id
  WHERE d.outcome IS NULL AND p.organization_id = $1
    AND ($2::uuid IS NULL OR d.project_id = $2)
    AND ($3::bigint IS NULL OR d.definition_id = $3)
    AND ($4::bigint IS NULL OR d.definition_stage_id = $4))
RETURNING r.id
"""
HISTORY = """
SELECT id, release_id, stage_id, outcome FROM deployments WHERE id IN (
  SELECT id FROM deployments WHERE definition_stage_id = $1 AND outcome IS NULL
  UNION (SELECT id FROM deployments WHERE definition_stage_id = $1 ORDER BY id + 0 DESC LIMIT 1))
"""
# Of a deployment d of a release r: whether an environment may go back to it.
IS_FIT = """d.status IN ('succeeded', 'partiallySucceeded')
  AND r.quarantine IS NULL AND NOT r.is_deleted AND r.status = 'active'"""
SUCCESS = f"""
SELECT d.id, d.release_id, d.stage_id, d.outcome FROM deployments d
JOIN releases r ON r.id = d.release_id
WHERE d.definition_stage_id = $1 AND {IS_FIT}
  AND d.release_id IS DISTINCT FROM $2 AND ($3::bigint IS NULL OR d.release_id = $3)
ORDER BY d.id + 0 DESC LIMIT 1
"""


async def close_all_doors(connection: Connection) -> None:
    """Wait until no decision is under way anywhere, and keep others waiting until the commit."""
    await connection.execute(CLOSE_ALL)


async def close_door(connection: Connection, definition: int) -> None:
    """The same for the releases of one definition."""
    await connection.execute(CLOSE_ONE, definition)


async def insert(
    connection: Connection, organization: UUID, freeze: Freeze, by: PersonId | None, at: datetime
) -> int:
    number: int = await connection.fetchval(
        INSERT,
        organization,
        UUID(freeze.project_id) if freeze.project_id else None,
        freeze.definition_id,
        freeze.environment_id,
        freeze.kind,
        freeze.reason,
        freeze.running,
        freeze.starts_at,
        freeze.ends_at,
        freeze.cron,
        int(freeze.duration.total_seconds() // 60),
        freeze.time_zone,
        by,
        at,
    )
    return number


async def lift(connection: Connection, number: int, by: PersonId | None, at: datetime) -> None:
    await connection.execute(LIFT, number, by, at)


async def listed(
    connection: Connection, organization: UUID, project: UUID | None, now: datetime
) -> list[Freeze]:
    """The freezes that are not over, of the organization and of the project (None: of all)."""
    text = await connection.fetchval(LISTED, organization, project, now)
    return [row.freeze() for row in _decoder.decode(text)]


async def reaching(connection: Connection, environment: int) -> list[Freeze]:
    """The freezes that reach an environment, at whatever level they were set."""
    return (await reaching_each(connection, [environment])).get(environment, [])


async def reaching_each(
    connection: Connection, environments: Sequence[int]
) -> dict[int, list[Freeze]]:
    """The same for each of several environments."""
    return {
        row["environment"]: [one.freeze() for one in _decoder.decode(row["freezes"])]
        for row in await connection.fetch(REACHING, list(environments))
    }


async def make_due(
    connection: Connection, organization: UUID, freeze: Freeze, now: datetime
) -> list[int]:
    """Have every release looked at that has something under way where the freeze reaches."""
    rows = await connection.fetch(
        WAITING,
        organization,
        UUID(freeze.project_id) if freeze.project_id else None,
        freeze.definition_id,
        freeze.environment_id,
        now,
    )
    return [row["id"] for row in rows]


async def make_environment_due(
    connection: Connection, environment: int, now: datetime
) -> list[int]:
    """Have every release looked at that has something under way in this environment."""
    rows = await connection.fetch(
        "UPDATE releases r SET due_at = $2 WHERE r.id IN (SELECT d.release_id FROM deployments d"
        " WHERE d.outcome IS NULL AND d.definition_stage_id = $1) RETURNING r.id",
        environment,
        now,
    )
    return [row["id"] for row in rows]


async def get(connection: Connection, organization: UUID, number: int) -> Freeze | None:
    """A freeze of the organization that was not lifted."""
    text = await connection.fetchval(
        f"SELECT json_agg(one)::text FROM (SELECT {FREEZE_COLUMNS} FROM freezes f"
        " WHERE f.id = $2 AND f.organization_id = $1 AND f.lifted_at IS NULL) one",
        organization,
        number,
    )
    return _decoder.decode(text)[0].freeze() if text else None


# ---- holds ----------------------------------------------------------------------------------


async def hold(
    connection: Connection,
    environment: int,
    definition: int,
    reason: str,
    by: PersonId | None,
    at: datetime,
) -> None:
    """Let nothing start here by itself from now on; an earlier hold is replaced."""
    await connection.execute(
        "INSERT INTO holds (environment_id, definition_id, reason, held_by, held_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (environment_id)"
        " DO UPDATE SET reason = $3, held_by = $4, held_at = $5",
        environment,
        definition,
        reason,
        by,
        at,
    )


async def resume(connection: Connection, environment: int) -> bool:
    """End the hold; whether there was one."""
    found = await connection.fetchval(
        "DELETE FROM holds WHERE environment_id = $1 RETURNING true", environment
    )
    return bool(found)


# ---- what an environment ran ----------------------------------------------------------------


async def past(connection: Connection, environment: int, to: ReleaseId | None = None) -> list[Past]:
    """As few of the environment's deployments as settle where it goes back to.

    The newest, those under way, the newest success, and the newest success of another release;
    none of them of a release that can be deployed no more.
    """
    rows = list(await connection.fetch(HISTORY, environment))
    newest = max((row["id"] for row in rows), default=0)
    last = next((row["release_id"] for row in rows if row["id"] == newest), None)
    for other_than in (None, last):
        row = await connection.fetchrow(SUCCESS, environment, other_than, to)
        if row:
            rows.append(row)
    return list({row["id"]: _past(row) for row in rows}.values())


async def last_success(connection: Connection, environment: int) -> Past | None:
    """The newest deployment to an environment that succeeded and that may be repeated."""
    row = await connection.fetchrow(SUCCESS, environment, None, None)
    return _past(row) if row else None


def _past(row: asyncpg.Record) -> Past:
    outcome = Outcome(row["outcome"]) if row["outcome"] else None
    return Past(row["id"], ReleaseId(row["release_id"]), row["stage_id"], outcome)
