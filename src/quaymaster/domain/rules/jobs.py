"""Jobs that are held back, and jobs that should long be over (SEMANTICS 12.5, 12.6, 12.8)."""

from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile

from quaymaster.domain.changes import Change, HeldJobsReleased, JobLost, JobSettled
from quaymaster.domain.plan import PhaseKind, PhasePlan
from quaymaster.domain.release import Deployment, Job, JobKind, Phase, Release, Stage
from quaymaster.domain.spreading import most_at_once, passed_over
from quaymaster.domain.statuses import JobStatus

OVERDUE_GRACE = timedelta(minutes=5)  # the worker stops a job itself; this is when it did not


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
    if job.status is not JobStatus.RUNNING or not job.started_at or job.kind.is_pause:
        return None
    plan = stage.phase_plan(phase)
    if not plan.timeout:
        return None
    return job.started_at + plan.timeout + plan.cancel_timeout + OVERDUE_GRACE


def let_held_jobs_go(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """As many jobs of a phase at once as its plan allows; none after what must not fail did.

    A target that has gone offline meanwhile is passed over when its turn comes.
    """
    del now
    phase = newest_with_held_jobs(deployment)
    if phase is None:
        return None
    plan = stage.phase_plan(phase)
    if plan.kind is PhaseKind.SERVER:
        return None
    held = [job for job in phase.jobs if job.status is JobStatus.HELD]
    if too_many_failed(plan, phase):
        why = "Not started, because too many of this phase's jobs had failed."
        return JobSettled(stage.id, phase.rank, held[0].position, JobStatus.SKIPPED, why)
    room = _room(plan, phase)
    if room <= 0:
        return None
    ready = list(takewhile(partial(_is_ready, release, plan), held[:room]))
    if not ready:
        why = passed_over(held[0].name)
        return JobSettled(stage.id, phase.rank, held[0].position, JobStatus.SKIPPED, why)
    return HeldJobsReleased(stage.id, phase.rank, tuple(job.position for job in ready))


def _is_ready(release: Release, plan: PhasePlan, job: Job) -> bool:
    """Whether the machine that must do the job is there; any other job waits for one."""
    if job.kind is not JobKind.TARGET:
        return True
    targets = release.targets.get(plan.queue_id, ())
    return any(target.is_online for target in targets if target.id == job.target)


def newest_with_held_jobs(deployment: Deployment) -> Phase | None:
    """The phase under way, when some of its jobs have not had their turn."""
    newest = deployment.phases[-1] if deployment.phases else None
    if newest is None or deployment.cancel_requested_at:
        return None
    return newest if any(job.status is JobStatus.HELD for job in newest.jobs) else None


def too_many_failed(plan: PhasePlan, phase: Phase) -> bool:
    failed = _failed(phase)
    if plan.kind is PhaseKind.DEPLOYMENT_GROUP:
        return failed >= most_at_once(plan, _count(phase))
    return failed > 0 and not plan.parallelism.continue_on_error


def _room(plan: PhasePlan, phase: Phase) -> int:
    """A target that failed stays out of order; a worker is free again whatever its job did."""
    most = most_at_once(plan, _count(phase))
    busy = sum(job.status in (JobStatus.WAITING, JobStatus.RUNNING) for job in phase.jobs)
    out = _failed(phase) if plan.kind is PhaseKind.DEPLOYMENT_GROUP else 0
    return most - busy - out


def _failed(phase: Phase) -> int:
    return sum(job.status in (JobStatus.FAILED, JobStatus.CANCELED) for job in phase.jobs)


def _count(phase: Phase) -> int:
    return sum(job.status is not JobStatus.SKIPPED for job in phase.jobs)
