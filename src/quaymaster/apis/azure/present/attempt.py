"""One attempt of a stage with its phases, jobs and tasks (CONTRACT C DeploymentAttempt)."""

from typing import Any
from uuid import UUID

from quaymaster.apis.azure.present.shown import Shown, actor
from quaymaster.apis.azure.present.waiting import gates, pause
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.azure.words import operation_word, word
from quaymaster.domain.plan import PhasePlan
from quaymaster.domain.release import Job, JobId, Phase, Side
from quaymaster.domain.status import phase_status
from quaymaster.domain.statuses import JobStatus
from quaymaster.domain.timelines import plan_of_phase, record_of_job
from quaymaster.store.jobs.task_runs import StepDetail, TaskRun
from quaymaster.store.releases.views import AttemptView, JobView, PhaseView, StageView

NO_PLAN = str(UUID(int=0))

TASK_STATUS = {
    "Succeeded": "succeeded",
    "SucceededWithIssues": "partiallySucceeded",
    "Failed": "failed",
    "Canceled": "canceled",
    "Skipped": "skipped",
    "Abandoned": "canceled",
}
DETAIL_STATUS = {"": "unknown", "Pending": "pending", "InProgress": "inProgress"}
JOB_STATUS = {
    JobStatus.HELD: "pending",
    JobStatus.WAITING: "pending",
    JobStatus.RUNNING: "inProgress",
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.WITH_ISSUES: "partiallySucceeded",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELED: "canceled",
    JobStatus.SKIPPED: "skipped",
}


def attempt(
    shown: Shown, project: str, release: int, stage: StageView, found: AttemptView, samples: int
) -> dict[str, Any]:
    """A DeploymentAttempt, as it stands in an environment's deploySteps.

    `samples` is how many of the newest samples of its gates are shown.
    """
    return {
        "id": found.id,
        "deploymentId": found.id,
        "attempt": found.attempt,
        "reason": word(found.reason),
        "status": word(found.status),
        "operationStatus": operation_word(found.operation_status),
        "releaseDeployPhases": [
            {
                **_phase(shown, project, release, stage, phase),
                "manualInterventions": _pauses(shown, project, release, found, phase.rank),
            }
            for phase in found.phases
        ],
        "requestedBy": actor(shown, found.requested_by),
        "requestedFor": actor(shown, found.requested_for),
        "queuedOn": date_out(found.queued_at),
        "lastModifiedBy": actor(shown, found.modified_by),
        "lastModifiedOn": date_out(found.modified_at),
        "hasStarted": found.started_at is not None,
        "tasks": [],
        "runPlanId": NO_PLAN,
        "issues": _problems(found),
        "preDeploymentGates": _gates(found, Side.PRE, samples),
        "postDeploymentGates": _gates(found, Side.POST, samples),
    }


def tasks(
    shown: Shown, project: str, release: int, stage: StageView, phase: PhaseView
) -> list[dict[str, Any]]:
    """The ReleaseTask of each step of a phase, its jobs one after the other."""
    return [
        _task(shown, project, release, stage, phase, job, step)
        for job in phase.jobs
        for step in job.steps
    ]


def timeline(
    shown: Shown, project: str, release: int, stage: StageView, phase: PhaseView
) -> list[dict[str, Any]]:
    """The same with the records that a task reported below its step, each behind it."""
    records = []
    for job in phase.jobs:
        for step in job.steps:
            found = _task(shown, project, release, stage, phase, job, step)
            records += [found, *(_detail(found, detail) for detail in step.details)]
    return records


def _detail(parent: dict[str, Any], detail: StepDetail) -> dict[str, Any]:
    """A record of `task.logdetail`: it has a GUID of its own and the number of its step."""
    told = detail.fields
    started, ended = told.get("startTime"), told.get("finishTime")
    return {
        "id": parent["id"],
        "timelineRecordId": detail.id,
        "name": told.get("name", ""),
        "dateStarted": started,
        "dateEnded": ended,
        "startTime": started,
        "finishTime": ended,
        "status": _detail_status(told.get("state", ""), told.get("result", "Succeeded")),
        "rank": int(told.get("order") or parent["rank"]),
        "percentComplete": int(told.get("percentComplete") or 0),
        "issues": [],
        "agentName": parent["agentName"],
        "logUrl": parent["logUrl"],
    }


def _detail_status(state: str, result: str) -> str:
    return TASK_STATUS[result] if state == "Completed" else DETAIL_STATUS[state]


def _pauses(
    shown: Shown, project: str, release: int, found: AttemptView, rank: int
) -> list[dict[str, Any]]:
    asked = (one for one in found.interventions if one.phase_rank == rank)
    return [pause(shown, project, release, one) for one in asked]


