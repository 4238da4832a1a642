"""Phases without an agent: their tasks one by one, delays and questions (SEMANTICS 20, 21)."""

from dataclasses import replace
from datetime import datetime

from quaymaster.domain import server_tasks, workflows
from quaymaster.domain.attempt_variables import variables_of
from quaymaster.domain.changes import Change, HeldJobsReleased, JobSettled, PauseStarted
from quaymaster.domain.errors import Invalid
from quaymaster.domain.expressions import ExpressionError, evaluate_condition
from quaymaster.domain.plan import PhaseKind, TaskPlan
from quaymaster.domain.release import (
    Deployment,
    Job,
    JobKind,
    Phase,
    Release,
    Stage,
)
from quaymaster.domain.reports import SILENCE
from quaymaster.domain.rules.jobs import newest_with_held_jobs
from quaymaster.domain.server_tasks import SILENT_PEOPLE, SILENT_SERVICE, condition_of
from quaymaster.domain.status import JOB_STATUS_SO_FAR, JOB_TO_PHASE, worst
from quaymaster.domain.statuses import InterventionStatus, JobStatus, PhaseStatus


def start_next_server_task(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """The next task of a server phase has its turn when the one before is over (20.1)."""
    phase = newest_with_held_jobs(deployment)
    if phase is None or stage.phase_plan(phase).kind is not PhaseKind.SERVER:
        return None
    if any(job.status in (JobStatus.WAITING, JobStatus.RUNNING) for job in phase.jobs):
        return None
    job = next(job for job in phase.jobs if job.status is JobStatus.HELD)
    task = stage.phase_plan(phase).tasks[job.position]
    variables = variables_of(release, stage, deployment)
    settled = JobSettled(stage.id, phase.rank, job.position, JobStatus.SKIPPED)
    try:
        holds = evaluate_condition(condition_of(task), variables, _status_so_far(phase)).value
    except ExpressionError as error:
        return _failed(settled, task, f"Condition of task {task.display_name}: {error}")
    if not holds:
        return settled
    return _begun(stage, phase, job, task, variables, now)


def _status_so_far(phase: Phase) -> str:
    ended = [JOB_TO_PHASE[job.status] for job in phase.jobs if job.status in JOB_TO_PHASE]
    so_far = worst([status for status in ended if status is not PhaseStatus.SKIPPED])
    return JOB_STATUS_SO_FAR[so_far]


def _failed(settled: JobSettled, task: TaskPlan, error: str) -> JobSettled:
    status = JobStatus.WITH_ISSUES if task.continue_on_error else JobStatus.FAILED
    return replace(settled, status=status, error=error)


def _begun(
    stage: Stage, phase: Phase, job: Job, task: TaskPlan, variables: dict[str, str], now: datetime
) -> Change:
    match job.kind:
        case JobKind.DELAY:
            return _delay(stage, phase, job, task, variables, now)
        case JobKind.EXTERNAL:
            return PauseStarted(stage.id, phase.rank, job.position, now + SILENCE)
        case JobKind.INTERVENTION:
            asked = server_tasks.question(task, variables, (phase.rank, job.position), now)
            return PauseStarted(stage.id, phase.rank, job.position, asked.due_at, asked)
        case _:
            return HeldJobsReleased(stage.id, phase.rank, (job.position,))


def _delay(
    stage: Stage, phase: Phase, job: Job, task: TaskPlan, variables: dict[str, str], now: datetime
) -> Change:
    try:
        due = now + server_tasks.delay(task, variables)
    except Invalid as error:
        settled = JobSettled(stage.id, phase.rank, job.position, JobStatus.FAILED)
        return _failed(settled, task, error.message)
    return PauseStarted(stage.id, phase.rank, job.position, due)


# ---- the end of a pause ---------------------------------------------------------------------


def stop_pauses_when_canceled(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """No worker has to be waited for (SEMANTICS 20.2, 21.3), but a workflow that was asked."""
    del release, now
    if not deployment.cancel_requested_at:
        return None
    for phase, job in running_pauses(deployment):
        if not is_asked_outside(stage, phase, job):
            return JobSettled(stage.id, phase.rank, job.position, JobStatus.CANCELED)
    return None


def is_asked_outside(stage: Stage, phase: Phase, job: Job) -> bool:
    """Whether a workflow does it at our request, which has to be told to stop (AVIATOR 5)."""
    if job.kind is not JobKind.EXTERNAL:
        return False
    return workflows.of_task(stage.phase_plan(phase).tasks[job.position]) is not None


def end_pauses(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """A delay ends with its time; a question with its answer, or with its time; a service that
    has not reported by then has failed."""
    del release
    for phase, job in running_pauses(deployment):
        if job.kind is JobKind.EXTERNAL:
            continue  # it ends with a report, or without one (see `reporting`)
        asked = deployment.intervention(phase, job)
        task = stage.phase_plan(phase).tasks[job.position]
        settled = JobSettled(stage.id, phase.rank, job.position, JobStatus.SUCCEEDED)
        is_due = job.due_at is not None and job.due_at <= now
        if job.kind is JobKind.CALL_BACK:
            if is_due:
                return _failed(settled, task, SILENT_SERVICE)
        elif asked is None:
            if is_due:
                return settled
        elif asked.status is InterventionStatus.APPROVED:
            return settled
        elif asked.status is InterventionStatus.REJECTED:
            return _failed(settled, task, f"{task.display_name} was rejected. {asked.comment}")
        elif is_due:
            silent = SILENT_PEOPLE
            if asked.resumes_on_timeout:
                return replace(settled, error=silent)
            return _failed(settled, task, silent)
    return None


def running_pauses(deployment: Deployment) -> tuple[tuple[Phase, Job], ...]:
    """The jobs that wait for the clock, for a person or for a service."""
    return tuple(
        (phase, job)
        for phase in deployment.phases
        for job in phase.jobs
        if job.kind.is_pause and job.status is JobStatus.RUNNING
    )
