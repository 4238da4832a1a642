"""Cherry-picks: commits that are put on releases, and what came of it (AVIATOR 1, 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import asyncpg

from quaymaster.domain.release import PersonId
from quaymaster.store.people.people import EMAIL
from quaymaster.store.postgres.database import Connection

COLUMNS = f"""
SELECT c.id, c.definition_id, c.version, c.base_release_id,
  coalesce(b.name, '') AS base_name, coalesce(a.version_id, '') AS base_commit, c.commits,
  c.status, c.branch, c.commit, c.conflicts, c.problem, c.release_id, m.name AS made_name,
  {EMAIL} AS asked_by, c.asked_at, c.ended_at, c.tries
FROM cherry_picks c LEFT JOIN releases b ON b.id = c.base_release_id
LEFT JOIN release_artifacts a ON a.release_id = b.id AND a.is_primary
LEFT JOIN releases m ON m.id = c.release_id LEFT JOIN identities i ON i.id = c.asked_by
"""
# The newest that count: what was picked long ago is part of everything that came after.
GUARDING = """
SELECT DISTINCT ON (commits) id, commits, array_agg(commit) OVER (PARTITION BY commits) AS results
FROM (SELECT * FROM cherry_picks WHERE definition_id = $1 AND status = 'succeeded'
  ORDER BY id DESC LIMIT 50) newest ORDER BY commits, id
"""


class PickStatus(StrEnum):
    """How a cherry-pick stands; CONFLICT waits for somebody to resolve it or give it up."""

    IN_PROGRESS = "inProgress"
    CONFLICT = "conflict"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"  # the release had the commits already
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        return self in (PickStatus.IN_PROGRESS, PickStatus.CONFLICT)


@dataclass(frozen=True, slots=True)
class CherryPick:
    """Commits that are put on the newest candidate of a version.

    `commit`, `release_id` and `made_name` are those of the new candidate; `conflicts` are paths.
    """

    id: int
    definition_id: int
    version: str
    base_release_id: int | None
    base_name: str
    base_commit: str
    commits: tuple[str, ...]
    status: PickStatus
    branch: str
    commit: str
    conflicts: tuple[str, ...]
    problem: str
    release_id: int | None
    made_name: str | None
    asked_by: str | None
    asked_at: datetime
    ended_at: datetime | None
    tries: int


@dataclass(frozen=True, slots=True)
class Guard:
    """Commits that whatever is released from now on must have, or one of the results."""

    id: int
    commits: tuple[str, ...]
    results: tuple[str, ...]


async def add(
    connection: Connection,
    definition: int,
    on: tuple[str, int],
    commits: Sequence[str],
    branch: str,
    by: tuple[PersonId | None, datetime],
) -> int | None:
    """Ask for a cherry-pick on a version and its newest candidate; its id. None while another one
    of this version is open."""
    number: int | None = await connection.fetchval(
        "INSERT INTO cherry_picks (definition_id, version, base_release_id, commits, branch,"
        " status, asked_by, asked_at, look_at) VALUES ($1, $2, $3, $4, $5, 'inProgress', $6, $7,"
        " $7) ON CONFLICT DO NOTHING RETURNING id",
        definition,
        *on,
        list(commits),
        branch,
        *by,
    )
    return number


async def get(
    connection: Connection, number: int, definition: int | None = None
) -> CherryPick | None:
    """One cherry-pick, of this definition if one is named."""
    row = await connection.fetchrow(
        f"{COLUMNS} WHERE c.id = $1 AND ($2::bigint IS NULL OR c.definition_id = $2)",
        number,
        definition,
    )
    return _pick(row) if row else None


async def listed(connection: Connection, definition: int, version: str) -> list[CherryPick]:
    """The cherry-picks of a version, the newest first, at most a hundred."""
    rows = await connection.fetch(
        f"{COLUMNS} WHERE c.definition_id = $1 AND c.version = $2 ORDER BY c.id DESC LIMIT 100",
        definition,
        version,
    )
    return [_pick(row) for row in rows]


async def by_ids(connection: Connection, numbers: Sequence[int]) -> list[CherryPick]:
    """These cherry-picks in the order of their ids."""
    rows = await connection.fetch(
        f"{COLUMNS} WHERE c.id = ANY ($1::bigint[]) ORDER BY c.id", list(numbers)
    )
    return [_pick(row) for row in rows]


async def end(
    connection: Connection,
    number: int,
    status: PickStatus,
    at: datetime,
    *,
    problem: str = "",
    commit: str = "",
    release: int | None = None,
) -> bool:
    """What came of an open cherry-pick; False when it is not open any more."""
    found: bool | None = await connection.fetchval(
        "UPDATE cherry_picks SET status = $2, ended_at = $3, problem = $4, commit = $5,"
        " release_id = $6 WHERE id = $1 AND status IN ('inProgress', 'conflict') RETURNING true",
        number,
        status,
        at,
        problem,
        commit,
        release,
    )
    return bool(found)


async def conflict(connection: Connection, number: int, paths: Sequence[str], why: str) -> None:
    """It cannot be done without somebody: these paths conflict."""
    await connection.execute(
        "UPDATE cherry_picks SET status = 'conflict', conflicts = $2, problem = $3"
        " WHERE id = $1 AND status = 'inProgress'",
        number,
        list(paths),
        why,
    )


async def put_off(connection: Connection, number: int, look_at: datetime, problem: str) -> None:
    """It is to be tried again at this time."""
    await connection.execute(
        "UPDATE cherry_picks SET look_at = $2, tries = tries + 1, problem = $3"
        " WHERE id = $1 AND status = 'inProgress'",
        number,
        look_at,
        problem,
    )


async def due(connection: Connection, now: datetime) -> list[int]:
    """Those that are to be worked on now."""
    rows = await connection.fetch(
        "SELECT id FROM cherry_picks WHERE status = 'inProgress' AND look_at <= $1 ORDER BY id",
        now,
    )
    return [row["id"] for row in rows]


async def is_open(connection: Connection, definition: int, version: str) -> bool:
    """Whether a cherry-pick of this version has not ended."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM cherry_picks WHERE definition_id = $1 AND version = $2"
        " AND status IN ('inProgress', 'conflict'))",
        definition,
        version,
    )
    return found


async def guards(connection: Connection, definition: int) -> list[Guard]:
    """What was picked and must not be lost again."""
    return [
        Guard(row["id"], tuple(row["commits"]), tuple(row["results"]))
        for row in await connection.fetch(GUARDING, definition)
    ]


def _pick(row: "asyncpg.Record") -> CherryPick:
    values = dict(row)
    values["status"] = PickStatus(values["status"])
    values["commits"], values["conflicts"] = tuple(values["commits"]), tuple(values["conflicts"])
    return CherryPick(**values)
