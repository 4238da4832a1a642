"""The timeline of a job: one row for each step that it runs, filled by its worker's reports."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.store.postgres.database import Connection

PLAN = """
INSERT INTO task_runs (job_id, release_id, build_id, rank, kind, name, task_id, version)
SELECT j.id, j.release_id, j.build_id, step.rank, step.kind, step.name, step.task_id, step.version
FROM jobs j, unnest($3::integer[], $4::text[], $5::text[], $6::text[], $7::text[])
  AS step(rank, kind, name, task_id, version)
WHERE j.id = $1 AND j.token = $2 AND j.status = 'running'
ORDER BY step.rank
ON CONFLICT (job_id, rank) DO UPDATE SET kind = excluded.kind
RETURNING *
"""

# After a job ended without its worker: whatever was not over will not be.
ABANDON = """
UPDATE task_runs SET status = 'completed', finished_at = $3,
  result = CASE WHEN started_at IS NULL THEN 'Skipped' ELSE $2 END
WHERE job_id = $1 AND result = ''
"""


# After a job ended by the report of a service: its task did so, the steps around it went well.
CONCLUDE = """
UPDATE task_runs SET status = 'completed', finished_at = $4,
  started_at = coalesce(started_at, $4),
  result = CASE WHEN kind = 'task' THEN $2 ELSE 'Succeeded' END,
  issues = CASE WHEN kind = 'task' AND $3 <> '' THEN
    (issues::jsonb || jsonb_build_array(jsonb_build_object(
      'type', 'error', 'message', $3, 'data', '{}'::jsonb)))::json ELSE issues END,
  error_count = error_count + CASE WHEN kind = 'task' AND $3 <> '' THEN 1 ELSE 0 END
WHERE job_id = $1 AND result = ''
"""

# The first step of an attempt that failed, with the first error it told.
FAILED_STEP = """
SELECT t.name
  || coalesce(': ' || (t.issues -> (error.place::integer - 1) ->> 'message'), ' failed.')
FROM phases p JOIN jobs j ON j.phase_id = p.id JOIN task_runs t ON t.job_id = j.id
LEFT JOIN LATERAL (
  SELECT min(place) AS place FROM json_array_elements(t.issues) WITH ORDINALITY AS one(issue, place)
  WHERE issue ->> 'type' = 'error') error ON true
WHERE p.deployment_id = {deployment} AND t.result = 'Failed'
ORDER BY p.rank, j.position, t.rank LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step before it runs; `rank` is its 1-based place in the job."""

    rank: int
    kind: str
    name: str
    task_id: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class StepIssue:
    """An error or a warning of a step; `data` holds its published properties."""

    type: str
    message: str
    data: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepDetail:
    """A record below a step (`task.logdetail`); `fields` has the names of the timeline."""

    id: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepOutput:
    """An output variable that a step set, under its full name; a secret has no value."""

    name: str
    value: str = ""
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A step as APIs and pages show it; `result` is empty until it has ended.

    It belongs to a release or to a build. `status` is pending, inProgress or completed;
    `line_count` and `log_bytes` measure its log.
    """

    id: int
    job_id: int
    release_id: int | None
    rank: int
    kind: str
    instance_id: UUID
    name: str
    task_id: str
    version: str
    status: str
    result: str
    started_at: datetime | None
    finished_at: datetime | None
    percent: int
    operation: str
    issues: tuple[StepIssue, ...]
    error_count: int
    warning_count: int
    line_count: int
    log_bytes: int
    last_sequence: int
    build_id: int | None = None
    details: tuple[StepDetail, ...] = ()
    outputs: tuple[StepOutput, ...] = ()


_details = msgspec.json.Decoder(tuple[StepDetail, ...])
_outputs = msgspec.json.Decoder(tuple[StepOutput, ...])
_issues = msgspec.json.Decoder(tuple[StepIssue, ...])


def read(row: asyncpg.Record) -> TaskRun:
    """The record of a row of task_runs."""
    values: dict[str, Any] = dict(row)
    values["issues"] = _issues.decode(values["issues"])
    values["details"] = _details.decode(values["details"])
    values["outputs"] = _outputs.decode(values["outputs"])
    return TaskRun(**values)


async def failed_step(connection: Connection, deployment: int) -> str:
    """The first step of an attempt that failed and why it says so; empty when none did."""
    found: str | None = await connection.fetchval(FAILED_STEP.format(deployment="$1"), deployment)
    return found or ""


async def plan(
    connection: Connection, job: int, token: str, steps: Sequence[PlannedStep]
) -> list[TaskRun]:
    """Write down all steps of a job before the first runs; none when the token is not valid.

    Doing so again, after a worker asked twice, gives the same rows.
    """
    rows = await connection.fetch(
        PLAN,
        job,
        token,
        [step.rank for step in steps],
        [step.kind for step in steps],
        [step.name for step in steps],
        [step.task_id for step in steps],
        [step.version for step in steps],
    )
    return sorted(map(read, rows), key=lambda run: run.rank)


async def abandon(connection: Connection, job: int, result: str, at: datetime) -> None:
    """End every step of a job that will not report any more; those never begun were skipped."""
    await connection.execute(ABANDON, job, result, at)


async def conclude(connection: Connection, job: int, result: str, error: str, at: datetime) -> None:
    """End the steps of a job that a service has reported on; `error` is the task's, if any."""
    await connection.execute(CONCLUDE, job, result, error, at)


async def of_job(connection: Connection, job: int) -> list[TaskRun]:
    """The steps of a job in their order."""
    rows = await connection.fetch("SELECT * FROM task_runs WHERE job_id = $1 ORDER BY rank", job)
    return list(map(read, rows))


async def of_build(connection: Connection, build_id: int) -> list[TaskRun]:
    """The steps of all jobs of a build, jobs and steps in their order."""
    rows = await connection.fetch(
        "SELECT * FROM task_runs WHERE build_id = $1 ORDER BY job_id, rank", build_id
    )
    return list(map(read, rows))


async def of_release(connection: Connection, release_id: int) -> list[TaskRun]:
    """The steps of all jobs of a release, jobs and steps in their order."""
    rows = await connection.fetch(
        "SELECT * FROM task_runs WHERE release_id = $1 ORDER BY job_id, rank", release_id
    )
    return list(map(read, rows))
