"""Tasks of a build that need no agent: delays, questions and calls, one by one (SEMANTICS 20, 21).

They are the tasks of the releases' server phases; what each comes to is told in `server_tasks`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from quaymaster.domain import server_tasks
from quaymaster.domain.build import Build, BuildJob
from quaymaster.domain.build_dependencies import (
    STATUS_WORDS,
    known_to_job,
    own_variables,
    result_of,
)
from quaymaster.domain.build_plan import BuildJobPlan
from quaymaster.domain.errors import Invalid
from quaymaster.domain.expressions import ExpressionError, evaluate_condition
from quaymaster.domain.plan import PhaseKind, TaskPlan
from quaymaster.domain.release import Intervention, JobKind
from quaymaster.domain.server_tasks import SILENT_PEOPLE, SILENT_SERVICE, condition_of
from quaymaster.domain.spreading import kind_of
from quaymaster.domain.statuses import InterventionStatus, JobStatus

TOO_LONG = "The job exceeded its maximum execution time."


def kind(plan: BuildJobPlan) -> JobKind:
    """Who does a job of the plan."""
    if plan.work.kind is not PhaseKind.SERVER:
        return JobKind.AGENT
    return kind_of(_task(plan).task_id) if plan.work.tasks else JobKind.DELAY


def _task(plan: BuildJobPlan) -> TaskPlan:
    return plan.work.tasks[0]


def task_holds(build: Build, plan: BuildJobPlan) -> bool:
    """Whether a task's condition holds after those before it. Raises ExpressionError."""
    if not plan.work.tasks:
        return True
    so_far = STATUS_WORDS[result_of(build, _earlier(build, plan))]
    variables = {**build.variables, **own_variables(build, plan)}
    known = known_to_job(build, plan)
    return evaluate_condition(condition_of(_task(plan)), variables, so_far, known).value


def _earlier(build: Build, plan: BuildJobPlan) -> list[BuildJobPlan]:
    return [mate for mate in build.group_of(plan) if mate.work.rank < plan.work.rank]


def begun(build: Build, plan: BuildJobPlan, job: BuildJob, now: datetime) -> BuildJob:
    """The job as it begins: it waits for a worker, the clock or a person, or fails at once."""
    job = replace(job, kind=kind(plan), status=JobStatus.WAITING)
    if job.kind is not JobKind.AGENT and not plan.work.tasks:
        return replace(job, status=JobStatus.SUCCEEDED, started_at=now, ended_at=now)
    if job.kind is JobKind.AGENT:
        return job
    try:
        variables = {**build.variables, **own_variables(build, plan)}
        if job.kind is JobKind.DELAY:
            due = now + server_tasks.delay(_task(plan), variables)
            return replace(job, status=JobStatus.RUNNING, started_at=now, due_at=due)
    except (Invalid, ExpressionError) as error:
        return _failed(plan, job, str(error), now)
    if job.kind is JobKind.EXTERNAL:
        return _failed(plan, job, "Work that is done outside is for releases only.", now)
    if job.kind is JobKind.INTERVENTION:
        asked = server_tasks.question(_task(plan), variables, (plan.work.rank, 0), now)
        running = replace(job, status=JobStatus.RUNNING, started_at=now)
        return replace(running, due_at=asked.due_at, question=asked)
    return job


def _failed(plan: BuildJobPlan, job: BuildJob, error: str, now: datetime) -> BuildJob:
    allowed = _task(plan).continue_on_error
    status = JobStatus.WITH_ISSUES if allowed else JobStatus.FAILED
    return replace(job, status=status, error=error, ended_at=now)


# ---- the end of a pause ---------------------------------------------------------------------


def with_pauses_ended(build: Build, now: datetime) -> Build:
    """A delay ends with its time, a question with its answer or its time; a service that has not
    reported by then has failed; a cancel ends all of them."""
    jobs = tuple(_ended(build, job, now) if is_paused(job) else job for job in build.jobs)
    return build if jobs == build.jobs else replace(build, jobs=jobs)


def is_paused(job: BuildJob) -> bool:
    """Whether the job is under way without a worker."""
    return job.status is JobStatus.RUNNING and job.kind.is_pause


def _ended(build: Build, job: BuildJob, now: datetime) -> BuildJob:
    plan = build.plan.job(job.key)
    if build.cancel_requested_at:
        return canceled(job, now)
    if job.question is not None and job.question.status is not InterventionStatus.PENDING:
        if job.question.status is InterventionStatus.APPROVED:
            return replace(job, status=JobStatus.SUCCEEDED, ended_at=now)
        error = f"{job.question.name} was rejected. {job.question.comment}".strip()
        return _failed(plan, job, error, now)
    limit = _time_limit(build, plan)
    if limit is not None and limit <= now and (job.due_at is None or limit < job.due_at):
        closed = replace(job, question=_closed(job, InterventionStatus.CANCELED, now))
        return _failed(plan, closed, TOO_LONG, now)
    return _due(plan, job, now) if job.due_at is not None and job.due_at <= now else job


def canceled(job: BuildJob, now: datetime) -> BuildJob:
    """A pause that somebody cancels: it is over at once, and its question with it."""
    over = replace(job, status=JobStatus.CANCELED, ended_at=now)
    return replace(over, question=_closed(job, InterventionStatus.CANCELED, now))


def _due(plan: BuildJobPlan, job: BuildJob, now: datetime) -> BuildJob:
    if job.kind is JobKind.CALL_BACK:
        return _failed(plan, job, SILENT_SERVICE, now)
    if job.question is None:
        return replace(job, status=JobStatus.SUCCEEDED, ended_at=now)
    if job.question.resumes_on_timeout:
        resumed = replace(job, question=_closed(job, InterventionStatus.APPROVED, now))
        return replace(resumed, status=JobStatus.SUCCEEDED, error=SILENT_PEOPLE, ended_at=now)
    rejected = replace(job, question=_closed(job, InterventionStatus.REJECTED, now))
    return _failed(plan, rejected, SILENT_PEOPLE, now)


def _closed(job: BuildJob, status: InterventionStatus, now: datetime) -> Intervention | None:
    asked = job.question
    if asked is None or asked.status is not InterventionStatus.PENDING:
        return asked
    return replace(asked, status=status, modified_at=now)


def _time_limit(build: Build, plan: BuildJobPlan) -> datetime | None:
    """When all tasks of the phase have to be over (12.8); None without a limit."""
    newest = (build.newest(mate.key) for mate in build.group_of(plan))
    started = min((job.started_at for job in newest if job and job.started_at), default=None)
    return started + plan.work.timeout if started and plan.work.timeout else None


def over_at(build: Build, job: BuildJob) -> datetime | None:
    """When a pause is over by itself: with its own time or that of its phase, if that is earlier;
    None for one that waits for ever."""
    limit = _time_limit(build, build.plan.job(job.key))
    return min((at for at in (job.due_at, limit) if at is not None), default=None)


def due_times(build: Build) -> Iterator[datetime]:
    """When somebody has to look at the pauses of a build again."""
    for job in build.jobs:
        if is_paused(job):
            over = over_at(build, job)
            yield from (over,) if over is not None else ()
