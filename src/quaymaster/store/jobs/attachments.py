"""Files that tasks have attached to their steps: a row each, the bytes in the storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.store.postgres.database import Connection

# FOR SHARE as for reports: whoever takes the job away waits for us, or we see that it is gone.
# The old object's key comes from the snapshot before the statement.
KEEP = """
WITH held AS (
  SELECT id FROM jobs WHERE id = $1 AND token = $2 AND status = 'running' FOR SHARE
), kept AS (
  INSERT INTO attachments (task_run_id, release_id, type, name, byte_count, object_key,
    created_at, modified_at)
  SELECT t.id, t.release_id, $4, $5, $6, $7, $8, $8
  FROM task_runs t JOIN held ON held.id = t.job_id WHERE t.id = $3
  ON CONFLICT (task_run_id, type, name) DO UPDATE SET byte_count = excluded.byte_count,
    object_key = excluded.object_key, modified_at = excluded.modified_at
  RETURNING id
)
SELECT EXISTS (SELECT FROM kept) AS is_kept,
  (SELECT object_key FROM attachments WHERE task_run_id = $3 AND type = $4 AND name = $5) AS before
"""

COLUMNS = """a.id, a.type, a.name, a.byte_count, a.object_key, a.created_at, a.modified_at,
  t.instance_id AS step, t.job_id AS job"""

OF_JOBS = f"""
SELECT {COLUMNS} FROM attachments a JOIN task_runs t ON t.id = a.task_run_id
WHERE a.release_id = $1 AND t.job_id = ANY($2::bigint[]) ORDER BY a.id
"""

OF_BUILD = f"""
SELECT {COLUMNS} FROM attachments a JOIN task_runs t ON t.id = a.task_run_id
WHERE t.build_id = $1 ORDER BY a.id
"""


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """A file whose bytes are in the storage already, under `object_key`."""

    step: int
    type: str
    name: str
    byte_count: int
    object_key: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a step has attached; `step` is the step's GUID in the timeline."""

    id: int
    type: str
    name: str
    byte_count: int
    object_key: str
    created_at: datetime
    modified_at: datetime
    step: UUID
    job: int


def object_key(step: int, unique: str) -> str:
    """A key that nothing else is ever written to; `unique` is random."""
    return f"attachments/{step // 10_000}/{step}/{unique}"


async def keep(
    connection: Connection, job: int, token: str, new: NewAttachment, at: datetime
) -> tuple[bool, str | None]:
    """Write down a file of a running job, replacing the step's one of the same type and name.

    Whether it was kept, which it is not when the token holds the job no more; and the key of the
    object that is replaced. Doing so again gives the same row.
    """
    row = await connection.fetchrow(
        KEEP, job, token, new.step, new.type, new.name, new.byte_count, new.object_key, at
    )
    if row is None:
        return False, None
    before: str | None = row["before"]
    return row["is_kept"], before if before != new.object_key else None


async def of_jobs(connection: Connection, release_id: int, jobs: Sequence[int]) -> list[Attachment]:
    """What the steps of these jobs of a release have attached, in the order in which they did."""
    rows = await connection.fetch(OF_JOBS, release_id, list(jobs))
    return [Attachment(**dict(row)) for row in rows]


async def of_build(connection: Connection, build_id: int) -> list[Attachment]:
    """What the steps of a build have attached, in the order in which they did."""
    rows = await connection.fetch(OF_BUILD, build_id)
    return [Attachment(**dict(row)) for row in rows]
