"""Workflows outside that were asked, or are to be: builds of releases and deployments (AVIATOR 1).

A row is taken by one process at a time, for as long as its claim runs; whoever dies over it is
followed by another. What was kept says whether the far side may have been asked already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain import workflows
from quaymaster.domain.errors import NotFound
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.domain.workflows import Workflow
from quaymaster.store.postgres.database import Connection

COLUMNS = """
SELECT w.id, w.key, w.release_id, w.deployment_id, w.workflow, w.state, w.status, w.attempts,
  w.cancel_wanted, w.run_id, w.url, w.logs_url, w.problem, w.created_at, w.asked_at, w.told_at,
  w.cancel_asked_at, w.due_at, w.claimed_until, r.name AS release_name, r.definition_id,
  r.project_id, f.name AS definition_name, f.path, coalesce(x.repository, '') AS repository,
  coalesce(a.version_id, '') AS commit, d.stage_id, d.definition_stage_id,
  coalesce(e.name, '') AS environment, d.outcome IS NOT NULL AS is_over,
  d.completed_at AS over_since
FROM workflow_runs w JOIN releases r ON r.id = w.release_id
JOIN definitions f ON f.id = r.definition_id
LEFT JOIN repository_definitions x ON x.definition_id = r.definition_id
LEFT JOIN release_artifacts a ON a.release_id = r.id AND a.is_primary
LEFT JOIN deployments d ON d.id = w.deployment_id
LEFT JOIN environments e ON e.id = d.definition_stage_id
"""

QUEUE = """
INSERT INTO workflow_runs (release_id, deployment_id, workflow, created_at, told_at, due_at)
SELECT $1, n.deployment, n.workflow::json, $4, $4, $4
FROM unnest($2::bigint[], $3::text[]) AS n (deployment, workflow)
ON CONFLICT DO NOTHING RETURNING id
"""

CLAIM = """
UPDATE workflow_runs SET claimed_until = $3 WHERE id = $1 AND state <> 'ended'
  AND due_at <= $2 AND (claimed_until IS NULL OR claimed_until <= $2) RETURNING id
"""


class RunState(StrEnum):
    """How far a run is: SENDING may have reached the far side or not."""

    UNSENT = "unsent"
    SENDING = "sending"
    SENT = "sent"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run with the facts that it is about.

    `status` is what it was last told to stand at; `run_id` is what the far side calls it, "" as
    long as nobody knows. The stage's parts are None for the build of a release; `is_over` says
    that its deployment has ended, `over_since` when, if that is known.
    """

    id: int
    key: UUID
    release_id: int
    deployment_id: int | None
    workflow: Workflow
    state: RunState
    status: ReportedStatus
    attempts: int
    cancel_wanted: bool
    run_id: str
    url: str
    logs_url: str
    problem: str
    created_at: datetime
    asked_at: datetime | None
    told_at: datetime
    cancel_asked_at: datetime | None
    due_at: datetime | None
    claimed_until: datetime | None
    release_name: str
    definition_id: int
    project_id: UUID
    definition_name: str
    path: str
    repository: str
    commit: str
    stage_id: int | None
    definition_stage_id: int | None
    environment: str
    is_over: bool
    over_since: datetime | None


def _run(row: "asyncpg.Record | None") -> WorkflowRun | None:
    if row is None:
        return None
    values: dict[str, Any] = dict(row)
    found = workflows.read(msgspec.json.decode(values["workflow"]))
    if found is None:
        raise RuntimeError(f"workflow run {values['id']} names no method that is known")
    states = {"state": RunState(row["state"]), "status": ReportedStatus(row["status"])}
    return WorkflowRun(**{**values, **states, "workflow": found})


async def queue(
    connection: Connection,
    release: int,
    wanted: Sequence[tuple[int | None, Workflow]],
    at: datetime,
) -> list[int]:
    """Have workflows asked for deployments, or (None) for the build of the release; the new rows.

    A deployment that has a row already is left alone.
    """
    rows = await connection.fetch(
        QUEUE,
        release,
        [deployment for deployment, _ in wanted],
        [msgspec.json.encode(workflows.written(workflow)).decode() for _, workflow in wanted],
        at,
    )
    return [row["id"] for row in rows]


async def want_canceled(
    connection: Connection, deployments: Iterable[int], at: datetime
) -> list[int]:
    """Have the runs of these deployments canceled, if any is not over; which."""
    rows = await connection.fetch(
        "UPDATE workflow_runs SET cancel_wanted = true, due_at = $2"
        " WHERE deployment_id = ANY ($1::bigint[]) AND state <> 'ended' RETURNING id",
        list(deployments),
        at,
    )
    return [row["id"] for row in rows]


