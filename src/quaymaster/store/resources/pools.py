"""Pools of workers, and the queues through which projects use them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from quaymaster.domain.errors import Conflict
from quaymaster.store.postgres.database import Connection

QUEUES = """
SELECT q.id, q.name, q.project_id, q.pool_id, p.name AS pool_name
FROM queues q JOIN pools p ON p.id = q.pool_id
"""


@dataclass(frozen=True, slots=True)
class Pool:
    """Workers that share the jobs of their queues; `workers` is how many are there now."""

    id: int
    name: str
    workers: int


@dataclass(frozen=True, slots=True)
class Queue:
    """A project's way to a pool; phases name it by its id."""

    id: int
    name: str
    project_id: UUID
    pool_id: int
    pool_name: str


async def pools(connection: Connection, organization: UUID) -> list[Pool]:
    """All pools of an organization, the oldest first."""
    rows = await connection.fetch(
        "SELECT p.id, p.name, (SELECT count(*) FROM workers w WHERE w.pool_id = p.id"
        " AND w.stopped_at IS NULL AND w.lease_until > now()) AS workers"
        " FROM pools p WHERE p.organization_id = $1 AND p.type = 'automation' ORDER BY p.id",
        organization,
    )
    return [Pool(**row) for row in rows]


async def add_pool(connection: Connection, organization: UUID, name: str) -> int:
    """A new pool with a queue of its name in every project. Raises Conflict for a taken name.

    A project that is made at the same moment is waited for, or waits and has the queue as well.
    """
    await connection.execute("SELECT FROM organizations WHERE id = $1 FOR UPDATE", organization)
    try:
        pool: int = await connection.fetchval(
            "INSERT INTO pools (organization_id, name, name_key) VALUES ($1, $2, $3) RETURNING id",
            organization,
            name,
            name.casefold(),
        )
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"There is already a pool named {name!r}.") from error
    await connection.execute(
        "INSERT INTO queues (project_id, pool_id, name, name_key)"
        " SELECT p.id, $1, $2, $3 FROM projects p WHERE p.organization_id = $4"
        " ON CONFLICT DO NOTHING",
        pool,
        name,
        name.casefold(),
        organization,
    )
    return pool


async def queues(connection: Connection, project: UUID, name: str = "") -> list[Queue]:
    """The queues of a project, the oldest first; only that of a name, in any case, if one is
    given."""
    rows = await connection.fetch(
        f"{QUEUES} WHERE q.project_id = $1 AND ($2 = '' OR q.name_key = $2) ORDER BY q.id",
        project,
        name.casefold(),
    )
    return [Queue(**row) for row in rows]


async def queues_of(connection: Connection, projects: Sequence[UUID]) -> list[Queue]:
    """The queues of several projects."""
    rows = await connection.fetch(
        f"{QUEUES} WHERE q.project_id = ANY($1::uuid[]) ORDER BY q.id", list(projects)
    )
    return [Queue(**row) for row in rows]


async def queue(connection: Connection, project: UUID, queue_id: int) -> Queue | None:
    """One queue of a project."""
    row = await connection.fetchrow(
        f"{QUEUES} WHERE q.project_id = $1 AND q.id = $2", project, queue_id
    )
    return Queue(**row) if row else None


async def behind(connection: Connection, project: UUID, queue_id: int) -> int | None:
    """The pool whose workers do the jobs of a queue: that of the organization's first pool when
    the project has no such queue, as jobs are kept with it."""
    found: int | None = await connection.fetchval(
        "SELECT coalesce((SELECT pool_id FROM queues WHERE project_id = $1 AND id = $2),"
        " (SELECT min(o.id) FROM pools o JOIN projects p USING (organization_id) WHERE p.id = $1))",
        project,
        queue_id,
    )
    return found
