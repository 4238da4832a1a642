"""What a worker tells of a running job, written in one statement: its steps and their logs.

A report holds the whole state of each step that changed, so that writing it twice, as after a
connection that broke during a commit, gives the same rows. One that comes after a newer one, as
from a connection that hung, makes no log shorter and reopens nothing that is completed (R-31).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from quaymaster.store.jobs.logs import INLINE_BYTES, Chunk, object_key
from quaymaster.store.jobs.task_runs import StepDetail, StepIssue, StepOutput
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.object_storage import ObjectStorage

# FOR SHARE: whoever takes the job away from its worker waits for us, or we see that it is gone.
HELD = """SELECT id FROM jobs WHERE id = $1 AND token = $2 AND status = 'running' FOR SHARE"""

# The caller has locked the release and ends the job in the same transaction.
ENDING = "SELECT id FROM jobs WHERE id = $1 AND token = $2"

WRITE = """
WITH held AS ({held}),
told AS (
  SELECT * FROM json_to_recordset($3::json) AS step(id bigint, status text, name text,
    started_at timestamptz, finished_at timestamptz, result text, percent integer,
    operation text, issues json, error_count integer, warning_count integer, version text,
    line_count bigint, log_bytes bigint, last_sequence integer, details json, outputs json)
),
written AS (
  UPDATE task_runs t SET status = told.status, name = told.name, started_at = told.started_at,
    finished_at = told.finished_at, result = told.result, percent = told.percent,
    operation = told.operation, issues = told.issues, error_count = told.error_count,
    warning_count = told.warning_count,
    version = CASE WHEN told.version = '' THEN t.version ELSE told.version END,
    line_count = greatest(t.line_count, told.line_count),
    log_bytes = greatest(t.log_bytes, told.log_bytes),
    last_sequence = greatest(t.last_sequence, told.last_sequence),
    details = coalesce(told.details, t.details), outputs = coalesce(told.outputs, t.outputs)
  FROM told, held WHERE t.job_id = $1 AND t.id = told.id
    AND (t.status <> 'completed' OR told.status = 'completed')
    AND (t.status = 'pending' OR told.status <> 'pending')
),
logged AS (
  INSERT INTO log_chunks
    (task_run_id, sequence, first_line, line_count, byte_count, body, object_key)
  SELECT chunk.* FROM unnest($4::bigint[], $5::integer[], $6::bigint[], $7::integer[],
      $8::integer[], $9::bytea[], $10::text[])
    AS chunk(task_run_id, sequence, first_line, line_count, byte_count, body, object_key)
  JOIN task_runs t ON t.id = chunk.task_run_id AND t.job_id = $1
  JOIN held ON held.id = t.job_id
  ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT FROM held)
"""

WHILE_RUNNING = WRITE.format(held=HELD)
AT_THE_END = WRITE.format(held=ENDING)


@dataclass(slots=True)
class StepState:
    """All that is known of a step now; `id` is its row.

    `line_count`, `log_bytes` and `last_sequence` measure its log. `details` and `outputs` are all
    there are, or None where nothing was added since the last report.
    """

    id: int
    name: str
    status: str = "pending"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: str = ""
    percent: int = 0
    operation: str = ""
    issues: tuple[StepIssue, ...] = ()
    error_count: int = 0
    warning_count: int = 0
    version: str = ""
    line_count: int = 0
    log_bytes: int = 0
    last_sequence: int = 0
    details: tuple[StepDetail, ...] | None = None
    outputs: tuple[StepOutput, ...] | None = None


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A piece of a step's log on its way into a row; a large body is an object already."""

    step: int
    chunk: Chunk
    object_key: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The steps that changed and the new pieces of their logs, in order."""

    steps: Sequence[StepState] = ()
    chunks: Sequence[StoredChunk] = field(default_factory=tuple)


async def kept(files: ObjectStorage, step: int, token: str, chunk: Chunk) -> StoredChunk:
    """The chunk ready for its row, a large one written to the storage before. Raises
    StorageUnavailable."""
    if len(chunk.body) <= INLINE_BYTES:
        return StoredChunk(step, chunk)
    key = object_key(step, chunk.sequence, token)
    await files.put(key, chunk.body)
    return StoredChunk(step, chunk, key)


async def write(connection: Connection, job: int, token: str, report: Report) -> bool:
    """Write a report of a running job; False, and nothing, when the token holds it no more."""
    return await _write(connection, WHILE_RUNNING, job, token, report)


async def write_last(connection: Connection, job: int, token: str, report: Report) -> bool:
    """The same for a job that this transaction ends, its release being locked."""
    return await _write(connection, AT_THE_END, job, token, report)


async def _write(connection: Connection, sql: str, job: int, token: str, report: Report) -> bool:
    chunks = [stored.chunk for stored in report.chunks]
    held: bool = await connection.fetchval(
        sql,
        job,
        token,
        msgspec.json.encode(report.steps).decode(),
        [stored.step for stored in report.chunks],
        [chunk.sequence for chunk in chunks],
        [chunk.first_line for chunk in chunks],
        [chunk.line_count for chunk in chunks],
        [len(chunk.body) for chunk in chunks],
        [None if stored.object_key else stored.chunk.body for stored in report.chunks],
        [stored.object_key for stored in report.chunks],
    )
    return held