async def close(connection: Connection, deployments: Iterable[int]) -> None:
    """Look after the runs of these deployments no more: they ended by somebody else's word."""
    await connection.execute(
        "UPDATE workflow_runs SET state = 'ended', due_at = NULL"
        " WHERE deployment_id = ANY ($1::bigint[]) AND state <> 'ended'",
        list(deployments),
    )


async def claim(
    connection: Connection, number: int, now: datetime, until: datetime
) -> WorkflowRun | None:
    """Take a run that is due; None when it is not, or when somebody else has it."""
    if not await connection.fetchval(CLAIM, number, now, until):
        return None
    return await get(connection, number)


async def get(connection: Connection, number: int) -> WorkflowRun | None:
    return _run(await connection.fetchrow(f"{COLUMNS} WHERE w.id = $1", number))


async def locked(connection: Connection, number: int) -> WorkflowRun:
    """The run as it is now, which nobody else changes until the transaction ends."""
    await connection.execute("SELECT FROM workflow_runs WHERE id = $1 FOR UPDATE", number)
    found = await get(connection, number)
    if found is None:
        raise NotFound("workflow run", number)
    return found


async def of_deployment(connection: Connection, deployment: int) -> WorkflowRun | None:
    return _run(await connection.fetchrow(f"{COLUMNS} WHERE w.deployment_id = $1", deployment))


async def of_build(connection: Connection, release: int) -> WorkflowRun | None:
    return _run(
        await connection.fetchrow(
            f"{COLUMNS} WHERE w.release_id = $1 AND w.deployment_id IS NULL", release
        )
    )


async def of_token(connection: Connection, number: int, sha256: bytes) -> WorkflowRun | None:
    """The run of this number if the token is one that it was asked with."""
    return _run(
        await connection.fetchrow(
            f"{COLUMNS} WHERE w.id = $1 AND $2::bytea = ANY (w.token_hashes)", number, sha256
        )
    )


async def of_run_id(connection: Connection, method: str, run_id: str) -> list[WorkflowRun]:
    """The runs that are not over and that the far side of this method calls so."""
    rows = await connection.fetch(
        f"{COLUMNS} WHERE w.run_id = $2 AND w.state <> 'ended' AND w.workflow ->> 'method' = $1",
        method,
        run_id,
    )
    return [found for row in rows if (found := _run(row))]


async def sending(connection: Connection, number: int, token: bytes, at: datetime) -> None:
    """Keep that the far side is being asked, before it is."""
    await connection.execute(
        "UPDATE workflow_runs SET state = 'sending', attempts = attempts + 1, asked_at = $3,"
        " token_hashes = token_hashes || $2::bytea WHERE id = $1",
        number,
        token,
        at,
    )


async def still_held(connection: Connection, run: WorkflowRun) -> bool:
    """Whether the claim with which this was read is the newest, and the run not over."""
    held: bool = await connection.fetchval(
        "SELECT state <> 'ended' AND claimed_until IS NOT DISTINCT FROM $2"
        " FROM workflow_runs WHERE id = $1 FOR UPDATE",
        run.id,
        run.claimed_until,
    )
    return bool(held)


async def keep(connection: Connection, run: WorkflowRun) -> None:
    """Keep how the run stands, and give up the claim on it. What somebody wanted meanwhile stays:
    a run that is to be canceled by now is due at once."""
    await connection.execute(
        "UPDATE workflow_runs SET state = $2, status = $3, url = $5, logs_url = $6,"
        " run_id = CASE WHEN $4 = '' THEN run_id ELSE $4 END,"
        " problem = $7, told_at = $8, cancel_asked_at = $9, claimed_until = NULL,"
        " due_at = CASE WHEN cancel_wanted AND NOT $11 AND $2 <> 'ended' THEN due_at ELSE $10 END"
        " WHERE id = $1",
        run.id,
        run.state,
        run.status,
        run.run_id,
        run.url,
        run.logs_url,
        run.problem,
        run.told_at,
        run.cancel_asked_at,
        run.due_at,
        run.cancel_wanted,
    )


async def look_now(connection: Connection, number: int, at: datetime, run_id: str = "") -> None:
    """Have the run looked at; `run_id` is what it was found to be called, if nobody knew."""
    await connection.execute(
        "UPDATE workflow_runs SET due_at = $2,"
        " run_id = CASE WHEN run_id = '' THEN $3 ELSE run_id END"
        " WHERE id = $1 AND state <> 'ended'",
        number,
        at,
        run_id,
    )


async def due(connection: Connection, at: datetime, most: int = 500) -> list[int]:
    """Runs that are to be looked at by now."""
    rows = await connection.fetch(
        "SELECT id FROM workflow_runs WHERE state <> 'ended' AND due_at <= $1"
        " AND (claimed_until IS NULL OR claimed_until <= $1) ORDER BY due_at LIMIT $2",
        at,
        most,
    )
    return [row["id"] for row in rows]
