"""How a build or one stage of it is canceled, and what becomes of what does not stop (23.4)."""

from dataclasses import replace
from datetime import datetime, timedelta

from quaymaster.domain import build_pauses
from quaymaster.domain.build import Build, BuildJob
from quaymaster.domain.build_events import BuildCanceled
from quaymaster.domain.errors import NotFound, Refused
from quaymaster.domain.statuses import JobStatus

STAGE = "buildStage"
GRACE = timedelta(minutes=1)  # after a job's own time to cancel, before it is given up
OVERDUE_GRACE = timedelta(minutes=5)  # the worker stops a job itself; this is when it did not


def canceled(build: Build, event: BuildCanceled, now: datetime) -> Build:
    """What waits ends at once; what runs is asked to stop (23.4). Asking twice changes nothing.

    Raises Refused for what is completed, NotFound for a stage that the build does not have.
    """
    if build.finished_at is not None:
        raise Refused("The build is completed, so that it cannot be canceled any more.")
    if event.stage:
        return _stage_canceled(build, event.stage, now)
    if build.cancel_requested_at is not None:
        return build
    stopped = build.each(
        lambda job: job.is_waiting, lambda job: job.over(JobStatus.CANCELED, "", now)
    )
    return replace(stopped, cancel_requested_at=now, canceled_by=event.by, is_held=False)


def _stage_canceled(build: Build, stage: str, now: datetime) -> Build:
    """The same for one stage: those that wait for it find it canceled, the others go on."""
    inside = {plan.key for plan in build.plan.jobs if plan.stage.casefold() == stage.casefold()}
    if not inside:
        raise NotFound(STAGE, stage)
    current = {job.key: job for job in build.current if job.key in inside}
    unbegun = [plan for plan in build.plan.jobs if plan.key in inside - current.keys()]
    left = {job.id for job in current.values() if not job.status.is_ended}
    if not left and not unbegun:
        raise Refused(f"The stage {stage} is completed, so that it cannot be canceled any more.")
    if build.cancel_requested_at is not None:
        return build
    stopped = build.each(lambda job: job.id in left, lambda job: _stopped(build, job, now))
    never = (
        BuildJob(plan.key, JobStatus.HELD, now, kind=build_pauses.kind(plan)) for plan in unbegun
    )
    ended = (job.over(JobStatus.CANCELED, "", now) for job in never)
    return replace(stopped, jobs=(*stopped.jobs, *ended))


def _stopped(build: Build, job: BuildJob, now: datetime) -> BuildJob:
    if job.is_waiting:
        return job.over(JobStatus.CANCELED, "", now)
    if build_pauses.is_paused(job):
        return build_pauses.canceled(job, now)
    time = build.plan.job(job.key).work.cancel_timeout + GRACE
    return job if job.is_stopping else replace(job, due_at=now + time)


def given_up(build: Build, now: datetime) -> Build:
    """A job that does not end in its time has no worker that listens."""
    cancel = "The worker did not end the job in the time that a cancel leaves it."
    late = "The job exceeded its maximum execution time and did not stop."

    def ended(job: BuildJob) -> BuildJob:
        if build.cancel_requested_at is None and not job.is_stopping:
            return job.over(JobStatus.FAILED, late, now)
        return job.over(JobStatus.CANCELED, cancel, now)

    def is_late(job: BuildJob) -> bool:
        stops = stops_at(build, job) if job.is_worked_on else None
        return stops is not None and stops <= now

    return build.each(is_late, ended)


def stops_at(build: Build, job: BuildJob) -> datetime | None:
    """When a running job must have ended: after a cancel, or after its own time (12.8)."""
    work = build.plan.job(job.key).work
    if job.is_stopping:
        return job.due_at
    if build.cancel_requested_at is not None:
        return build.cancel_requested_at + work.cancel_timeout + GRACE
    if not work.timeout or job.started_at is None:
        return None
    return job.started_at + work.timeout + work.cancel_timeout + OVERDUE_GRACE
