"""A release as rows: how its records are read, and which columns each of them fills."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from quaymaster.domain import status
from quaymaster.domain.freezes import Freeze, FreezeKind, Hold, OnRunning
from quaymaster.domain.plan import Plan, StagePlan
from quaymaster.domain.release import (
    Approval,
    ArtifactVersion,
    Deployment,
    GateRun,
    Intervention,
    Job,
    PersonId,
    Phase,
    Quarantine,
    Release,
    ReleaseId,
    Stage,
    StageId,
)
from quaymaster.domain.statuses import ReleaseReason, ReleaseStatus, StageStatus

# The published bit of each stage status: a release's mask says which statuses its stages have.
STAGE_BITS = {
    StageStatus.NOT_STARTED: 1,
    StageStatus.IN_PROGRESS: 2,
    StageStatus.SUCCEEDED: 4,
    StageStatus.CANCELED: 8,
    StageStatus.REJECTED: 16,
    StageStatus.QUEUED: 32,
    StageStatus.SCHEDULED: 64,
    StageStatus.PARTIALLY_SUCCEEDED: 128,
    StageStatus.UNDEFINED: 0,
}

# The doors of the installation and of the definition stand open to decisions, which lock the
# release behind them. Whoever sets a freeze, or rolls an environment back, closes one for a
# moment: decisions under way are then over, and later ones see what was set (DESIGN 6, I3).
#
# What a decision asks and writes it finds by ids, so that its statements are planned once and not
# for every value: for the largest of them planning took longer than the writing.
LOCK = """
WITH doors AS MATERIALIZED (
  SELECT set_config('plan_cache_mode', 'force_generic_plan', true),
    pg_advisory_xact_lock_shared(1366646899, 0),
    pg_advisory_xact_lock_shared(1366646900, (definition_id % 2147483647)::integer)
  FROM releases WHERE id = $1)
SELECT true FROM releases r, doors WHERE r.id = $1 FOR NO KEY UPDATE OF r
"""
# The same for several releases, none of them waited for: only the ids of those that are locked now.
LOCK_AT_ONCE = """
WITH asked AS MATERIALIZED (
  SELECT id, definition_id FROM releases WHERE id = ANY ($1::bigint[])),
doors AS MATERIALIZED (
  SELECT set_config('plan_cache_mode', 'force_generic_plan', true),
    pg_try_advisory_xact_lock_shared(1366646899, 0) AS is_open),
opened AS MATERIALIZED (
  SELECT definition_id FROM (SELECT DISTINCT definition_id FROM asked) AS about
  WHERE (SELECT is_open FROM doors)
    AND pg_try_advisory_xact_lock_shared(1366646900, (definition_id % 2147483647)::integer))
SELECT r.id FROM releases r
WHERE r.id = ANY (ARRAY(SELECT asked.id FROM asked JOIN opened USING (definition_id)))
FOR NO KEY UPDATE OF r SKIP LOCKED
"""
CLOSE_ALL = "SELECT pg_advisory_xact_lock(1366646899, 0)"
CLOSE_ONE = """
SELECT pg_advisory_xact_lock_shared(1366646899, 0),
  pg_advisory_xact_lock(1366646900, ($1::bigint % 2147483647)::integer)
"""

FREEZE_COLUMNS = """
  f.id, f.kind, f.reason, f.running, f.starts_at, f.ends_at, f.cron, f.duration_minutes,
  f.time_zone, f.project_id, f.definition_id, f.environment_id, f.created_by
