"""Candidates: releases of a repository by their versions, and how their builds stand."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.store.candidates.repositories import Named, find_statement, meant, named
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment
from quaymaster.store.people.people import EMAIL
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import name_key

# Together with a release of it, and its newest attempt there: reports come often, and a statement
# saved is a round trip saved.
FIND_TOLD = find_statement(
    ", r.id AS release_id, s.id AS stage_id, b.status AS build, n.id AS newest_id, n.queued_at,"
    " n.rolls_back IS NOT NULL AS rolls_back, n.from_release_id, f.name AS from_name,"
    f" i.display_name, {EMAIL} AS email, w.url AS run_url",
    """
LEFT JOIN releases r ON r.definition_id = d.id AND r.name_key = $6 AND r.name = $7
  AND NOT r.is_deleted
LEFT JOIN stages s ON s.release_id = r.id AND s.definition_stage_id = e.id
LEFT JOIN release_builds b ON b.release_id = r.id
LEFT JOIN deployments n ON n.id = s.newest_deployment_id
LEFT JOIN releases f ON f.id = n.from_release_id
LEFT JOIN identities i ON i.id = n.requested_by
LEFT JOIN workflow_runs w ON w.deployment_id = n.id
""",
)
FIND = """
SELECT r.id, s.id AS stage_id, b.status AS build FROM releases r
LEFT JOIN stages s ON s.release_id = r.id AND s.definition_stage_id = $3
LEFT JOIN release_builds b ON b.release_id = r.id
WHERE r.definition_id = $1 AND r.name_key = $2 AND r.name = $4 AND NOT r.is_deleted
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release by its version. `stage` None: it was made before the environment was.

    `build` None: nobody builds it, so it was ready when it was made.
    """

    release: ReleaseId
    stage: StageId | None
    build: str | None


async def find(
    connection: Connection, definition: int, environment: int, version: str
) -> Candidate | None:
    """The release of exactly this version, and its stage for the environment."""
    row = await connection.fetchrow(FIND, definition, version.casefold(), environment, version)
    if row is None:
        return None
    stage = StageId(row["stage_id"]) if row["stage_id"] else None
    return Candidate(ReleaseId(row["id"]), stage, row["build"])


async def find_told(
    connection: Connection,
    organization: UUID,
    project: UUID | None,
    name: str,
    environment: str,
    version: str,
) -> tuple[Named, Candidate | None, EnvironmentDeployment | None] | None:
    """What the names of a definition and an environment mean, and what `find` finds, in one
    statement; and the newest attempt of the release in the environment as it is listed, but for
    how it stands."""
    row = meant(
        await connection.fetch(
            FIND_TOLD,
            organization,
            name_key(name),
            name,
            environment,
            project,
            version.casefold(),
            version,
        )
    )
    if row is None:
        return None
    if row["release_id"] is None:
        return named(row), None, None
    stage = StageId(row["stage_id"]) if row["stage_id"] else None
    known = Candidate(ReleaseId(row["release_id"]), stage, row["build"])
    return named(row), known, _newest(row, version) if row["newest_id"] else None


def _newest(row: asyncpg.Record, version: str) -> EnvironmentDeployment:
    return EnvironmentDeployment(
        id=row["newest_id"],
        definition_id=row["definition_id"],
        environment_id=row["environment_id"],
        stage_id=row["stage_id"],
        release_id=row["release_id"],
        release_name=version,
        from_release_id=row["from_release_id"],
        from_name=row["from_name"],
        queued_at=row["queued_at"],
        completed_at=None,
        outcome=None,
        operation_status="",
        problem="",
        rolls_back=row["rolls_back"],
        display_name=row["display_name"],
        email=row["email"],
        run_url=row["run_url"],
    )


async def set_build(
    connection: Connection, release: ReleaseId, status: str, at: datetime, **told: str
) -> None:
    """How the build of a release stands; what is not told stays as it was."""
    await connection.execute(
        "INSERT INTO release_builds (release_id, status, told_at, problem, url, run_id)"
        " VALUES ($1, $2, $3, coalesce($4, ''), coalesce($5, ''), coalesce($6, ''))"
        " ON CONFLICT (release_id) DO UPDATE SET status = $2, told_at = $3,"
        " problem = coalesce($4, release_builds.problem), url = coalesce($5, release_builds.url),"
        " run_id = coalesce($6, release_builds.run_id)",
        release,
        status,
        at,
        told.get("problem"),
        told.get("url"),
        told.get("run_id"),
    )
