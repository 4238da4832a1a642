"""What services that were asked are to report, and what they have reported (SEMANTICS 20.3).

A row is valid as long as its job runs, or its sample is open: there is nothing to withdraw, and
nothing that a lost withdrawal could leave behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.store.jobs.task_runs import StepOutput
from quaymaster.store.postgres.database import Connection

MOST_LOG = 16 * 1024 * 1024  # bytes of a step's log with what a service told meanwhile

COLUMNS = """
SELECT c.id, coalesce(c.release_id, 0) AS release_id, coalesce(c.build_id, 0) AS build_id,
  c.project_id, c.job_id, c.task_run_id, c.gate_run_id, c.sample, c.rank,
  c.plan_id, c.job_guid, c.task_instance_id, c.expires_at, c.asked_at, c.answered_at, c.result,
  c.message, c.evidence,
  CASE WHEN c.job_id IS NOT NULL THEN EXISTS (
    SELECT FROM jobs j WHERE j.id = c.job_id AND j.status = 'running')
  ELSE EXISTS (
    SELECT FROM gate_runs g JOIN deployments d ON d.id = g.deployment_id
    WHERE g.id = c.gate_run_id AND g.ended_as IS NULL AND d.outcome IS NULL
      AND (g.samples -> -1 ->> 'number')::integer = c.sample
      AND g.samples -> -1 ->> 'ended_at' IS NULL)
  END AS is_open
FROM call_backs c
"""

FOR_JOB = """
INSERT INTO call_backs (release_id, project_id, job_id, task_run_id, plan_id, job_guid,
  task_instance_id, token_sha256, expires_at, build_id)
VALUES (nullif($1::bigint, 0), $2, $3, $4, $5, $6, $7, $8, $9, nullif($10::bigint, 0))
ON CONFLICT (job_id) DO UPDATE SET token_sha256 = excluded.token_sha256,
  expires_at = excluded.expires_at