"""


def freezes_reaching(organization: str, place: str, environment: str = "") -> str:
    """The condition for the freezes `f` that reach a place: a row with `project_id` and
    `definition_id`, and there all environments unless one is named.

    What ended a while ago is left out. When exactly it ends is decided by the clock of whoever
    asks, which need not be that of the database (`freeze_times.in_force`).
    """
    reaching = f"""f.lifted_at IS NULL AND f.organization_id = {organization}
        AND (f.ends_at IS NULL OR f.ends_at > now() - interval '1 day')
        AND coalesce(f.project_id, {place}.project_id) = {place}.project_id
        AND coalesce(f.definition_id, {place}.definition_id) = {place}.definition_id"""
    if not environment:
        return reaching
    return f"{reaching} AND coalesce(f.environment_id, {environment}) = {environment}"


ORGANIZATION = "(SELECT organization_id FROM projects WHERE id = r.project_id)"

LOAD = f"""
SELECT row_to_json(release)::text FROM (
  SELECT r.id, r.status, r.reason, r.name, r.description, r.created_by, r.created_for,
    r.created_at, r.modified_by, r.modified_at, r.keep_forever, r.variables, r.artifacts,
    encode(r.plan_digest, 'hex') AS plan_digest, r.quarantine,
    r.is_deleted OR (SELECT f.is_deleted FROM definitions f WHERE f.id = r.definition_id)
      AS is_deleted,
    coalesce((SELECT json_agg(frozen) FROM (
      SELECT {FREEZE_COLUMNS} FROM freezes f
      WHERE {freezes_reaching(ORGANIZATION, "r")}
      ORDER BY f.id) frozen), '[]') AS freezes,
    coalesce((SELECT json_agg(hold) FROM (
      SELECT h.environment_id, h.reason, h.held_by, h.held_at
      FROM holds h WHERE h.definition_id = r.definition_id) hold), '[]') AS holds,
    coalesce((SELECT json_agg(stage) FROM (
      SELECT s.id, s.definition_stage_id, encode(s.plan_digest, 'hex') AS plan_digest,
        s.modified_at, s.is_manual, s.evaluated, s.trigger_reason, s.variables,
        (SELECT row_to_json(deployment) FROM (
          SELECT d.id, d.attempt, d.reason, d.requested_by, d.requested_for, d.queued_at,
            d.modified_at, d.modified_by, d.after_stages, d.scheduled_for, d.deferred_until,
            d.entered_queue_at, d.has_slot, d.priority, d.cancel_requested_at, d.outcome,
            d.completed_at, d.comment, d.variables, d.report, d.problem, d.rolls_back, d.override,
            d.only_targets,
            coalesce((SELECT json_agg(approval) FROM (
              SELECT a.id, a.side, a.position, a.rank, a.approver, a.status, a.created_at,
                a.modified_at, a.due_at, a.is_automated, a.approved_by, a.comment, a.revision,
                a.earlier
              FROM approvals a WHERE a.deployment_id = d.id ORDER BY a.id) approval),
              '[]') AS approvals,
            coalesce((SELECT json_agg(gate) FROM (
              SELECT g.id, g.side, g.started_at, g.samples, g.ignored, g.succeeding_since,
                g.ended_as, g.ended_at
              FROM gate_runs g WHERE g.deployment_id = d.id ORDER BY g.id) gate),
              '[]') AS gates,
            coalesce((SELECT json_agg(intervention) FROM (
              SELECT i.id, i.phase_rank, i.position, i.name, i.instructions, i.status,
                i.created_at, i.modified_at, i.due_at, i.resumes_on_timeout, i.answered_by,
                i.comment
              FROM interventions i WHERE i.deployment_id = d.id ORDER BY i.id) intervention),
              '[]') AS interventions,
            coalesce((SELECT json_agg(phase) FROM (
              SELECT p.id, p.rank, p.started_at, p.is_skipped, p.problem, p.is_tolerant,
                coalesce((SELECT json_agg(job) FROM (
                  SELECT j.id, j.position, j.name, j.status, j.created_at, j.worker, j.token,
                    j.started_at, j.ended_at, j.error, j.kind, j.due_at, j.target, j.variables
                  FROM jobs j WHERE j.phase_id = p.id ORDER BY j.id) job), '[]') AS jobs
              FROM phases p WHERE p.deployment_id = d.id ORDER BY p.id) phase),
              '[]') AS phases
          FROM deployments d WHERE d.id = s.newest_deployment_id) deployment) AS newest
      FROM stages s WHERE s.release_id = r.id ORDER BY s.rank, s.id) stage), '[]') AS stages
  FROM releases r WHERE r.id = ANY ($1::bigint[])) release
