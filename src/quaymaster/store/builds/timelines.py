"""What a build did: its jobs in all attempts, and the commits it was made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.domain.build_plan import BuildPlan
from quaymaster.store.definitions import build_plans
from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class TimelineJob:
    """One attempt of a job; `record_id` names it in the timeline, `status` is a JobStatus."""

    id: int
    key: str
    name: str
    attempt: int
    record_id: UUID
    status: str
    queue_id: int | None
    worker: str
    started_at: datetime | None
    ended_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class BuildChange:
    """A commit of a build; `type` is that of its repository."""

    id: str
    type: str
    message: str
    author_name: str
    author_email: str
    pusher: str
    at: datetime | None
    location: str
    display_uri: str


async def jobs(connection: Connection, build_id: int) -> list[TimelineJob]:
    """Every attempt of every job, in the order of the plan."""
    rows = await connection.fetch(
        "SELECT j.id, j.plan_key AS key, j.name, j.attempt, j.record_id, j.status, j.queue_id,"
        " coalesce(w.name, j.worker) AS worker, j.started_at, j.ended_at, j.error"
        " FROM jobs j LEFT JOIN workers w ON w.id = j.worker WHERE j.build_id = $1"
        " ORDER BY j.position, j.plan_key, j.attempt",
        build_id,
    )
    return [TimelineJob(**row) for row in rows]


async def plan(connection: Connection, build_id: int) -> BuildPlan:
    """What the build runs."""
    body: str = await connection.fetchval(
        "SELECT p.body FROM builds b JOIN plans p ON p.digest = b.plan_digest WHERE b.id = $1",
        build_id,
    )
    return build_plans.decode(body)


async def add_changes(connection: Connection, build_id: int, found: Sequence[BuildChange]) -> None:
    """Keep the commits of a new build, newest first."""
    await connection.executemany(
        "INSERT INTO build_changes (build_id, position, id, type, message, author_name,"
        " author_email, pusher, at, location, display_uri)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [
            (
                build_id,
                position,
                one.id,
                one.type,
                one.message,
                one.author_name,
                one.author_email,
                one.pusher,
                one.at,
                one.location,
                one.display_uri,
            )
            for position, one in enumerate(found)
        ],
    )


async def changes(
    connection: Connection, build_id: int, start: int, most: int
) -> list[BuildChange]:
    """The commits from the position `start` on, newest first."""
    rows = await connection.fetch(
        "SELECT id, type, message, author_name, author_email, pusher, at, location, display_uri"
        " FROM build_changes WHERE build_id = $1 AND position >= $2 ORDER BY position LIMIT $3",
        build_id,
        start,
        most,
    )
    return [BuildChange(**row) for row in rows]


async def changes_between(
    connection: Connection, definition_id: int, between: tuple[int, int], most: int
) -> list[BuildChange]:
    """The commits of a definition's builds after the first id up to the second, newest first."""
    older, newer = between
    rows = await connection.fetch(
        "SELECT c.id, c.type, c.message, c.author_name, c.author_email, c.pusher, c.at,"
        " c.location, c.display_uri FROM build_changes c JOIN builds b ON b.id = c.build_id"
        " WHERE b.definition_id = $1 AND b.id > $2 AND b.id <= $3"
        " ORDER BY b.id DESC, c.position LIMIT $4",
        definition_id,
        older,
        newer,
        most,
    )
    return [BuildChange(**row) for row in rows]