"""

# A sample that is asked again after its worker died: whoever was asked already is not asked twice.
FOR_GATE = """
INSERT INTO call_backs (release_id, project_id, gate_run_id, sample, rank, plan_id, job_guid,
  task_instance_id, token_sha256, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (gate_run_id, sample, rank) DO UPDATE SET token_sha256 = excluded.token_sha256
WHERE call_backs.asked_at IS NULL AND call_backs.answered_at IS NULL
"""

APPEND = """
WITH step AS (
  SELECT id, last_sequence + 1 AS sequence, line_count + 1 AS first_line FROM task_runs
  WHERE id = $1 FOR UPDATE
),
logged AS (
  INSERT INTO log_chunks (task_run_id, sequence, first_line, line_count, byte_count, body)
  SELECT id, sequence, first_line, $2, length($3::bytea), $3 FROM step
)
UPDATE task_runs t SET last_sequence = step.sequence, line_count = t.line_count + $2,
  log_bytes = t.log_bytes + length($3::bytea)
FROM step WHERE t.id = step.id
"""


@dataclass(frozen=True, slots=True)
class CallBack:
    """One report that is awaited, in a release or a build (the other id is 0).

    `result` is a job's status once it has come; `is_open` says whether it still matters.
    `evidence` are lines that are in no log yet.
    """

    id: int
    release_id: int
    build_id: int
    project_id: UUID
    job_id: int | None
    task_run_id: int | None
    gate_run_id: int | None
    sample: int | None
    rank: int | None
    plan_id: UUID
    job_guid: UUID
    task_instance_id: UUID
    expires_at: datetime
    asked_at: datetime | None
    answered_at: datetime | None
    result: str
    message: str
    evidence: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Names:
    """The ids under which a service knows what it was asked for."""

    plan: UUID
    job: UUID
    task_instance: UUID


def _call_back(row: "asyncpg.Record | None") -> CallBack | None:
    values: dict[str, Any] = dict(row) if row else {}
    return CallBack(**values) if values else None


async def of_token(connection: Connection, sha256: bytes, now: datetime) -> CallBack | None:
    """What may be reported with this token; None for an unknown or expired one."""
    return _call_back(
        await connection.fetchrow(
            f"{COLUMNS} WHERE c.token_sha256 = $1 AND c.expires_at > $2", sha256, now
        )
    )


async def get(connection: Connection, number: int) -> CallBack | None:
    """One of them by its id."""
    return _call_back(await connection.fetchrow(f"{COLUMNS} WHERE c.id = $1", number))


async def of_job(connection: Connection, job: int) -> CallBack | None:
    """What is to be reported on this job."""
    return _call_back(await connection.fetchrow(f"{COLUMNS} WHERE c.job_id = $1", job))


async def of_sample(connection: Connection, gate_run: int, sample: int) -> dict[int, CallBack]:
    """What is to be reported on the gates of a sample, and what the others have answered, by the
    rank of the gate."""
    rows = await connection.fetch(
        f"{COLUMNS} WHERE c.gate_run_id = $1 AND c.sample = $2", gate_run, sample
    )
    return {row["rank"]: found for row in rows if (found := _call_back(row))}


@dataclass(frozen=True, slots=True)
class JobPlace:
    """A job of a server phase and the step of it whose log the service adds to; it is a release's
    or a build's, and the other id is 0."""

    release: int
    project: UUID
    job: int
    step: int
    build: int = 0


async def for_job(
    connection: Connection, place: JobPlace, names: Names, sha256: bytes, expires_at: datetime
) -> None:
    """Expect a report on a job; asked again, the newer token is the valid one."""
    await connection.execute(
        FOR_JOB,
        place.release,
        place.project,
        place.job,
        place.step,
        names.plan,
        names.job,
        names.task_instance,
        sha256,
        expires_at,
        place.build,
    )


@dataclass(frozen=True, slots=True)
class GatePlace:
    """A gate of a sample, by its rank in it (from 1)."""

    release: int
    project: UUID
    gate_run: int
    sample: int
    rank: int


async def for_gate(
    connection: Connection,
    place: GatePlace,
    names: Names,
    sha256: bytes | None,
    expires_at: datetime,
) -> None:
    """Expect a report on a gate; without a token, only its answer is to be kept."""
    await connection.execute(
        FOR_GATE,
        place.release,
        place.project,
        place.gate_run,
        place.sample,
        place.rank,
        names.plan,
        names.job,
        names.task_instance,
        sha256,
        expires_at,
    )


async def asked(connection: Connection, number: int, evidence: str, at: datetime) -> None:
    """The service has taken the request; what was said so far stands before what it told since."""
    await connection.execute(
        "UPDATE call_backs SET asked_at = $2, evidence = $3 || evidence WHERE id = $1",
        number,
        at,
        evidence,
    )


async def answer(
    connection: Connection, number: int, result: str, message: str, at: datetime
) -> bool:
    """Keep the first report; False when there was one already."""
    kept = await connection.fetchval(
        "UPDATE call_backs SET answered_at = $4, result = $2, message = $3"
        " WHERE id = $1 AND answered_at IS NULL RETURNING id",
        number,
        result,
        message,
        at,
    )
    return kept is not None


async def keep_lines(connection: Connection, number: int, lines: str, most: int) -> bool:
    """Keep lines for the evidence; False, and nothing, when it would have more characters."""
    kept = await connection.fetchval(
        "UPDATE call_backs SET evidence = evidence || $2"
        " WHERE id = $1 AND length(evidence) + length($2) <= $3 RETURNING id",
        number,
        lines,
        most,
    )
    return kept is not None


async def log_lines(connection: Connection, step: int, body: bytes, most: int) -> bool:
    """Append whole lines to the log of a step that no worker reports on; False when it is full."""
    size: int | None = await connection.fetchval(
        "SELECT log_bytes FROM task_runs WHERE id = $1 FOR UPDATE", step
    )
    if size is None or size + len(body) > most:
        return False
    await connection.execute(APPEND, step, body.count(b"\n"), body)
    return True


async def clear_evidence(connection: Connection, number: int) -> None:
    """Its lines are in a log now."""
    await connection.execute("UPDATE call_backs SET evidence = '' WHERE id = $1", number)


async def settled(connection: Connection, job: int, at: datetime) -> CallBack | None:
    """What is to be reported on a job whose service was asked: lines that have come by now are put
    into the log of its step. None for a job on which nothing is."""
    about = await of_job(connection, job)
    if about is None:
        return None
    if about.evidence and about.task_run_id is not None:
        body = about.evidence.encode("utf-8", "replace")
        await log_lines(connection, about.task_run_id, body, 2 * len(body) + MOST_LOG)
    await asked(connection, about.id, "", at)
    await clear_evidence(connection, about.id)
    return about


async def keep_outputs(connection: Connection, step: int, outputs: Sequence[StepOutput]) -> None:
    """Show what a step that no worker reports on has set."""
    await connection.execute(
        "UPDATE task_runs SET outputs = $2 WHERE id = $1",
        step,
        msgspec.json.encode(outputs).decode(),
    )


async def show_progress(
    connection: Connection, step: int, percent: int | None, operation: str | None
) -> None:
    """How far a step is that no worker reports on; None leaves a part as it is."""
    await connection.execute(
        "UPDATE task_runs SET percent = coalesce($2, percent),"
        " operation = coalesce($3, operation) WHERE id = $1 AND result = ''",
        step,
        percent,
        operation,
    )