"""


class StageRow(msgspec.Struct):
    """A stage as it is stored; its plan stands in the release's plan or under its own digest."""

    id: int
    definition_stage_id: int
    plan_digest: str | None
    modified_at: datetime
    is_manual: bool
    evaluated: frozenset[tuple[str, int]]
    trigger_reason: str
    variables: dict[str, str]
    newest: Deployment | None


class FreezeRow(msgspec.Struct):
    """A freeze that reaches the release's definition."""

    id: int
    kind: FreezeKind
    reason: str
    running: OnRunning
    starts_at: datetime | None
    ends_at: datetime | None
    cron: str
    duration_minutes: int
    time_zone: str
    project_id: str | None
    definition_id: int | None
    environment_id: int | None
    created_by: str | None

    def freeze(self) -> Freeze:
        told = msgspec.structs.asdict(self)
        duration = timedelta(minutes=told.pop("duration_minutes"))
        return Freeze(**told, duration=duration)


class ReleaseRow(msgspec.Struct):
    """A release as it is stored, with the newest attempt of every stage."""

    id: int
    status: ReleaseStatus
    reason: ReleaseReason
    name: str
    description: str
    created_by: PersonId | None
    created_for: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime
    keep_forever: bool
    variables: dict[str, str]
    artifacts: tuple[ArtifactVersion, ...]
    plan_digest: str
    quarantine: Quarantine | None
    is_deleted: bool
    freezes: list[FreezeRow]
    holds: tuple[Hold, ...]
    stages: list[StageRow]


decoder = msgspec.json.Decoder(ReleaseRow)


def release_of(row: ReleaseRow, plan: Plan, own: Mapping[str, StagePlan]) -> Release:
    """The domain record; `own` are the plans of stages that differ from the release's plan."""
    plans = {stage.definition_stage_id: stage for stage in plan.stages}
    stages = tuple(
        Stage(
            id=StageId(stage.id),
            plan=own[stage.plan_digest] if stage.plan_digest else plans[stage.definition_stage_id],
            modified_at=stage.modified_at,
            is_manual=stage.is_manual,
            evaluated=stage.evaluated,
            trigger_reason=stage.trigger_reason,
            newest=stage.newest,
            variables=stage.variables,
        )
        for stage in row.stages
    )
    return Release(
        id=ReleaseId(row.id),
        plan=plan,
        status=row.status,
        reason=row.reason,
        created_by=row.created_by,
        created_for=row.created_for,
        created_at=row.created_at,
        modified_at=row.modified_at,
        modified_by=row.modified_by,
        stages=stages,
        name=row.name,
        description=row.description,
        keep_forever=row.keep_forever,
        artifacts=row.artifacts,
        variables=row.variables,
        quarantine=row.quarantine,
        is_deleted=row.is_deleted,
        freezes=tuple(freeze.freeze() for freeze in row.freezes),
        holds=row.holds,
    )


def release_columns(release: Release) -> dict[str, Any]:
    """The columns of a release that can change, but for those that another table decides."""
    return {
        "id": release.id,
        "status": release.status,
        "reason": release.reason,
        "name": release.name,
        "name_key": release.name.casefold(),
        "description": release.description,
        "created_by": release.created_by,
        "created_for": release.created_for,
        "created_at": release.created_at,
        "modified_by": release.modified_by,
        "modified_at": release.modified_at,
        "keep_forever": release.keep_forever,
        "variables": release.variables,
        "quarantine": release.quarantine,
        "stage_mask": stage_mask(release),
    }


def stage_mask(release: Release) -> int:
    """Which statuses the stages have, as the published bits."""
    mask = 0
    for stage in release.stages:
        mask |= STAGE_BITS[status.stage_status(stage)]
    return mask


