"""Deployments to an environment, as a list of them shows each."""

from dataclasses import dataclass
from datetime import datetime

from quaymaster.store.jobs.task_runs import FAILED_STEP
from quaymaster.store.people.people import EMAIL
from quaymaster.store.postgres.database import Connection

# Before the end, why the workflow that is to do it has not been reached yet.
PROBLEM = f"""CASE WHEN d.problem <> '' THEN d.problem
  WHEN d.outcome = 'phaseFailed' THEN coalesce(({FAILED_STEP.format(deployment="d.id")}), '')
  WHEN d.outcome IS NULL THEN coalesce(w.problem, '')
  ELSE '' END"""
DEPLOYMENTS = f"""
SELECT d.id, d.definition_id, d.definition_stage_id AS environment_id, d.stage_id,
  d.release_id, r.name AS release_name, d.from_release_id, f.name AS from_name, d.queued_at,
  d.completed_at, d.outcome, d.operation_status, d.rolls_back IS NOT NULL AS rolls_back,
  {PROBLEM} AS problem, i.display_name, {EMAIL} AS email,
  w.url AS run_url
FROM deployments d JOIN releases r ON r.id = d.release_id
LEFT JOIN releases f ON f.id = d.from_release_id
LEFT JOIN identities i ON i.id = d.requested_by
LEFT JOIN workflow_runs w ON w.deployment_id = d.id
"""
# Which rows are on the page is decided over the one index (decision 0011), in a statement of its
# own: how many there will be is not known to a plan that both share, which PostgreSQL made anew
# for every page, three times as long as it took to read it.
PAGE = """
SELECT id FROM deployments WHERE definition_stage_id = $1 ORDER BY id + 0 DESC LIMIT $2 OFFSET $3
"""
SHOWN = f"{DEPLOYMENTS} WHERE d.id = ANY ($1::bigint[]) ORDER BY d.id DESC"
NEWEST_OF_STAGE = f"""
{DEPLOYMENTS} WHERE d.id = (SELECT newest_deployment_id FROM stages WHERE id = $1)
"""
ONE = f"{DEPLOYMENTS} WHERE d.definition_stage_id = $1 AND d.id = $2"


@dataclass(frozen=True, slots=True)
class EnvironmentDeployment:
    """One deployment to an environment and who asked for it; `from_release_id` and `from_name`
    are the release that it replaces, `run_url` is where people see the workflow that does it, None
    or "" where there is none or nobody knows."""

    id: int
    definition_id: int
    environment_id: int
    stage_id: int
    release_id: int
    release_name: str
    from_release_id: int | None
    from_name: str | None
    queued_at: datetime
    completed_at: datetime | None
    outcome: str | None
    operation_status: str
    problem: str
    rolls_back: bool
    display_name: str | None
    email: str | None
    run_url: str | None


async def page(
    connection: Connection, environment: int, count: int, offset: int
) -> list[EnvironmentDeployment]:
    """So many deployments to the environment, the newest first."""
    found = [row["id"] for row in await connection.fetch(PAGE, environment, count, offset)]
    rows = await connection.fetch(SHOWN, found)
    return [EnvironmentDeployment(**dict(row)) for row in rows]


async def newest_of_stage(connection: Connection, stage: int) -> EnvironmentDeployment | None:
    """The newest attempt of a stage."""
    row = await connection.fetchrow(NEWEST_OF_STAGE, stage)
    return EnvironmentDeployment(**dict(row)) if row else None


async def attempt(connection: Connection, stage: int, number: int) -> EnvironmentDeployment | None:
    """One attempt of a stage by its number."""
    row = await connection.fetchrow(
        f"{DEPLOYMENTS} WHERE d.stage_id = $1 AND d.attempt = $2", stage, number
    )
    return EnvironmentDeployment(**dict(row)) if row else None


async def one(
    connection: Connection, environment: int, number: int
) -> EnvironmentDeployment | None:
    row = await connection.fetchrow(ONE, environment, number)
    return EnvironmentDeployment(**dict(row)) if row else None
