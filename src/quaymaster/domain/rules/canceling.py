"""Stopping an attempt (SEMANTICS 7.6) and a whole release (6.3)."""

from datetime import datetime, timedelta

from quaymaster.domain.changes import (
    ApprovalsClosed,
    CancelRequested,
    Change,
    DeploymentEnded,
    GatesEnded,
    JobGivenUp,
    WaitingJobsCanceled,
)
from quaymaster.domain.release import Deployment, Job, Outcome, Phase, Release, Stage
from quaymaster.domain.statuses import ApprovalStatus, GateStatus, JobStatus, ReleaseStatus

STOPPING_GRACE = timedelta(minutes=1)  # for the worker's own report, after its steps had theirs


def cancel_when_abandoned(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del now
    abandoned = release.status is ReleaseStatus.ABANDONED
    if not abandoned or deployment.cancel_requested_at:
        return None
    return CancelRequested(stage.id, release.modified_by, "The release was abandoned.")


def cancel_jobs_that_wait(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release, now
    if not deployment.cancel_requested_at:
        return None
    waits = any(job.status in (JobStatus.HELD, JobStatus.WAITING) for job in deployment.jobs)
    return WaitingJobsCanceled(stage.id) if waits else None


def give_up_on_silent_job(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release
    for phase in deployment.phases if deployment.cancel_requested_at else ():
        for job in phase.jobs:
            due = silent_after(stage, deployment, phase, job)
            if due and due <= now:
                return JobGivenUp(stage.id, job.id)
    return None


def silent_after(stage: Stage, deployment: Deployment, phase: Phase, job: Job) -> datetime | None:
    """When a canceled running job is no longer waited for; None while that is not the question."""
    if job.status is not JobStatus.RUNNING or not deployment.cancel_requested_at:
        return None
    return deployment.cancel_requested_at + stage.phase_plan(phase).cancel_timeout + STOPPING_GRACE


def end_when_canceled(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release, now
    if not deployment.cancel_requested_at:
        return None
    if any(not job.status.is_ended for job in deployment.jobs):
        return None
    if any(approval.status is ApprovalStatus.PENDING for approval in deployment.approvals):
        return ApprovalsClosed(stage.id, ApprovalStatus.CANCELED)
    for gates in deployment.gates:
        if not gates.ended_as:
            return GatesEnded(stage.id, gates.side, GateStatus.CANCELED)
    return DeploymentEnded(stage.id, Outcome.CANCELED)