def stage_columns(stage: Stage) -> dict[str, Any]:
    newest = stage.newest
    return {
        "id": stage.id,
        "status": status.stage_status(stage),
        "is_manual": stage.is_manual,
        "evaluated": stage.evaluated,
        "trigger_reason": stage.trigger_reason,
        "variables": stage.variables,
        "modified_at": stage.modified_at,
        "attempt": newest.attempt if newest else 0,
        "newest_deployment_id": newest.id if newest else None,
    }


def deployment_columns(stage: Stage, deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "stage_id": stage.id,
        "attempt": deployment.attempt,
        "reason": deployment.reason,
        "requested_by": deployment.requested_by,
        "requested_for": deployment.requested_for,
        "queued_at": deployment.queued_at,
        "modified_at": deployment.modified_at,
        "modified_by": deployment.modified_by,
        "after_stages": deployment.after_stages,
        "scheduled_for": deployment.scheduled_for,
        "deferred_until": deployment.deferred_until,
        "entered_queue_at": deployment.entered_queue_at,
        "has_slot": deployment.has_slot,
        "priority": deployment.priority,
        "cancel_requested_at": deployment.cancel_requested_at,
        "outcome": deployment.outcome,
        "status": status.deployment_status(stage, deployment),
        "operation_status": status.operation_status(stage, deployment),
        "started_at": deployment.started_at,
        "completed_at": deployment.completed_at,
        "comment": deployment.comment,
        "variables": deployment.variables,
        "report": deployment.report,
        "problem": deployment.problem,
        "rolls_back": deployment.rolls_back,
        "override": deployment.override,
        "only_targets": deployment.only_targets,
    }


def approval_columns(stage: Stage, deployment: Deployment, approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.id,
        "deployment_id": deployment.id,
        "stage_id": stage.id,
        "side": approval.side,
        "position": approval.position,
        "rank": approval.rank,
        "approver": approval.approver,
        "status": approval.status,
        "created_at": approval.created_at,
        "modified_at": approval.modified_at,
        "due_at": approval.due_at,
        "is_automated": approval.is_automated,
        "approved_by": approval.approved_by,
        "comment": approval.comment,
        "revision": approval.revision,
        "earlier": approval.earlier,
    }


def gate_columns(stage: Stage, deployment: Deployment, gate: GateRun) -> dict[str, Any]:
    return {
        "id": gate.id,
        "deployment_id": deployment.id,
        "stage_id": stage.id,
        "side": gate.side,
        "started_at": gate.started_at,
        "samples": gate.samples,
        "ignored": gate.ignored,
        "succeeding_since": gate.succeeding_since,
        "ended_as": gate.ended_as,
        "ended_at": gate.ended_at,
    }


def intervention_columns(
    stage: Stage, deployment: Deployment, asked: Intervention
) -> dict[str, Any]:
    return {
        "id": asked.id,
        "deployment_id": deployment.id,
        "stage_id": stage.id,
        "phase_rank": asked.phase_rank,
        "position": asked.position,
        "name": asked.name,
        "instructions": asked.instructions,
        "status": asked.status,
        "created_at": asked.created_at,
        "modified_at": asked.modified_at,
        "due_at": asked.due_at,
        "resumes_on_timeout": asked.resumes_on_timeout,
        "answered_by": asked.answered_by,
        "comment": asked.comment,
    }


def phase_columns(deployment: Deployment, phase: Phase) -> dict[str, Any]:
    return {
        "id": phase.id,
        "deployment_id": deployment.id,
        "rank": phase.rank,
        "started_at": phase.started_at,
        "is_skipped": phase.is_skipped,
        "problem": phase.problem,
        "is_tolerant": phase.is_tolerant,
    }


def job_columns(stage: Stage, deployment: Deployment, phase: Phase, job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "phase_id": phase.id,
        "deployment_id": deployment.id,
        "position": job.position,
        "name": job.name,
        "status": job.status,
        "queue_id": stage.phase_plan(phase).queue_id,
        "created_at": job.created_at,
        "worker": job.worker,
        "token": job.token,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "error": job.error,
        "kind": job.kind,
        "due_at": job.due_at,
        "target": job.target,
        "variables": job.variables,
    }
