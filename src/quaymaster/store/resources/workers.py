"""Workers: who is there, what they offer, and until when they are believed to be alive."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.release import JobId
from quaymaster.store.postgres.database import Connection

REGISTER = """
INSERT INTO workers (id, name, pool_id, slots, capabilities, lease_until, started_at, target_id)
VALUES ($1, $2, $3, $4, $5, now() + $6::interval, now(),
  (SELECT id FROM deployment_targets WHERE id = $7))
ON CONFLICT (id) DO UPDATE SET name = excluded.name, pool_id = excluded.pool_id,
  slots = excluded.slots, capabilities = excluded.capabilities,
  lease_until = excluded.lease_until, started_at = excluded.started_at, stopped_at = NULL,
  target_id = excluded.target_id
RETURNING number
"""

# One statement: extends the lease and answers which jobs are to be stopped. A worker's own job of a
# build has a time by which it is due once its stage is canceled.
HEARTBEAT = """
WITH alive AS (
  UPDATE workers SET lease_until = now() + $2::interval
  WHERE id = $1 AND stopped_at IS NULL RETURNING id
)
SELECT EXISTS (SELECT FROM alive) AS is_known, array(
  SELECT j.id FROM jobs j LEFT JOIN deployments d ON d.id = j.deployment_id
  LEFT JOIN builds b ON b.id = j.build_id
  WHERE j.worker = $1 AND j.status = 'running'
    AND coalesce(d.cancel_requested_at, b.cancel_requested_at,
      CASE WHEN b.id IS NOT NULL THEN j.due_at END) IS NOT NULL
  ORDER BY j.id) AS canceled, array(
  SELECT j.id FROM jobs j WHERE j.worker = $1 AND j.status = 'running' ORDER BY j.id) AS held
"""

_capabilities = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class NewWorker:
    """What a worker says of itself; `slots` is how many jobs it runs at once.

    `target_id` is the target of a deployment group that it is, 0 for a worker of a pool.
    """

    id: str
    name: str
    pool_id: int
    slots: int = 1
    capabilities: Mapping[str, str] = field(default_factory=dict)
    target_id: int = 0


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as it registered; `number` is what APIs call its agent id."""

    id: str
    number: int
    name: str
    pool_id: int
    slots: int
    capabilities: Mapping[str, str]
    lease_until: datetime
    started_at: datetime
    stopped_at: datetime | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a worker hears when it says that it lives.

    `is_known` False: it must register anew. `held` are the jobs it still holds: one that it runs
    and that is not among them was given to the sweeper and must be stopped without a report.
    """

    is_known: bool
    canceled: frozenset[JobId]
    held: frozenset[JobId]


async def names(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """What workers, also those that have left, are called, by their id."""
    rows = await connection.fetch(
        "SELECT id::text AS id, name FROM workers WHERE id::text = ANY($1::text[])", list(ids)
    )
    return {row["id"]: row["name"] for row in rows}


async def pool_named(connection: Connection, name: str) -> int | None:
    """The id of the pool of this name in any case; the oldest when organizations share a name."""
    found: int | None = await connection.fetchval(
        "SELECT id FROM pools WHERE name_key = $1 AND type = 'automation' ORDER BY id LIMIT 1",
        name.casefold(),
    )
    return found


async def register(connection: Connection, new: NewWorker, lease: timedelta) -> int:
    """Put a worker on the list, or again, for the length of a lease; its number.

    All times are the database's: the clocks of the machines need not agree (RELIABILITY R-28).
    """
    number: int = await connection.fetchval(
        REGISTER,
        new.id,
        new.name,
        new.pool_id,
        new.slots,
        msgspec.json.encode(dict(new.capabilities)).decode(),
        lease,
        new.target_id,
    )
    return number


async def heartbeat(connection: Connection, worker: str, lease: timedelta) -> Heartbeat:
    """Extend the worker's lease from now on and tell it what to stop."""
    row = await connection.fetchrow(HEARTBEAT, worker, lease)
    if row is None:
        raise RuntimeError("a SELECT without FROM answered no row")
    return Heartbeat(row["is_known"], frozenset(row["canceled"]), frozenset(row["held"]))


async def stop(connection: Connection, worker: str) -> None:
    """Take a worker off the list; jobs it still holds count as lost from now on."""
    await connection.execute(
        "UPDATE workers SET stopped_at = now(), lease_until = least(lease_until, now())"
        " WHERE id = $1",
        worker,
    )


async def listed(connection: Connection, pool: int | None = None) -> list[Worker]:
    """All workers that have not been stopped, of one pool or of all."""
    rows = await connection.fetch(
        "SELECT id, number, name, pool_id, slots, capabilities, lease_until, started_at, stopped_at"
        " FROM workers WHERE stopped_at IS NULL"
        " AND ($1::bigint IS NULL OR pool_id = $1) ORDER BY number",
        pool,
    )
    return [_worker(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Presence:
    """A worker as somebody who waits for one sees it; a busy one has no free slot."""

    name: str
    capabilities: Mapping[str, str]
    is_online: bool
    is_busy: bool


async def presence(connection: Connection, pool: int) -> list[Presence]:
    """The workers of a pool that have not signed off, and whether they could take a job now."""
    rows = await connection.fetch(
        "SELECT w.name, w.capabilities, w.lease_until > now() AS is_online,"
        " (SELECT count(*) FROM jobs j WHERE j.worker = w.id AND j.status = 'running') >= w.slots"
        " AS is_busy FROM workers w WHERE w.pool_id = $1 AND w.stopped_at IS NULL"
        " AND w.lease_until > now() - interval '1 day' ORDER BY w.number",
        pool,
    )
    return [Presence(**{**row, "capabilities": _decoded(row)}) for row in rows]


def _decoded(row: asyncpg.Record) -> Mapping[str, str]:
    return _capabilities.decode(row["capabilities"])


async def offers_beside(connection: Connection, worker: str) -> list[Mapping[str, str]]:
    """What the others of this worker's pool offer, those included that stopped within a day."""
    rows = await connection.fetch(
        "SELECT capabilities FROM workers WHERE id <> $1"
        " AND pool_id = (SELECT pool_id FROM workers WHERE id = $1)"
        " AND lease_until > now() - interval '1 day'",
        worker,
    )
    return [_decoded(row) for row in rows]


def _worker(row: asyncpg.Record) -> Worker:
    return Worker(**{**row, "capabilities": _capabilities.decode(row["capabilities"])})


@dataclass(frozen=True, slots=True)
class Usage:
    """How many workers are online, how many jobs they can run at once, and how many run."""

    workers: int
    slots: int
    running: int


async def usage(connection: Connection, organization: UUID) -> Usage:
    """What the workers of an organization's pools are doing."""
    row = await connection.fetchrow(
        "SELECT count(*) AS workers, coalesce(sum(w.slots), 0)::bigint AS slots,"
        " (SELECT count(*) FROM jobs j JOIN pools q ON q.id = j.pool_id"
        " WHERE j.status = 'running' AND q.organization_id = $1) AS running"
        " FROM workers w JOIN pools p ON p.id = w.pool_id"
        " WHERE p.organization_id = $1 AND w.stopped_at IS NULL AND w.lease_until > now()",
        organization,
    )
    return Usage(**row) if row else Usage(0, 0, 0)
