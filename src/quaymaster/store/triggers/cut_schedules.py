"""When definitions cut candidates by the clock, and candidates that are deployed once built."""

from dataclasses import dataclass
from datetime import datetime

from quaymaster.store.postgres.database import Connection

COLUMNS = """
SELECT definition_id, cron, time_zone, numbering, branch, due_at, look_at, tries, problem
FROM scheduled_cuts
"""
# What is still being built is looked at again when that ends, or by the next sweep.
BUILT = """
SELECT DISTINCT a.release_id FROM automatic_deployments a
LEFT JOIN release_builds b ON b.release_id = a.release_id
WHERE coalesce(b.status, '') NOT IN ('pending', 'inProgress', 'canceling')
ORDER BY a.release_id LIMIT 100
"""


@dataclass(frozen=True, slots=True)
class CutSchedule:
    """The clock of a definition; `problem` says why its last time has made no candidate."""

    definition_id: int
    cron: str
    time_zone: str
    numbering: str
    branch: str
    due_at: datetime
    look_at: datetime
    tries: int = 0
    problem: str = ""


async def put(connection: Connection, new: CutSchedule) -> None:
    """Have the definition follow this clock from now on."""
    await connection.execute(
        "INSERT INTO scheduled_cuts (definition_id, cron, time_zone, numbering, branch, due_at,"
        " look_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (definition_id) DO UPDATE SET"
        " cron = $2, time_zone = $3, numbering = $4, branch = $5, due_at = $6, look_at = $7,"
        " tries = 0, problem = ''",
        new.definition_id,
        new.cron,
        new.time_zone,
        new.numbering,
        new.branch,
        new.due_at,
        new.look_at,
    )


async def remove(connection: Connection, definition: int) -> None:
    """Let it cut nothing by itself any more."""
    await connection.execute("DELETE FROM scheduled_cuts WHERE definition_id = $1", definition)


async def get(connection: Connection, definition: int) -> CutSchedule | None:
    """The clock of a definition."""
    row = await connection.fetchrow(f"{COLUMNS} WHERE definition_id = $1", definition)
    return CutSchedule(**dict(row)) if row else None


async def due(connection: Connection, until: datetime) -> list[CutSchedule]:
    """Those that are to be looked at up to this time, but of deleted definitions."""
    rows = await connection.fetch(
        f"{COLUMNS} WHERE look_at <= $1 AND EXISTS (SELECT FROM definitions d"
        " WHERE d.id = definition_id AND NOT d.is_deleted) ORDER BY look_at",
        until,
    )
    return [CutSchedule(**dict(row)) for row in rows]


async def answered(
    connection: Connection, one: CutSchedule, next_at: datetime, problem: str = ""
) -> None:
    """This occurrence is over; nothing happens when somebody was quicker or it was set anew."""
    await connection.execute(
        "UPDATE scheduled_cuts SET due_at = $3, look_at = $3, tries = 0, problem = $4"
        " WHERE definition_id = $1 AND due_at = $2 AND cron = $5 AND time_zone = $6",
        one.definition_id,
        one.due_at,
        next_at,
        problem,
        one.cron,
        one.time_zone,
    )


async def put_off(
    connection: Connection, one: CutSchedule, look_at: datetime, problem: str
) -> None:
    """This occurrence is to be tried again at a later time."""
    await connection.execute(
        "UPDATE scheduled_cuts SET look_at = $3, tries = tries + 1, problem = $4"
        " WHERE definition_id = $1 AND due_at = $2",
        one.definition_id,
        one.due_at,
        look_at,
        problem,
    )


# ---- candidates of a definition -------------------------------------------------------------


async def names(connection: Connection, definition: int) -> list[str]:
    """What all releases of the definition are or were called: no other may be called so."""
    rows = await connection.fetch("SELECT name FROM releases WHERE definition_id = $1", definition)
    return [row["name"] for row in rows]


async def newest_commit(connection: Connection, definition: int) -> str:
    """The commit of the newest candidate; "" before the first."""
    found: str | None = await connection.fetchval(
        "SELECT a.version_id FROM releases r"
        " JOIN release_artifacts a ON a.release_id = r.id AND a.is_primary"
        " WHERE r.definition_id = $1 AND NOT r.is_deleted ORDER BY r.id DESC LIMIT 1",
        definition,
    )
    return found or ""


async def first_commit(connection: Connection, definition: int) -> str:
    """The commit of the first candidate, also of a deleted one; "" before there is any."""
    found: str | None = await connection.fetchval(
        "SELECT a.version_id FROM releases r"
        " JOIN release_artifacts a ON a.release_id = r.id AND a.is_primary"
        " WHERE r.definition_id = $1 ORDER BY r.id LIMIT 1",
        definition,
    )
    return found or ""


async def commit_before(connection: Connection, definition: int, version: str) -> str:
    """The commit of the newest candidate of another version; "" where there is none."""
    found: str | None = await connection.fetchval(
        "SELECT a.version_id FROM releases r"
        " JOIN release_artifacts a ON a.release_id = r.id AND a.is_primary"
        " WHERE r.definition_id = $1 AND NOT r.is_deleted AND NOT starts_with(r.name, $2)"
        " ORDER BY r.id DESC LIMIT 1",
        definition,
        f"{version}-rc",
    )
    return found or ""


# ---- deployments that follow a build --------------------------------------------------------


async def want_deployments(connection: Connection, release: int) -> int:
    """Remember that a candidate goes to the environments that are set so; to how many."""
    done: str = await connection.execute(
        "INSERT INTO automatic_deployments (release_id, environment_id)"
        " SELECT r.id, e.id FROM releases r JOIN environments e"
        "   ON e.definition_id = r.definition_id AND NOT e.is_deleted"
        " JOIN repository_environments y ON y.environment_id = e.id"
        " WHERE r.id = $1 AND (y.settings ->> 'deploy_after_build')::boolean"
        " ON CONFLICT DO NOTHING",
        release,
    )
    return int(done.rpartition(" ")[2])


async def built(connection: Connection) -> list[int]:
    """The releases that are to be deployed by themselves and whose builds have ended."""
    return [row["release_id"] for row in await connection.fetch(BUILT)]


async def wanted_deployments(connection: Connection, release: int) -> list[int]:
    """The environments that a release is still to be deployed to by itself."""
    rows = await connection.fetch(
        "SELECT environment_id FROM automatic_deployments WHERE release_id = $1"
        " ORDER BY environment_id",
        release,
    )
    return [row["environment_id"] for row in rows]


async def taken_up(connection: Connection, release: int, environment: int) -> bool:
    """Take up one of them, so that nobody else does; False when that has been done."""
    found: bool | None = await connection.fetchval(
        "DELETE FROM automatic_deployments WHERE release_id = $1 AND environment_id = $2"
        " RETURNING true",
        release,
        environment,
    )
    return bool(found)