def _gates(found: AttemptView, side: Side, samples: int) -> dict[str, Any] | None:
    run = next((run for run in found.gates if run.side is side), None)
    return gates(run, samples) if run else None


def _problems(found: AttemptView) -> list[dict[str, Any]]:
    """Why the attempt ended otherwise than hoped, where no task of it says so."""
    said = [_issue("Error", phase.problem) for phase in found.phases if phase.problem]
    said += [issue for phase in found.phases for job in phase.jobs for issue in _issues(job)]
    if found.outcome == "superseded":
        said.append(_issue("Error", found.comment))
    return said


def _issues(job: JobView) -> list[dict[str, Any]]:
    """What was wrong with a job as a whole; one that was passed over is no error."""
    kind = "Warning" if job.status is JobStatus.SKIPPED else "Error"
    return [_issue(kind, job.error)] if job.error else []


def _issue(kind: str, message: str, data: dict[str, str] | None = None) -> dict[str, Any]:
    return {"issueType": kind, "message": message, "data": data or {}}


def _phase(
    shown: Shown, project: str, release: int, stage: StageView, found: PhaseView
) -> dict[str, Any]:
    plan = _phase_plan(stage, found)
    return {
        "id": found.id,
        "phaseId": str(found.id),
        "name": plan.name if plan else "",
        "rank": found.rank,
        "phaseType": plan.kind if plan else "undefined",
        "status": word(phase_status(_leaves(found))),
        "runPlanId": plan_of_phase(found.id),
        "deploymentJobs": [_job(shown, project, release, stage, found, job) for job in found.jobs],
        "errorLog": found.problem or None,
        "startedOn": date_out(found.started_at),
    }


def _phase_plan(stage: StageView, found: PhaseView) -> PhasePlan | None:
    return next((plan for plan in stage.plan.phases if plan.rank == found.rank), None)


def _leaves(found: PhaseView) -> Phase:
    """The part of a phase that its status is derived from."""
    jobs = tuple(
        Job(job.position, job.name, job.status, job.created_at, id=JobId(job.id))
        for job in found.jobs
    )
    return Phase(
        found.rank, found.started_at, jobs, found.is_skipped, found.problem, found.is_tolerant
    )


def _job(
    shown: Shown,
    project: str,
    release: int,
    stage: StageView,
    phase: PhaseView,
    found: JobView,
) -> dict[str, Any]:
    first_log = found.steps[0].id if found.steps else 0
    body = {
        "id": found.id,
        "timelineRecordId": record_of_job(found.id),
        "name": found.name,
        "dateStarted": date_out(found.started_at),
        "dateEnded": date_out(found.ended_at),
        "startTime": date_out(found.started_at),
        "finishTime": date_out(found.ended_at),
        "status": JOB_STATUS[found.status],
        "rank": found.position + 1,
        "issues": _issues(found),
        "agentName": found.worker_name or found.worker or None,
    }
    if first_log:
        body["logUrl"] = shown.links.task_log(project, release, stage.id, phase.id, first_log)
    tasks = [_task(shown, project, release, stage, phase, found, step) for step in found.steps]
    return {"job": body, "tasks": tasks}


def _task(
    shown: Shown,
    project: str,
    release: int,
    stage: StageView,
    phase: PhaseView,
    job: JobView,
    step: TaskRun,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": step.id,
        "timelineRecordId": str(step.instance_id),
        "name": step.name,
        "dateStarted": date_out(step.started_at),
        "dateEnded": date_out(step.finished_at),
        "startTime": date_out(step.started_at),
        "finishTime": date_out(step.finished_at),
        "status": task_status(step, job),
        "rank": step.rank,
        "lineCount": step.line_count,
        "percentComplete": 100 if step.finished_at else step.percent,
        "issues": [_issue(i.type.capitalize(), i.message, i.data) for i in step.issues],
        "agentName": job.worker_name or job.worker or None,
        "logUrl": shown.links.task_log(project, release, stage.id, phase.id, step.id),
    }
    if step.outputs:
        body["outputVariables"] = {
            output.name: {"value": output.value or None, "isSecret": output.is_secret}
            for output in step.outputs
        }
    if step.task_id:
        body["task"] = {"id": step.task_id, "name": step.name, "version": step.version}
    return body


def task_status(step: TaskRun, job: JobView) -> str:
    """The published status of a step; one that never ran in an ended job was skipped."""
    if step.result:
        return TASK_STATUS[step.result]
    if job.status.is_ended:
        return "skipped" if step.started_at is None else "canceled"
    return "inProgress" if step.started_at else "pending"
