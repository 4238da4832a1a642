"""Deployment groups of a project: machines that a phase deploys to, each one of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from quaymaster.domain.errors import Conflict
from quaymaster.domain.plan import PhaseKind, Plan, StageTriggerKind
from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection

GROUPS = """
SELECT g.id, g.project_id, p.name AS project_name, g.pool_id, o.name AS pool_name, g.name,
  g.description, g.created_by, g.created_at,
  (SELECT count(*) FROM deployment_targets t WHERE t.group_id = g.id) AS target_count
FROM deployment_groups g JOIN projects p ON p.id = g.project_id JOIN pools o ON o.id = g.pool_id
"""


@dataclass(frozen=True, slots=True)
class DeploymentGroup:
    """A group and how many machines it has; its pool holds their workers and nobody else's."""

    id: int
    project_id: UUID
    project_name: str
    pool_id: int
    pool_name: str
    name: str
    description: str
    created_by: PersonId | None
    created_at: datetime
    target_count: int


async def listed(connection: Connection, project: UUID, name: str = "") -> list[DeploymentGroup]:
    """The project's groups by name; only that of a name, in any case, if one is given."""
    rows = await connection.fetch(
        f"{GROUPS} WHERE g.project_id = $1 AND ($2 = '' OR g.name_key = $2) ORDER BY g.name_key",
        project,
        name.casefold(),
    )
    return [DeploymentGroup(**row) for row in rows]


async def get(connection: Connection, project: UUID, group: int) -> DeploymentGroup | None:
    """One group of the project."""
    row = await connection.fetchrow(
        f"{GROUPS} WHERE g.project_id = $1 AND g.id = $2", project, group
    )
    return DeploymentGroup(**row) if row else None


async def create(
    connection: Connection,
    project: UUID,
    name: str,
    description: str,
    by: PersonId | None,
    at: datetime,
) -> int:
    """A new group with a pool of its own; its id. Raises Conflict when the name is taken."""
    group: int = await connection.fetchval("SELECT nextval('deployment_groups_id_seq')")
    pool = f"{name} (deployment group {group})"
    try:
        await connection.execute(
            "WITH pool AS (INSERT INTO pools (organization_id, name, name_key, type)"
            " SELECT organization_id, $5, $6, 'deployment' FROM projects WHERE id = $2"
            " RETURNING id)"
            " INSERT INTO deployment_groups (id, project_id, pool_id, name, name_key,"
            " description, created_by, created_at)"
            " SELECT $1, $2, pool.id, $3, $4, $7, $8, $9 FROM pool",
            group,
            project,
            name,
            name.casefold(),
            pool,
            pool.casefold(),
            description,
            by,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(name) from error
    return group


async def update(connection: Connection, group: int, name: str, description: str) -> None:
    """Rename or describe a group. Raises Conflict when the name is taken."""
    try:
        await connection.execute(
            "UPDATE deployment_groups SET name = $2, name_key = $3, description = $4 WHERE id = $1",
            group,
            name,
            name.casefold(),
            description,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(name) from error


async def delete(connection: Connection, group: int) -> None:
    """Remove a group with its targets; its pool stays for the jobs that ran there."""
    await connection.execute("DELETE FROM deployment_groups WHERE id = $1", group)


async def put_triggers(connection: Connection, definition: int, plan: Plan) -> None:
    """Which stages of a definition are deployed again when a target joins which group."""
    await connection.execute(
        "DELETE FROM deployment_group_triggers WHERE definition_id = $1", definition
    )
    await add_triggers(connection, definition, plan)


async def add_triggers(connection: Connection, definition: int, plan: Plan) -> None:
    """The same for a definition that has none yet."""
    pairs = {
        (definition, stage.definition_stage_id, phase.queue_id)
        for stage in plan.stages
        if any(trigger.kind is StageTriggerKind.DEPLOYMENT_GROUP for trigger in stage.triggers)
        for phase in stage.phases
        if phase.kind is PhaseKind.DEPLOYMENT_GROUP
    }
    if pairs:
        await connection.executemany(
            "INSERT INTO deployment_group_triggers (definition_id, environment_id, group_id)"
            " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            sorted(pairs),
        )


def _taken(name: str) -> Conflict:
    return Conflict(f"A deployment group named {name!r} is there already in this project.")
