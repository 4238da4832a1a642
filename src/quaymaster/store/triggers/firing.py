"""What starts without anybody asking: schedules, events, and rollbacks of failed deployments."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.domain.release import ReleaseId
from quaymaster.store.postgres.database import Connection

SCHEDULED = """
SELECT id, project_id, modified_at FROM definitions
WHERE kind = 'release' AND has_schedules AND NOT is_deleted AND NOT is_disabled ORDER BY id
"""

NEWEST_RELEASE = """
SELECT newest.id, newest.definition_revision
FROM definitions d CROSS JOIN (VALUES (false), (true)) AS each_kind(is_deleted)
CROSS JOIN LATERAL (
  SELECT n.id, n.definition_revision FROM releases n
  WHERE n.project_id = d.project_id AND n.definition_id = d.id
    AND n.is_deleted = each_kind.is_deleted
  ORDER BY n.id + 0 DESC LIMIT 1) newest
WHERE d.id = $1 ORDER BY newest.id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Failed:
    """A rejected attempt that wants its environment's last success back."""

    deployment_id: int
    release_id: ReleaseId
    definition_id: int
    definition_stage_id: int
    newest_in_environment: int


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A definition with schedules, and when it was last saved."""

    definition_id: int
    project_id: UUID
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class LastRelease:
    """The newest release of a definition: its revision, and the versions by alias."""

    definition_revision: int
    versions: dict[str, str]


async def want_rollback(connection: Connection, deployment_ids: list[int]) -> None:
    """Remember that these failed attempts are to be answered by a rollback."""
    await connection.execute(
        "UPDATE deployments SET wants_rollback = true WHERE id = ANY($1::bigint[])", deployment_ids
    )


async def wanting_rollback(connection: Connection) -> list[int]:
    """The ids of failed attempts that have not been answered yet."""
    rows = await connection.fetch("SELECT id FROM deployments WHERE wants_rollback ORDER BY id")
    return [row["id"] for row in rows]


async def definition_of_unanswered(connection: Connection, deployment_id: int) -> int | None:
    """The definition of a failed attempt; None when it has been answered."""
    found: int | None = await connection.fetchval(
        "SELECT definition_id FROM deployments WHERE id = $1 AND wants_rollback", deployment_id
    )
    return found


async def taken_up(connection: Connection, deployment_id: int) -> Failed | None:
    """Take up one of them, so that nobody else does; None when that has been done."""
    row = await connection.fetchrow(
        "UPDATE deployments SET wants_rollback = false WHERE id = $1 AND wants_rollback"
        " RETURNING id, release_id, definition_id, definition_stage_id,"
        " (SELECT max(n.id) FROM deployments n"
        " WHERE n.definition_stage_id = deployments.definition_stage_id) AS newest",
        deployment_id,
    )
    return Failed(*row) if row else None


async def scheduled(connection: Connection) -> list[Scheduled]:
    """All definitions that make releases by the clock."""
    rows = await connection.fetch(SCHEDULED)
    return [Scheduled(row["id"], row["project_id"], row["modified_at"]) for row in rows]


async def newest_release(connection: Connection, definition_id: int) -> LastRelease | None:
    """The newest release of a definition, for "only if something changed" (UNCERTAIN 40)."""
    row = await connection.fetchrow(NEWEST_RELEASE, definition_id)
    if row is None:
        return None
    versions = await connection.fetch(
        "SELECT alias, version_id FROM release_artifacts WHERE release_id = $1", row["id"]
    )
    return LastRelease(
        row["definition_revision"], {one["alias"]: one["version_id"] for one in versions}
    )


async def failed(connection: Connection, definition_id: int, key: str, problem: str) -> None:
    """Remember why a firing that was taken has made no release."""
    await connection.execute(
        "UPDATE firings SET problem = $3 WHERE definition_id = $1 AND key = $2",
        definition_id,
        key,
        problem,
    )


async def made(connection: Connection, definition_id: int, key: str, release_id: int) -> None:
    """Remember which release came of a firing."""
    await connection.execute(
        "UPDATE firings SET release_id = $3 WHERE definition_id = $1 AND key = $2",
        definition_id,
        key,
        release_id,
    )
