"""Attempts that are done outside end with a report, or for want of one (AVIATOR 4)."""

from datetime import datetime

from quaymaster.domain.changes import (
    ApprovalsClosed,
    Change,
    DeploymentEnded,
    GatesEnded,
    JobSettled,
    ReportMissed,
    WaitingJobsCanceled,
)
from quaymaster.domain.release import Deployment, Outcome, Release, Stage
from quaymaster.domain.reports import ENDS_AS, silent_after
from quaymaster.domain.statuses import ApprovalStatus, GateStatus, JobStatus

SILENT = "Nobody told how the deployment stands for 60 minutes."

JOB_ENDS_AS = {
    Outcome.SUCCEEDED: JobStatus.SUCCEEDED,
    Outcome.CANCELED: JobStatus.CANCELED,
}


def give_up_on_silence(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release
    if deployment.cancel_requested_at:
        return None
    due = silent_after(deployment)
    return ReportMissed(stage.id, SILENT) if due and due <= now else None


def close_what_a_report_overtook(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """Once the outside has begun nobody is asked any more whether it may."""
    del release, now
    if any(approval.status is ApprovalStatus.PENDING for approval in deployment.approvals):
        return ApprovalsClosed(stage.id, ApprovalStatus.CANCELED)
    for gates in deployment.gates:
        if not gates.ended_as:
            return GatesEnded(stage.id, gates.side, GateStatus.CANCELED)
    return None


def end_when_reported(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """A report is a fact: nobody has to agree to it afterwards."""
    del release, now
    outcome = ENDS_AS.get(deployment.report.status) if deployment.report else None
    if outcome is None:
        return None
    for phase in deployment.phases:
        for job in phase.jobs:
            if job.status is JobStatus.RUNNING:
                status = JOB_ENDS_AS.get(outcome, JobStatus.FAILED)
                return JobSettled(stage.id, phase.rank, job.position, status, deployment.problem)
    if any(not job.status.is_ended for job in deployment.jobs):
        return WaitingJobsCanceled(stage.id)
    return DeploymentEnded(stage.id, outcome)
