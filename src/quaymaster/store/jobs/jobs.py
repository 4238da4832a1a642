"""Jobs as workers see them: which wait, which run, which have lost their worker.

A job changes only with its release (`releases.save`) or its build (`builds.save`); here it is
only looked at. Of `release_id` and `build_id` one is 0: a job belongs to the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quaymaster.domain.build import BuildId
from quaymaster.domain.release import JobId, ReleaseId
from quaymaster.store.postgres.database import Connection

NO_BUILD = BuildId(0)
NO_POOL = 0  # jobs of server phases need no pool

# Leases are judged by the database's clock alone: those of the machines may differ.
LOST = """
SELECT coalesce(j.release_id, 0) AS release_id, coalesce(j.build_id, 0) AS build_id, j.id, j.token,
  coalesce(w.name, j.worker) AS worker,
  coalesce(w.stopped_at, w.lease_until) AS silent_since, w.stopped_at IS NOT NULL AS has_stopped
FROM jobs j LEFT JOIN workers w ON w.id = j.worker
WHERE j.status = 'running' AND j.kind IN ('agent', 'server', 'target')
  AND (w.id IS NULL OR w.stopped_at IS NOT NULL OR w.lease_until <= now())
ORDER BY j.id
"""


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A job that no worker has taken."""

    id: JobId
    release_id: ReleaseId
    pool_id: int
    created_at: datetime
    build_id: BuildId = NO_BUILD


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job that some worker holds, with the token that fences it."""

    release_id: ReleaseId
    id: JobId
    token: str
    worker: str
    build_id: BuildId = NO_BUILD


@dataclass(frozen=True, slots=True)
class AbandonedJob:
    """A running job whose worker, here by its name, is not heard of any more.

    `silent_since` is when its lease ended, or when it stopped; None for a worker nobody knows.
    """

    release_id: ReleaseId
    id: JobId
    token: str
    worker: str
    silent_since: datetime | None
    has_stopped: bool
    build_id: BuildId = NO_BUILD


async def record_of_held(connection: Connection, held: HeldJob) -> str | None:
    """The timeline record of a job that its worker still holds, None when it does not. Whoever
    takes the job away waits until the transaction ends."""
    found: str | None = await connection.fetchval(
        "SELECT record_id::text FROM jobs WHERE id = $1 AND token = $2 AND status = 'running'"
        " FOR SHARE",
        held.id,
        held.token,
    )
    return found


async def pools_of(connection: Connection, jobs: Sequence[int]) -> dict[int, int]:
    """The pool of each of these jobs; NO_POOL for one whose phase runs on the server."""
    rows = await connection.fetch(
        "SELECT id, coalesce(pool_id, $2::bigint) AS pool FROM jobs WHERE id = ANY($1::bigint[])",
        list(jobs),
        NO_POOL,
    )
    return {row["id"]: row["pool"] for row in rows}


async def waiting(
    connection: Connection, pool: int, limit: int, target: int = 0
) -> list[WaitingJob]:
    """The oldest jobs that wait for a worker of this pool (NO_POOL: for any), first come first
    among those of one priority.

    Of jobs on targets only those for `target`.
    """
    rows = await connection.fetch(
        "SELECT id, coalesce(release_id, 0) AS release_id, coalesce(build_id, 0) AS build_id,"
        " coalesce(pool_id, 0) AS pool_id, created_at FROM jobs"
        " WHERE status = 'waiting'"
        " AND (kind IN ('agent', 'server') OR kind = 'target' AND target = $3)"
        " AND pool_id IS NOT DISTINCT FROM nullif($1::bigint, 0)"
        " ORDER BY priority, id LIMIT $2",
        pool,
        limit,
        target,
    )
    return [WaitingJob(**row) for row in rows]


async def lost(connection: Connection) -> list[AbandonedJob]:
    """Running jobs whose worker has stopped, is unknown, or let its lease run out."""
    return [AbandonedJob(**row) for row in await connection.fetch(LOST)]


async def held_by(connection: Connection, worker: str) -> list[HeldJob]:
    """The jobs that this worker is running, as far as the rows know."""
    rows = await connection.fetch(
        "SELECT coalesce(release_id, 0) AS release_id, coalesce(build_id, 0) AS build_id, id,"
        " token, worker FROM jobs"
        " WHERE status = 'running' AND worker = $1 ORDER BY id",
        worker,
    )
    return [HeldJob(**row) for row in rows]
