"""Where something stands: the project, definition, release and stage that an id belongs to."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from quaymaster.store.postgres.database import Connection

COLUMNS = """
  r.project_id, f.path, r.definition_id, f.name AS definition_name, r.id AS release_id,
  r.name AS release_name, r.is_deleted
"""
STAGE_COLUMNS = "s.id AS stage_id, s.definition_stage_id, s.name AS stage_name"
OF_RELEASE = f"""
SELECT {COLUMNS}, 0 AS stage_id, 0 AS definition_stage_id, '' AS stage_name
FROM releases r JOIN definitions f ON f.id = r.definition_id
WHERE r.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""
OF_STAGE = f"""
SELECT {COLUMNS}, {STAGE_COLUMNS}
FROM stages s JOIN releases r ON r.id = s.release_id JOIN definitions f ON f.id = r.definition_id
WHERE s.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""
OF_APPROVAL = f"""
SELECT {COLUMNS}, {STAGE_COLUMNS}
FROM approvals a JOIN stages s ON s.id = a.stage_id JOIN releases r ON r.id = s.release_id
JOIN definitions f ON f.id = r.definition_id
WHERE a.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""
OF_GATE_RUN = f"""
SELECT {COLUMNS}, {STAGE_COLUMNS}
FROM gate_runs g JOIN stages s ON s.id = g.stage_id JOIN releases r ON r.id = s.release_id
JOIN definitions f ON f.id = r.definition_id
WHERE g.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""
OF_INTERVENTION = f"""
SELECT {COLUMNS}, {STAGE_COLUMNS}
FROM interventions i JOIN stages s ON s.id = i.stage_id JOIN releases r ON r.id = s.release_id
JOIN definitions f ON f.id = r.definition_id
WHERE i.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""
OF_JOB = f"""
SELECT {COLUMNS}, {STAGE_COLUMNS}
FROM jobs j JOIN deployments d ON d.id = j.deployment_id JOIN stages s ON s.id = d.stage_id
JOIN releases r ON r.id = j.release_id JOIN definitions f ON f.id = r.definition_id
WHERE j.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What is needed to say whether somebody may do something here, and how it is called.

    `path` is the definition's folder (`\\A\\B`). The stage's parts are 0 and "" for a release.
    """

    project_id: UUID
    path: str
    definition_id: int
    definition_name: str
    release_id: int
    release_name: str
    is_deleted: bool
    stage_id: int
    definition_stage_id: int
    stage_name: str


async def of_release(connection: Connection, project: UUID | None, release_id: int) -> Place | None:
    """None when there is no such release, or not in this project (None: any)."""
    return _place(await connection.fetchrow(OF_RELEASE, release_id, project))


async def of_stage(connection: Connection, project: UUID | None, stage_id: int) -> Place | None:
    """None when there is no such stage, or not in this project (None: any)."""
    return _place(await connection.fetchrow(OF_STAGE, stage_id, project))


async def of_approval(
    connection: Connection, project: UUID | None, approval_id: int
) -> Place | None:
    """None when there is no such approval, or not in this project (None: any)."""
    return _place(await connection.fetchrow(OF_APPROVAL, approval_id, project))


async def of_gate_run(
    connection: Connection, project: UUID | None, gate_run_id: int
) -> Place | None:
    """None when there are no such gates, or not in this project (None: any)."""
    return _place(await connection.fetchrow(OF_GATE_RUN, gate_run_id, project))


async def of_intervention(
    connection: Connection, project: UUID | None, intervention_id: int
) -> Place | None:
    """None when there is no such intervention, or not in this project (None: any)."""
    return _place(await connection.fetchrow(OF_INTERVENTION, intervention_id, project))


async def of_job(connection: Connection, project: UUID | None, job_id: int) -> Place | None:
    """None when there is no such job, or not in this project (None: any)."""
    return _place(await connection.fetchrow(OF_JOB, job_id, project))


def _place(row: asyncpg.Record | None) -> Place | None:
    return Place(**row) if row else None
