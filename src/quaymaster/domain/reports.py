"""Attempts that are done outside: what a report means for them (AVIATOR 4)."""

from dataclasses import replace
from datetime import datetime, timedelta

from quaymaster.domain.errors import Refused
from quaymaster.domain.events import DeploymentReported
from quaymaster.domain.release import Deployment, Job, JobKind, Outcome, Report, Stage
from quaymaster.domain.statuses import DeploymentReason, JobStatus, ReportedStatus

SILENCE = timedelta(minutes=60)  # after this long without news an attempt counts as an error

ENDS_AS = {
    ReportedStatus.SUCCEEDED: Outcome.SUCCEEDED,
    ReportedStatus.FAILED: Outcome.PHASE_FAILED,
    ReportedStatus.CANCELED: Outcome.CANCELED,
    ReportedStatus.ERROR: Outcome.ERROR,
    ReportedStatus.UNKNOWN: Outcome.UNKNOWN,
}


def taken_in(stage: Stage, event: DeploymentReported) -> DeploymentReported | None:
    """The report if it tells something new. Raises Refused for work of our own workers."""
    newest = stage.newest
    if newest is None:
        return event
    if newest.is_ended and newest.outcome is ENDS_AS.get(event.status):
        return None
    if newest.is_ended:
        if not _begins_anew(newest, event):
            _check_done_outside(stage, newest)
        return event
    if newest.report is None:
        if event.status is ReportedStatus.PENDING:
            return None  # it is pending already, and the engine knows for what
        _check_done_outside(stage, newest)
    return event


def _check_done_outside(stage: Stage, deployment: Deployment) -> None:
    if any(job.kind is not JobKind.EXTERNAL for job in deployment.jobs):
        is_or_was = "was" if deployment.is_ended else "is"
        raise Refused(
            f"The deployment to {stage.name} {is_or_was} run here; nobody else can tell how it "
            "stands."
        )


def after_report(stage: Stage, event: DeploymentReported, now: datetime) -> Stage:
    """The stage after a report that was taken in."""
    newest = stage.newest
    if newest is None or _begins_anew(newest, event):
        attempt = newest.attempt + 1 if newest else 1
        return replace(stage, newest=_told_of(attempt, event, now), modified_at=now)
    first = newest.report.first_at if newest.report else now
    told = replace(
        newest,
        report=Report(event.status, now, first),
        problem=event.problem or ("" if _went_well(event) else newest.problem),
        modified_at=now,
        modified_by=event.by,
        entered_queue_at=newest.entered_queue_at if newest.has_slot else None,
    )
    if newest.is_ended:
        told = _corrected(told, event.status, now)
    return replace(stage, newest=told, modified_at=now)


def _went_well(event: DeploymentReported) -> bool:
    return event.status is ReportedStatus.SUCCEEDED or event.status.is_active


def _begins_anew(newest: Deployment, event: DeploymentReported) -> bool:
    """An outside redeployment; an attempt of unknown fate is taken up again where it is."""
    if not newest.is_ended or not event.status.is_active or event.reopens:
        return False
    return newest.outcome is not Outcome.UNKNOWN


def _told_of(attempt: int, event: DeploymentReported, now: datetime) -> Deployment:
    return Deployment(
        attempt=attempt,
        reason=DeploymentReason.MANUAL,
        requested_by=event.by,
        requested_for=event.by,
        queued_at=now,
        modified_at=now,
        modified_by=event.by,
        report=Report(event.status, now, now),
        problem=event.problem,
    )


def _corrected(ended: Deployment, status: ReportedStatus, now: datetime) -> Deployment:
    """Another end for an attempt that had one; a told start makes it go on. When it ended stays
    to be seen (AVIATOR 3: "cleared never"), until it ends again."""
    outcome = ENDS_AS.get(status)
    if outcome is None:
        return replace(ended, outcome=None, cancel_requested_at=None)
    is_over = outcome is not Outcome.UNKNOWN
    return replace(
        ended, outcome=outcome, completed_at=ended.completed_at or (now if is_over else None)
    )


def silent_after(deployment: Deployment) -> datetime | None:
    """When an attempt that is done outside counts as an error for want of news."""
    if deployment.report:
        return deployment.report.at + SILENCE if deployment.report.status.is_active else None
    job = external_job(deployment)
    return job.due_at if job else None


def external_job(deployment: Deployment) -> Job | None:
    """The running job that somebody outside does."""
    running = (job for job in deployment.jobs if job.status is JobStatus.RUNNING)
    return next((job for job in running if job.kind is JobKind.EXTERNAL), None)
