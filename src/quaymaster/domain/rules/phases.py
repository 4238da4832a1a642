"""The work of a deployment: its phases, one after another (SEMANTICS 12)."""

from datetime import datetime, timedelta

from quaymaster.domain.changes import (
    Change,
    JobLost,
    PhaseFailed,
    PhaseSkipped,
    PhaseStarted,
)
from quaymaster.domain.expressions import ExpressionError, evaluate_condition
from quaymaster.domain.plan import PhaseKind, PhasePlan
from quaymaster.domain.release import Deployment, Job, Phase, Release, Side, Stage
from quaymaster.domain.status import (
    BADNESS,
    is_side_clear,
    phase_status,
    phases_result,
)
from quaymaster.domain.statuses import JobStatus, PhaseStatus

OVERDUE_GRACE = timedelta(minutes=5)  # the worker stops a job itself; this is when it did not

JOB_STATUS_SO_FAR = {
    PhaseStatus.SUCCEEDED: "Succeeded",
    PhaseStatus.PARTIALLY_SUCCEEDED: "SucceededWithIssues",
    PhaseStatus.FAILED: "Failed",
    PhaseStatus.CANCELED: "Canceled",
}


def fail_overdue_job(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release
    for phase in deployment.phases:
        for job in phase.jobs:
            due = overdue_after(stage, phase, job)
            if due and due <= now:
                reason = "The job exceeded its maximum execution time and did not stop."
                return JobLost(job.id, job.token, reason)
    return None


def overdue_after(stage: Stage, phase: Phase, job: Job) -> datetime | None:
    """When a running job should long have stopped by itself; None without a time limit."""
    plan = stage.phase_plan(phase)
    if job.status is not JobStatus.RUNNING or not job.started_at or not plan.timeout:
        return None
    return job.started_at + plan.timeout + plan.cancel_timeout + OVERDUE_GRACE


def start_next_phase(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """The next phase starts, or is skipped by its condition, when the one before is over."""
    if not _may_work(stage, deployment):
        return None
    done = {phase.rank for phase in deployment.phases}
    left = sorted((p for p in stage.plan.phases if p.rank not in done), key=lambda p: p.rank)
    if not left:
        return None
    plan = left[0]
    try:
        holds = _condition_holds(release, stage, deployment, plan)
    except ExpressionError as error:
        return PhaseFailed(stage.id, plan.rank, f"Condition of phase {plan.name}: {error}")
    if not holds:
        return PhaseSkipped(stage.id, plan.rank)
    return _started(stage, plan, now)


def _may_work(stage: Stage, deployment: Deployment) -> bool:
    if not deployment.has_slot or deployment.cancel_requested_at or deployment.deferred_until:
        return False
    if not is_side_clear(stage, deployment, Side.PRE):
        return False
    return all(phase_status(phase) in BADNESS for phase in deployment.phases)


def _condition_holds(
    release: Release, stage: Stage, deployment: Deployment, plan: PhasePlan
) -> bool:
    if not plan.condition and phases_result(deployment) in (
        PhaseStatus.SUCCEEDED,
        PhaseStatus.PARTIALLY_SUCCEEDED,
    ):
        return True
    variables = {**release.variables, **stage.variables, **deployment.variables}
    job_status = JOB_STATUS_SO_FAR[phases_result(deployment)]
    return evaluate_condition(plan.condition, variables, job_status).value


def _started(stage: Stage, plan: PhasePlan, now: datetime) -> Change:
    if plan.kind is not PhaseKind.AGENT:
        problem = f"Phase {plan.name} is of the kind {plan.kind}, which cannot be run here yet."
        return PhaseFailed(stage.id, plan.rank, problem)
    job = Job(position=0, name=plan.name, status=JobStatus.WAITING, created_at=now)
    return PhaseStarted(stage.id, plan.rank, (job,))
