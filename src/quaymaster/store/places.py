"""Where an id belongs: the project, definition, release and stage behind it.

Actions ask this first, so that an id of another project is as unknown as one that never was.
"""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from quaymaster.store.database import Connection

COLUMNS = """
SELECT r.project_id, r.definition_id, d.path, r.id AS release_id, r.name AS release_name,
  r.is_deleted"""

RELEASE = f"""{COLUMNS}, 0 AS stage_id, 0 AS definition_stage_id, '' AS stage_name
FROM releases r JOIN definitions d ON d.id = r.definition_id
WHERE r.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""

STAGE = f"""{COLUMNS}, s.id AS stage_id, s.definition_stage_id, s.name AS stage_name
FROM stages s JOIN releases r ON r.id = s.release_id JOIN definitions d ON d.id = r.definition_id
WHERE s.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""

APPROVAL = f"""{COLUMNS}, s.id AS stage_id, s.definition_stage_id, s.name AS stage_name
FROM approvals a JOIN stages s ON s.id = a.stage_id
JOIN releases r ON r.id = s.release_id JOIN definitions d ON d.id = r.definition_id
WHERE a.id = $1 AND ($2::uuid IS NULL OR r.project_id = $2)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What stands around an id; the stage's parts are empty for a release as a whole."""

    project_id: UUID
    definition_id: int
    path: str
    release_id: int
    release_name: str
    is_deleted: bool
    stage_id: int
    definition_stage_id: int
    stage_name: str


async def of_release(connection: Connection, project: UUID | None, release_id: int) -> Place | None:
    """The place of a release; None when it does not exist in this project (None: anywhere)."""
    return _place(await connection.fetchrow(RELEASE, release_id, project))


async def of_stage(connection: Connection, project: UUID | None, stage_id: int) -> Place | None:
    """The place of a stage of a release, by the stage's own id."""
    return _place(await connection.fetchrow(STAGE, stage_id, project))


async def of_approval(
    connection: Connection, project: UUID | None, approval_id: int
) -> Place | None:
    """The place of an approval."""
    return _place(await connection.fetchrow(APPROVAL, approval_id, project))


def _place(row: "asyncpg.Record | None") -> Place | None:
    return Place(**dict(row)) if row else None
