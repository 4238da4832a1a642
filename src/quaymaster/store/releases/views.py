"""Releases as they are shown: everything about some of them, with all attempts and steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.plan import Plan, StagePlan
from quaymaster.domain.release import (
    Approval,
    GateRun,
    Intervention,
    JobKind,
    Outcome,
    PersonId,
    Quarantine,
    ReleaseId,
    Report,
)
from quaymaster.domain.statuses import (
    DeploymentReason,
    DeploymentStatus,
    JobStatus,
    OperationStatus,
    Priority,
    ReleaseReason,
    ReleaseStatus,
    StageStatus,
)
from quaymaster.store.jobs.task_runs import TaskRun
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.records import ReleaseArtifact
from quaymaster.store.storage import bodies

HEAD_COLUMNS = """
  r.id, r.project_id, p.name AS project_name, r.definition_id, f.name AS definition_name,
  f.path AS definition_path, r.definition_revision, r.name, r.status, r.reason, r.description,
  r.created_by, r.created_for, r.created_at, r.modified_by, r.modified_at, r.keep_forever,
  r.is_deleted, r.tags, r.snapshot_revision, r.triggering_alias, r.variables, r.artifacts,
  r.properties, r.quarantine
"""
HEAD_TABLES = """
FROM releases r JOIN definitions f ON f.id = r.definition_id JOIN projects p ON p.id = r.project_id
"""

APPROVALS = """
coalesce((SELECT json_agg(approval) FROM (
  SELECT a.id, a.side, a.position, a.rank, a.approver, a.status, a.created_at, a.modified_at,
    a.due_at, a.is_automated, a.approved_by, a.comment, a.revision, a.earlier
  FROM approvals a WHERE a.deployment_id = d.id ORDER BY a.id) approval), '[]')
"""

DEPLOYMENT_COLUMNS = """
  d.id, d.attempt, d.reason, d.requested_by, d.requested_for, d.queued_at, d.modified_at,
  d.modified_by, d.after_stages, d.scheduled_for, d.deferred_until, d.entered_queue_at,
  d.has_slot, d.cancel_requested_at, d.outcome, d.status, d.operation_status, d.started_at,
  d.completed_at, d.comment
"""

STAGES = f"""
coalesce((SELECT json_agg(stage) FROM (
  SELECT s.id, s.definition_stage_id, s.rank, s.name, s.status, s.is_manual, s.trigger_reason,
    s.variables, s.created_at, s.modified_at, encode(s.plan_digest, 'hex') AS plan_digest,
    coalesce((SELECT json_agg(one) FROM (
      SELECT {DEPLOYMENT_COLUMNS}, d.variables, d.report, d.problem, d.rolls_back, d.override,
        d.only_targets, d.priority, {APPROVALS} AS approvals,
        coalesce((SELECT json_agg(gate) FROM (
          SELECT g.id, g.side, g.started_at, g.samples, g.ignored, g.succeeding_since,
            g.ended_as, g.ended_at
          FROM gate_runs g WHERE g.deployment_id = d.id ORDER BY g.id) gate), '[]') AS gates,
        coalesce((SELECT json_agg(intervention) FROM (
          SELECT i.id, i.phase_rank, i.position, i.name, i.instructions, i.status, i.created_at,
            i.modified_at, i.due_at, i.resumes_on_timeout, i.answered_by, i.comment
          FROM interventions i WHERE i.deployment_id = d.id ORDER BY i.id) intervention),
          '[]') AS interventions,
        coalesce((SELECT json_agg(phase) FROM (
          SELECT ph.id, ph.rank, ph.started_at, ph.is_skipped, ph.is_tolerant, ph.problem,
            coalesce((SELECT json_agg(job) FROM (
              SELECT j.id, j.position, j.name, j.status, j.worker, w.name AS worker_name,
                j.queue_id, j.created_at, j.started_at, j.ended_at, j.error, j.kind, j.due_at,
                j.target,
                coalesce((SELECT json_agg(t ORDER BY t.rank)
                  FROM task_runs t WHERE t.job_id = j.id), '[]') AS steps
              FROM jobs j LEFT JOIN workers w ON w.id = j.worker
              WHERE j.phase_id = ph.id ORDER BY j.id) job), '[]') AS jobs
          FROM phases ph WHERE ph.deployment_id = d.id ORDER BY ph.id) phase), '[]') AS phases
      FROM deployments d WHERE d.stage_id = s.id ORDER BY d.attempt) one), '[]') AS attempts
  FROM stages s WHERE s.release_id = r.id ORDER BY s.rank, s.id) stage), '[]')::text
