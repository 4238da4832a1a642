"""What happens to a build when something happens: one function, pure (SEMANTICS 23.1, 23.4).

`decide` applies an event and then follows the rules until none applies: jobs whose stage and
dependencies are done start or are skipped, and the build ends once nothing is left to do.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from quaymaster.domain.build import Build, BuildJob
from quaymaster.domain.build_events import (
    BuildCanceled,
    BuildEvent,
    BuildHeld,
    BuildLetGo,
    BuildQueued,
    BuildRetried,
    BuildTimeCame,
)
from quaymaster.domain.build_plan import BuildJobPlan, BuildStagePlan
from quaymaster.domain.changes import JobClaimed, JobFinished, JobLost
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.expressions import ExpressionError, evaluate_condition
from quaymaster.domain.release import JobId
from quaymaster.domain.statuses import JobStatus

GRACE = timedelta(minutes=1)  # after a job's own time to cancel, before it is given up
STATUS_WORDS = {
    JobStatus.SUCCEEDED: "Succeeded",
    JobStatus.WITH_ISSUES: "SucceededWithIssues",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELED: "Canceled",
    JobStatus.SKIPPED: "Skipped",
}
_BADNESS = list(STATUS_WORDS)


def decide(build: Build, event: BuildEvent, now: datetime) -> Build:
    """The build after the event and all that follows at once; the same object if nothing does.

    Raises Refused for what is not legal now, Conflict for a token that holds the job no more,
    NotFound for a job that is not of this build.
    """
    after = _applied(build, event, now)
    return _settled(after, now)


def due_at(build: Build) -> datetime | None:
    """When somebody has to look at the build again; None when others will tell of it."""
    if build.finished_at or build.cancel_requested_at is None:
        return None
    limits = [_given_up_at(build, job) for job in build.current if _is_running(job)]
    return min(limits, default=None)


def _applied(build: Build, event: BuildEvent, now: datetime) -> Build:
    match event:
        case BuildQueued():
            return replace(build, is_held=event.is_held)
        case BuildHeld():
            return _held(build)
        case BuildLetGo():
            return replace(build, is_held=False)
        case BuildCanceled():
            return _canceled(build, event, now)
        case BuildRetried():
            return _retried(build, event, now)
        case BuildTimeCame():
            return _given_up(build, now)
        case JobClaimed():
            return _claimed(build, event, now)
        case JobFinished():
            return _ended(build, event.job, event.token, event.status, event.error, now)
        case JobLost():
            return _ended(build, event.job, event.token, JobStatus.FAILED, event.reason, now)


def _settled(build: Build, now: datetime) -> Build:
    """The build once no rule applies any more."""
    while True:
        after = build if build.is_held else _with_jobs_begun(build, now)
        after = _finished(after, now)
        if after == build:
            return build
        build = after


# ---- rules -------------------------------------------------------------------------------------


def _with_jobs_begun(build: Build, now: datetime) -> Build:
    """Each job whose turn it is waits for a worker, or is skipped by a condition."""
    due = [plan for plan in build.plan.jobs if _may_begin(build, plan)]
    if not due:
        return build
    begun = {plan.key: _begun(build, plan, now) for plan in due}
    kept = [job for job in build.jobs if job.status is not JobStatus.HELD or job.key not in begun]
    return replace(build, jobs=(*kept, *begun.values()))


def _may_begin(build: Build, plan: BuildJobPlan) -> bool:
    job = build.newest(plan.key)
    return (job is None or job.status is JobStatus.HELD) and _is_its_turn(build, plan)


def _is_its_turn(build: Build, plan: BuildJobPlan) -> bool:
    """Whether everything that the job and its stage depend on has ended."""
    ends = (build.newest(key) for key in waits_for(build, plan))
    return all(job is not None and job.status.is_ended for job in ends)


def waits_for(build: Build, plan: BuildJobPlan) -> list[str]:
    """The keys of the jobs that must have ended before this one may begin."""
    return [*_jobs_of(build, _stage(build, plan).depends_on), *plan.depends_on]


def _begun(build: Build, plan: BuildJobPlan, now: datetime) -> BuildJob:
    stage = _stage(build, plan)
    if build.cancel_requested_at:
        status, error = JobStatus.CANCELED, ""
    else:
        status, error = _judged(build, plan, stage)
    held = build.newest(plan.key) or BuildJob(plan.key, status, now)
    ended = now if status.is_ended else None
    return replace(held, status=status, ended_at=ended, error=error)


def _judged(build: Build, plan: BuildJobPlan, stage: BuildStagePlan) -> tuple[JobStatus, str]:
    """Whether the stage's condition and the job's hold; one that cannot be read fails the job."""
    before_stage = _jobs_of(build, stage.depends_on)
    try:
        if not _holds(build, stage.condition, before_stage):
            return JobStatus.SKIPPED, ""
        if not _holds(build, plan.work.condition, plan.depends_on, plan.variables):
            return JobStatus.SKIPPED, ""
    except ExpressionError as error:
        return JobStatus.FAILED, f"Condition of job {plan.work.name}: {error}"
    return JobStatus.WAITING, ""


def _holds(
    build: Build, condition: str, before: Iterable[str], own: Mapping[str, str] | None = None
) -> bool:
    ended = [job.status for key in before if (job := build.newest(key)) is not None]
    worst = max(ended, key=_BADNESS.index, default=JobStatus.SUCCEEDED)
    variables = {**build.variables, **(own or {})}
    return evaluate_condition(condition, variables, STATUS_WORDS[worst]).value


def _finished(build: Build, now: datetime) -> Build:
    if build.finished_at is not None or len(build.current) < len(build.plan.jobs):
        return build
    if not all(job.status.is_ended for job in build.current):
        return build
    return replace(build, finished_at=now)


# ---- events ------------------------------------------------------------------------------------


def _held(build: Build) -> Build:
    """What has not started does not start; what runs goes on."""
    if build.started_at or build.finished_at:
        return build
    held = _each(build, _is_waiting, lambda job: replace(job, status=JobStatus.HELD))
    return replace(held, is_held=True)


def _canceled(build: Build, event: BuildCanceled, now: datetime) -> Build:
    """What waits ends at once; what runs is asked to stop (23.4). Asking twice changes nothing."""
    if build.finished_at is not None:
        raise Refused("The build is completed, so that it cannot be canceled any more.")
    if build.cancel_requested_at is not None:
        return build
    stopped = _each(build, _is_waiting, lambda job: _over(job, JobStatus.CANCELED, "", now))
    return replace(stopped, cancel_requested_at=now, canceled_by=event.by, is_held=False)


def _retried(build: Build, event: BuildRetried, now: datetime) -> Build:
    """New attempts of what did not succeed and of all that depends on it."""
    if build.finished_at is None:
        raise Refused("The build is still under way. Retry it when it is completed.")
    again = _to_run_again(build, event)
    if not again:
        raise Refused("There is no job in the build that failed or was canceled.")
    held = [
        BuildJob(plan.key, JobStatus.HELD, now, attempt=_attempts(build, plan.key) + 1)
        for plan in build.plan.jobs
        if plan.key in again
    ]
    return replace(
        build,
        jobs=(*build.jobs, *held),
        finished_at=None,
        cancel_requested_at=None,
        canceled_by=None,
    )


def _to_run_again(build: Build, event: BuildRetried) -> set[str]:
    again: set[str] = set()
    for plan in build.plan.jobs:
        job = build.newest(plan.key)
        is_meant = not event.stage or plan.stage.casefold() == event.stage.casefold()
        is_bad = job is not None and job.status in (JobStatus.FAILED, JobStatus.CANCELED)
        before = set(waits_for(build, plan))
        if (is_meant and (is_bad or event.everything)) or before & again:
            again.add(plan.key)
    return again


def _given_up(build: Build, now: datetime) -> Build:
    """A canceled job that does not end in its time has no worker that listens."""

    def is_late(job: BuildJob) -> bool:
        return _is_running(job) and now >= _given_up_at(build, job)

    if build.cancel_requested_at is None:
        return build
    error = "The worker did not end the job in the time that a cancel leaves it."
    return _each(build, is_late, lambda job: _over(job, JobStatus.CANCELED, error, now))


def _given_up_at(build: Build, job: BuildJob) -> datetime:
    if build.cancel_requested_at is None:
        raise ValueError("the build was not canceled")
    return build.cancel_requested_at + build.plan.job(job.key).work.cancel_timeout + GRACE


def _claimed(build: Build, event: JobClaimed, now: datetime) -> Build:
    job = _found(build, event.job)
    if job.status is JobStatus.RUNNING and job.token == event.token:
        return build
    if job.status is not JobStatus.WAITING or build.is_held:
        raise Conflict("The job does not wait for a worker any more.")
    running = replace(
        job, status=JobStatus.RUNNING, worker=event.worker, token=event.token, started_at=now
    )
    return replace(_with(build, running), started_at=build.started_at or now)


def _ended(
    build: Build, job_id: JobId, token: str, status: JobStatus, error: str, now: datetime
) -> Build:
    job = _found(build, job_id)
    if job.status is not JobStatus.RUNNING or job.token != token:
        raise Conflict("The job is not run by this worker any more.")
    return _with(build, _over(job, status, error, now))


# ---- records -----------------------------------------------------------------------------------


def _stage(build: Build, plan: BuildJobPlan) -> BuildStagePlan:
    return next(
        (stage for stage in build.plan.stages if stage.name == plan.stage),
        BuildStagePlan(plan.stage),
    )


def _jobs_of(build: Build, stages: Iterable[str]) -> list[str]:
    wanted = set(stages)
    return [plan.key for plan in build.plan.jobs if plan.stage in wanted]


def _attempts(build: Build, key: str) -> int:
    return sum(job.key == key for job in build.jobs)


def _found(build: Build, job_id: JobId) -> BuildJob:
    for job in build.jobs:
        if job.id == job_id:
            return job
    raise NotFound("job", job_id)


def _with(build: Build, changed: BuildJob) -> Build:
    return _each(build, lambda job: job.id == changed.id, lambda _: changed)


def _each(
    build: Build, which: Callable[[BuildJob], bool], made: Callable[[BuildJob], BuildJob]
) -> Build:
    return replace(build, jobs=tuple(made(job) if which(job) else job for job in build.jobs))


def _over(job: BuildJob, status: JobStatus, error: str, now: datetime) -> BuildJob:
    return replace(job, status=status, error=error, ended_at=now)


def _is_waiting(job: BuildJob) -> bool:
    return job.status in (JobStatus.HELD, JobStatus.WAITING)


def _is_running(job: BuildJob) -> bool:
    return job.status is JobStatus.RUNNING
