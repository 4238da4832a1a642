"""What happens to a build when something happens: one function, pure (SEMANTICS 23.1, 23.4).

`decide` applies an event and then follows the rules until none applies: jobs whose stage and
dependencies are done start or are skipped, and the build ends once nothing is left to do.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from quaymaster.domain import build_pauses, build_stops
from quaymaster.domain.build import Build, BuildJob
from quaymaster.domain.build_dependencies import job_holds, jobs_of, stage_holds
from quaymaster.domain.build_events import (
    BuildCanceled,
    BuildEvent,
    BuildHeld,
    BuildLetGo,
    BuildQuestionAnswered,
    BuildQueued,
    BuildRetried,
    BuildTimeCame,
)
from quaymaster.domain.build_plan import BuildJobPlan, BuildStagePlan
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.events import JobAnswered, JobAwaits, JobClaimed, JobFinished, JobLost
from quaymaster.domain.expressions import ExpressionError
from quaymaster.domain.plan import PhaseKind
from quaymaster.domain.release import JobId, JobKind
from quaymaster.domain.statuses import InterventionStatus, JobStatus

TOO_MANY_FAILED = "Not started, because another job of the same phase had failed."


def decide(build: Build, event: BuildEvent, now: datetime) -> Build:
    """The build after the event and all that follows at once; the same object if nothing does.

    Raises Refused for what is not legal now, Conflict for a token that holds the job no more,
    NotFound for a job that is not of this build.
    """
    after = _applied(build, event, now)
    return _settled(after, now)


def due_at(build: Build) -> datetime | None:
    """When somebody has to look at the build again; None when others will tell of it."""
    if build.finished_at:
        return None
    running = (job for job in build.current if job.is_worked_on)
    ends = filter(None, (build_stops.stops_at(build, job) for job in running))
    return min([*build_pauses.due_times(build), *ends], default=None)


def _applied(build: Build, event: BuildEvent, now: datetime) -> Build:
    match event:
        case BuildQueued():
            return replace(build, is_held=event.is_held)
        case BuildHeld():
            return _held(build)
        case BuildLetGo():
            return replace(build, is_held=False)
        case BuildCanceled():
            return build_stops.canceled(build, event, now)
        case BuildRetried():
            return _retried(build, event, now)
        case BuildQuestionAnswered():
            return _answered(build, event, now)
        case BuildTimeCame():
            return build_stops.given_up(build, now)
        case JobClaimed():
            return _claimed(build, event, now)
        case JobFinished():
            return _ended(build, event.job, event.token, event.status, event.error, now)
        case JobLost():
            return _ended(build, event.job, event.token, JobStatus.FAILED, event.reason, now)
        case JobAwaits():
            return _awaiting(build, event, now)
        case JobAnswered():
            return _reported(build, event, now)


def _settled(build: Build, now: datetime) -> Build:
    """The build once no rule applies any more."""
    while True:
        after = build_pauses.with_pauses_ended(build, now)
        after = after if after.is_held else _with_jobs_begun(after, now)
        after = _finished(after, now)
        if after == build:
            return build
        build = after


# ---- rules -------------------------------------------------------------------------------------


def _with_jobs_begun(build: Build, now: datetime) -> Build:
    """Each job whose turn it is waits for a worker, or is skipped by a condition."""
    due = _within_limits(build, [plan for plan in build.plan.jobs if _may_begin(build, plan)])
    if not due:
        return build
    begun = {plan.key: _begun(build, plan, now) for plan in due}
    kept = [job for job in build.jobs if job.status is not JobStatus.HELD or job.key not in begun]
    starts = any(job.status is JobStatus.RUNNING for job in begun.values())
    started = build.started_at or (now if starts else None)
    return replace(build, jobs=(*kept, *begun.values()), started_at=started)


def _within_limits(build: Build, due: list[BuildJobPlan]) -> list[BuildJobPlan]:
    """Of each group as many as may be under way at once; tasks in their order."""
    kept: list[BuildJobPlan] = []
    room: dict[str, int] = {}
    for plan in due:
        if plan.group is None or build.cancel_requested_at:
            kept.append(plan)
            continue
        if plan.group.name not in room:
            room[plan.group.name] = _room(build, plan)
        if room[plan.group.name] > 0:
            room[plan.group.name] -= 1
            kept.append(plan)
    return kept


def _room(build: Build, plan: BuildJobPlan) -> int:
    mates = build.group_of(plan)
    busy = sum(job is not None and _is_busy(job) for job in (build.newest(m.key) for m in mates))
    if plan.group is None or _has_stopped(build, plan):
        return len(mates)
    most = 1 if plan.group.in_order else plan.group.most_at_once or len(mates)
    return most - busy


def _has_stopped(build: Build, plan: BuildJobPlan) -> bool:
    """Whether no more jobs of the group are to start after a failure (12.5)."""
    if plan.group is None or not plan.group.stops:
        return False
    bad = (JobStatus.FAILED, JobStatus.CANCELED)
    mates = (build.newest(mate.key) for mate in build.group_of(plan))
    return any(job is not None and job.status in bad for job in mates)


def _may_begin(build: Build, plan: BuildJobPlan) -> bool:
    job = build.newest(plan.key)
    return (job is None or job.status is JobStatus.HELD) and _is_its_turn(build, plan)


def _is_its_turn(build: Build, plan: BuildJobPlan) -> bool:
    """Whether everything that the job and its stage depend on has ended."""
    ends = (build.newest(key) for key in waits_for(build, plan))
    return all(job is not None and job.status.is_ended for job in ends)


def waits_for(build: Build, plan: BuildJobPlan) -> list[str]:
    """The keys of the jobs that must have ended before this one may begin."""
    stage = _stage(build, plan)
    return [*(one.key for one in jobs_of(build, stage.depends_on)), *plan.depends_on]


def _begun(build: Build, plan: BuildJobPlan, now: datetime) -> BuildJob:
    held = build.newest(plan.key) or BuildJob(plan.key, JobStatus.HELD, now)
    held = replace(held, kind=build_pauses.kind(plan))
    if build.cancel_requested_at:
        return held.over(JobStatus.CANCELED, "", now)
    if _has_stopped(build, plan):
        return held.over(JobStatus.SKIPPED, TOO_MANY_FAILED, now)
    status, error = _judged(build, plan)
    if status.is_ended:
        return held.over(status, error, now)
    return build_pauses.begun(build, plan, held, now)


def _judged(build: Build, plan: BuildJobPlan) -> tuple[JobStatus, str]:
    """Whether the stage's condition and the job's hold; one that cannot be read fails the job."""
    try:
        if not (stage_holds(build, plan) and job_holds(build, plan)):
            return JobStatus.SKIPPED, ""
        if plan.work.kind is PhaseKind.SERVER and not build_pauses.task_holds(build, plan):
            return JobStatus.SKIPPED, ""
    except ExpressionError as error:
        return JobStatus.FAILED, f"Condition of job {plan.work.name}: {error}"
    return JobStatus.WAITING, ""


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
    held = build.each(lambda job: job.is_waiting, lambda job: replace(job, status=JobStatus.HELD))
    return replace(held, is_held=True)


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
        if (is_meant and (is_bad or event.everything)) or again & set(waits_for(build, plan)):
            again |= {plan.key, *_with_it(build, plan)}
    return again


def _with_it(build: Build, plan: BuildJobPlan) -> Iterable[str]:
    """Tasks of the same phase, which run as one; legs that were left out after a failure."""
    if plan.group is None:
        return
    for mate in build.group_of(plan):
        job = build.newest(mate.key)
        if plan.group.in_order or (job is not None and job.status is JobStatus.SKIPPED):
            yield mate.key


def _answered(build: Build, event: BuildQuestionAnswered, now: datetime) -> Build:
    """Somebody decided about a manual validation; only a pending one may be (21.2)."""
    job = next((one for one in build.jobs if one.id == event.job), None)
    if job is None or job.question is None:
        raise NotFound("manual validation", event.job)
    if job.question.status is not InterventionStatus.PENDING or not build_pauses.is_paused(job):
        raise Refused(
            f"Manual validation {job.id} is already {job.question.status} and can no longer be "
            "changed."
        )
    status = InterventionStatus.APPROVED if event.resumes else InterventionStatus.REJECTED
    told = replace(
        job.question, status=status, answered_by=event.by, comment=event.comment, modified_at=now
    )
    return _with(build, replace(job, question=told))


def _awaiting(build: Build, event: JobAwaits, now: datetime) -> Build:
    """The worker has asked a service and lets go of the job (20.3), or it was canceled by then."""
    job = _held_by(build, event.job, event.token)
    if job.kind is not JobKind.SERVER:
        raise Conflict("The job runs on a worker to its end; it waits for no service.")
    if job.is_stopping:
        return _with(build, job.over(JobStatus.CANCELED, "", now))
    return _with(build, replace(job, kind=JobKind.CALL_BACK, due_at=event.due_at, token=""))


def _reported(build: Build, event: JobAnswered, now: datetime) -> Build:
    """The service reports; on a job that is awaited no more that changes nothing."""
    job = _found(build, event.job)
    if job.kind is not JobKind.CALL_BACK or job.status is not JobStatus.RUNNING:
        return build
    allowed = build.plan.job(job.key).work.tasks[0].continue_on_error
    failed = event.status is JobStatus.FAILED
    status = JobStatus.WITH_ISSUES if failed and allowed else event.status
    return _with(build, job.over(status, event.error, now))


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
    job = _held_by(build, job_id, token)
    return _with(build, job.over(status, error, now))


def _held_by(build: Build, job_id: JobId, token: str) -> BuildJob:
    job = _found(build, job_id)
    if not job.is_worked_on or job.token != token:
        raise Conflict("The job is not run by this worker any more.")
    return job


# ---- records -----------------------------------------------------------------------------------


def _stage(build: Build, plan: BuildJobPlan) -> BuildStagePlan:
    return next(
        (stage for stage in build.plan.stages if stage.name == plan.stage),
        BuildStagePlan(plan.stage),
    )


def _attempts(build: Build, key: str) -> int:
    return sum(job.key == key for job in build.jobs)


def _found(build: Build, job_id: JobId) -> BuildJob:
    for job in build.jobs:
        if job.id == job_id:
            return job
    raise NotFound("job", job_id)


def _with(build: Build, changed: BuildJob) -> Build:
    return build.each(lambda job: job.id == changed.id, lambda _: changed)


def _is_busy(job: BuildJob) -> bool:
    return job.status in (JobStatus.WAITING, JobStatus.RUNNING)