"""

VIEWS = f"""
SELECT {HEAD_COLUMNS}, r.plan_digest, r.document_digest, {STAGES} AS stages
{HEAD_TABLES}
WHERE r.id = ANY($1::bigint[]) AND ($2::uuid IS NULL OR r.project_id = $2)
"""


@dataclass(frozen=True, slots=True)
class ReleaseHead:
    """What a list shows of a release."""

    id: int
    project_id: UUID
    project_name: str
    definition_id: int
    definition_name: str
    definition_path: str
    definition_revision: int
    name: str
    status: ReleaseStatus
    reason: ReleaseReason
    description: str
    created_by: PersonId | None
    created_for: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime
    keep_forever: bool
    is_deleted: bool
    tags: tuple[str, ...]
    snapshot_revision: int
    triggering_alias: str
    variables: Mapping[str, str]
    artifacts: tuple[ReleaseArtifact, ...]
    properties: Mapping[str, Any]
    quarantine: Quarantine | None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with the steps of its timeline; its token is nobody's business."""

    id: int
    position: int
    name: str
    status: JobStatus
    worker: str
    worker_name: str | None
    queue_id: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str
    kind: JobKind
    due_at: datetime | None
    target: int
    steps: tuple[TaskRun, ...]


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A phase that was begun or skipped, with its jobs."""

    id: int
    rank: int
    started_at: datetime
    is_skipped: bool
    is_tolerant: bool
    problem: str
    jobs: tuple[JobView, ...]


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """What lists and releases show alike of one deployment of a stage: DEPLOYMENT_COLUMNS."""

    id: int
    attempt: int
    reason: DeploymentReason
    requested_by: PersonId | None
    requested_for: PersonId | None
    queued_at: datetime
    modified_at: datetime
    modified_by: PersonId | None
    after_stages: tuple[str, ...]
    scheduled_for: datetime | None
    deferred_until: datetime | None
    entered_queue_at: datetime | None
    has_slot: bool
    cancel_requested_at: datetime | None
    outcome: Outcome | None
    status: DeploymentStatus
    operation_status: OperationStatus
    started_at: datetime | None
    completed_at: datetime | None
    comment: str


@dataclass(frozen=True, slots=True)
class AttemptView(AttemptFacts):
    """One deployment of a stage with all that was asked, gated and run for it."""

    report: Report | None
    problem: str
    rolls_back: ReleaseId | None
    override: str
    variables: Mapping[str, str]
    only_targets: tuple[int, ...]
    priority: Priority
    approvals: tuple[Approval, ...]
    gates: tuple[GateRun, ...]
    interventions: tuple[Intervention, ...]
    phases: tuple[PhaseView, ...]


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage with all its attempts, oldest first. `plan` is what its next attempt would run."""

    id: int
    definition_stage_id: int
    rank: int
    name: str
    status: StageStatus
    is_manual: bool
    trigger_reason: str
    variables: Mapping[str, str]
    created_at: datetime
    modified_at: datetime
    attempts: tuple[AttemptView, ...]
    plan: StagePlan

    @property
    def newest(self) -> AttemptView | None:
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release with everything below it. `document_digest` leads to the snapshot's document."""

    head: ReleaseHead
    plan: Plan
    document_digest: bytes
    stages: tuple[StageView, ...]


class _StageRow(msgspec.Struct):
    """A stage as the statement gives it: its plan is still a digest."""

    id: int
    definition_stage_id: int
    rank: int
    name: str
    status: StageStatus
    is_manual: bool
    trigger_reason: str
    variables: dict[str, str]
    created_at: datetime
    modified_at: datetime
    plan_digest: str | None
    attempts: tuple[AttemptView, ...]


_stages = msgspec.json.Decoder(list[_StageRow])
_variables = msgspec.json.Decoder(dict[str, str])
_artifacts = msgspec.json.Decoder(tuple[ReleaseArtifact, ...])
_quarantine = msgspec.json.Decoder(Quarantine | None)
_properties = msgspec.json.Decoder(dict[str, Any])


def head_of(row: asyncpg.Record) -> ReleaseHead:
    """The record of a row that has HEAD_COLUMNS, and perhaps more."""
    values: dict[str, Any] = {name: row[name] for name in ReleaseHead.__slots__}
    values["status"] = ReleaseStatus(row["status"])
    values["reason"] = ReleaseReason(row["reason"])
    values["tags"] = tuple(row["tags"])
    values["variables"] = _variables.decode(row["variables"])
    values["artifacts"] = _artifacts.decode(row["artifacts"])
    values["properties"] = _properties.decode(row["properties"])
    values["quarantine"] = _quarantine.decode(row["quarantine"] or "null")
    return ReleaseHead(**values)


async def get(connection: Connection, project: UUID | None, release_id: int) -> ReleaseView | None:
    """One release, deleted or not; None when there is none in this project (None: in any)."""
    found = await get_many(connection, project, [release_id])
    return found.get(release_id)


async def get_many(
    connection: Connection, project: UUID | None, release_ids: Sequence[int]
) -> dict[int, ReleaseView]:
    """Those of these releases that exist in the project (None: in any), by id."""
    rows = await connection.fetch(VIEWS, list(release_ids), project)
    return {row["id"]: await _view(connection, row) for row in rows}


async def _view(connection: Connection, row: asyncpg.Record) -> ReleaseView:
    plan = await bodies.plan(connection, row["plan_digest"])
    stages = _stages.decode(row["stages"])
    digests = [bytes.fromhex(stage.plan_digest) for stage in stages if stage.plan_digest]
    own = await bodies.stage_plans(connection, digests) if digests else {}
    common = {stage.definition_stage_id: stage for stage in plan.stages}
    return ReleaseView(
        head=head_of(row),
        plan=plan,
        document_digest=row["document_digest"],
        stages=tuple(_stage(stage, common, own) for stage in stages),
    )


def _stage(
    row: _StageRow, common: Mapping[int, StagePlan], own: Mapping[bytes, StagePlan]
) -> StageView:
    values = msgspec.structs.asdict(row)
    digest = values.pop("plan_digest")
    plan = own[bytes.fromhex(digest)] if digest else common[row.definition_stage_id]
    return StageView(**values, plan=plan)


async def document(connection: Connection, view: ReleaseView) -> str:
    """The snapshot of the definition that the release runs, as JSON text."""
    return await bodies.document(connection, view.document_digest)
