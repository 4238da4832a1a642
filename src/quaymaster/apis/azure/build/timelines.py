"""What a build did: timeline, logs, changes (CONTRACT B.1, SEMANTICS 23)."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from quaymaster.actions.builds import reading
from quaymaster.actions.builds.reading import Timeline
from quaymaster.actions.builds.results import logs
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.build import present
from quaymaster.apis.azure.build.builds import ONE, build_number
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.logs import lines_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.streaming import streamed
from quaymaster.apis.azure.values import date_out, number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.builds.timelines import BuildChange, TimelineJob
from quaymaster.store.jobs.task_runs import TaskRun

STATES = {"held": "pending", "waiting": "pending", "running": "inProgress"}
RESULTS = {
    "succeeded": "succeeded",
    "withIssues": "succeededWithIssues",
    "failed": "failed",
    "canceled": "canceled",
    "skipped": "skipped",
}
WORST = ("skipped", "succeeded", "succeededWithIssues", "canceled", "failed")
ONLY_STAGE = "__default"
PER_PAGE = 50


@get([f"{ONE}/timeline", f"{ONE}/timeline/{{timeline_id:str}}"], opt=needs(Scope.BUILD))
async def get_build_timeline(
    request: AzureRequest, build_id: FromPath[str], timeline_id: FromPath[str] = ""
) -> Response[bytes]:
    """Stages, jobs and steps of a build with their states, results and logs."""
    found = await reading.steps(request.call, build_number(build_id))
    if timeline_id and timeline_id != str(found.view.plan_id):
        raise Problem(
            404, "TimelineNotFoundException", f"The build has no timeline {timeline_id[:80]}."
        )
    return request.answer("timeline", _timeline(request, found))


def _timeline(request: AzureRequest, found: Timeline) -> dict[str, Any]:
    url = f"{_url(request, found)}/Timeline/{found.view.plan_id}"
    return {
        "records": list(_records(request, found)),
        "lastChangedBy": "00000002-0000-8888-8000-000000000000",
        "lastChangedOn": date_out(found.view.changed_at),
        "id": str(found.view.plan_id),
        "changeId": len(found.steps) + len(found.jobs),
        "url": url,
    }


def _url(request: AzureRequest, found: Timeline) -> str:
    return request.links.apis(str(found.view.project_id), f"build/builds/{found.view.id}")


def _records(request: AzureRequest, found: Timeline) -> Iterator[dict[str, Any]]:
    newest = {job.key: job for job in found.jobs}
    for order, stage in enumerate(found.plan.stages, 1):
        inside = [
            newest[p.key] for p in found.plan.jobs if p.stage == stage.name if p.key in newest
        ]
        name = "" if stage.name == ONLY_STAGE else stage.display_name or stage.name
        yield _stage(found, order, stage.name, name or "Build", inside)
    for order, job in enumerate(newest.values(), 1):
        yield _job(request, found, order, job)
        for step in found.steps:
            if step.job_id == job.id:
                yield _step(request, found, job, step)


def _stage_id(found: Timeline, stage: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"builds/{found.view.id}/stages/{stage}")


def _record(record_id: object, parent: object, kind: str, name: str, order: int) -> dict[str, Any]:
    return {
        "previousAttempts": [],
        "id": str(record_id),
        "parentId": str(parent) if parent else None,
        "type": kind,
        "name": name,
        "startTime": None,
        "finishTime": None,
        "currentOperation": None,
        "percentComplete": None,
        "state": "pending",
        "result": None,
        "resultCode": None,
        "changeId": order,
        "lastModified": "0001-01-01T00:00:00",
        "workerName": None,
        "order": order,
        "details": None,
        "errorCount": 0,
        "warningCount": 0,
        "url": None,
        "log": None,
        "task": None,
        "attempt": 1,
        "identifier": None,
        "issues": [],
    }


def _stage(
    found: Timeline, order: int, stage: str, name: str, jobs: list[TimelineJob]
) -> dict[str, Any]:
    record = _record(_stage_id(found, stage), None, "Stage", name, order)
    record["identifier"] = stage
    record["startTime"] = date_out(min((j.started_at for j in jobs if j.started_at), default=None))
    ended = all(job.status in RESULTS for job in jobs)
    planned = sum(plan.stage == stage for plan in found.plan.jobs)
    if jobs and ended and len(jobs) == planned:
        record["state"] = "completed"
        record["result"] = max((RESULTS[job.status] for job in jobs), key=WORST.index)
        record["finishTime"] = date_out(max((j.ended_at for j in jobs if j.ended_at), default=None))
    elif any(job.started_at for job in jobs):
        record["state"] = "inProgress"
    return record


def _job(request: AzureRequest, found: Timeline, order: int, job: TimelineJob) -> dict[str, Any]:
    stage = found.plan.job(job.key).stage
    record = _record(job.record_id, _stage_id(found, stage), "Job", job.name, order)
    record |= {
        "startTime": date_out(job.started_at),
        "finishTime": date_out(job.ended_at),
        "state": STATES.get(job.status, "completed"),
        "result": RESULTS.get(job.status),
        "workerName": job.worker or None,
        "queueId": job.queue_id,
        "attempt": job.attempt,
        "identifier": f"{stage}.{job.key}",
        "previousAttempts": [
            {
                "attempt": other.attempt,
                "timelineId": str(found.view.plan_id),
                "recordId": str(other.record_id),
            }
            for other in found.jobs
            if other.key == job.key and other.attempt < job.attempt
        ],
    }
    warned = [one for one in found.view.validation if job.key in one.get("jobs", ())]
    issues = [_issue(one["result"], one["message"]) for one in warned]
    if job.error:
        issues.insert(0, _issue("error", job.error))
    record |= {
        "issues": issues,
        "errorCount": 1 if job.error else 0,
        "warningCount": len(warned),
    }
    first = next((step for step in found.steps if step.job_id == job.id and step.line_count), None)
    record["log"] = _log(request, found, first.id) if first else None
    return record


def _issue(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "category": "General", "message": message, "data": {}}


def _step(
    request: AzureRequest, found: Timeline, job: TimelineJob, step: TaskRun
) -> dict[str, Any]:
    record = _record(step.instance_id, job.record_id, "Task", step.name, step.rank)
    result = step.result[:1].lower() + step.result[1:]
    record |= {
        "startTime": date_out(step.started_at),
        "finishTime": date_out(step.finished_at),
        "currentOperation": step.operation or None,
        "percentComplete": step.percent or None,
        "state": step.status,
        "result": result or None,
        "workerName": job.worker or None,
        "errorCount": step.error_count,
        "warningCount": step.warning_count,
        "attempt": job.attempt,
        "issues": [
            {
                "type": issue.type,
                "category": issue.data.get("category", "General"),
                "message": issue.message,
                "data": issue.data,
            }
            for issue in step.issues
        ],
    }
    if step.line_count:
        record["log"] = _log(request, found, step.id)
    if step.task_id:
        record["task"] = {"id": step.task_id, "name": step.name, "version": step.version}
    return record


def _log(request: AzureRequest, found: Timeline, log_id: int) -> dict[str, Any]:
    return {"id": log_id, "type": "Container", "url": f"{_url(request, found)}/logs/{log_id}"}


@get(f"{ONE}/logs", opt=needs(Scope.BUILD), status_code=200)
async def get_build_logs(
    request: AzureRequest, build_id: FromPath[str]
) -> Response[bytes] | Stream:
    """The logs of a build as a list, or all of them as a zip where the caller takes one."""
    number = build_number(build_id)
    if request.wants_zip:
        pieces = await logs.zipped(request.call, number)
        headers = {"Content-Disposition": f"attachment; filename=build_{number}_logs.zip"}
        return await streamed(pieces, "application/zip", headers)
    found = await reading.steps(request.call, number)
    values = [
        {
            **_log(request, found, step.id),
            "createdOn": date_out(step.started_at),
            "lastChangedOn": date_out(step.finished_at or step.started_at),
            "lineCount": step.line_count,
        }
        for step in found.steps
        if step.line_count
    ]
    return request.collection("buildLog", values)


@get(f"{ONE}/logs/{{log_id:str}}", opt=needs(Scope.BUILD), status_code=200)
async def get_build_log(
    request: AzureRequest, build_id: FromPath[str], log_id: FromPath[str]
) -> Response[bytes] | Stream:
    """One log as text, or as a list of lines for callers that take JSON; also while it grows."""
    number, log = build_number(build_id), number_in(log_id, "logId", lowest=1, highest=2**53)
    wanted = lines_in(request.parameters)
    pieces = await logs.of_step(request.call, number, log, wanted)
    accepted = request.headers.get("accept", "")
    if "application/json" in accepted and "text/plain" not in accepted:
        return await streamed(_listed(pieces), request.json_kind)
    return await streamed(pieces, "text/plain")


async def _listed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A collection of the lines that come in pieces of whole ones. Its `count` stands at the end:
    nobody knows it before, and a log is far larger than what may be held at once."""
    count, before = 0, b'{"value":['
    async for piece in pieces:
        lines = piece.decode("utf-8", "replace").removesuffix("\n").split("\n")
        yield before + msgspec.json.encode(lines)[1:-1]
        count, before = count + len(lines), b","
    yield (before if count == 0 else b"") + b'],"count":%d}' % count


@get(f"{ONE}/changes", opt=needs(Scope.BUILD))
async def get_build_changes(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """The commits of a build, newest first."""
    query, number = request.parameters, build_number(build_id)
    most = paging.top(query, usual=PER_PAGE, most=1000)
    start = paging.id_token(query)
    found = await reading.changes(request.call, number, start, most + 1)
    token = start + most if len(found) > most else None
    return request.collection("change", [change(one) for one in found[:most]], token)


def change(found: BuildChange) -> dict[str, Any]:
    """A Change: one commit."""
    author = {"displayName": found.author_name, "uniqueName": found.author_email, "id": None}
    return {
        "id": found.id,
        "message": found.message,
        "type": found.type,
        "author": author,
        "timestamp": date_out(found.at),
        "location": found.location or None,
        "displayUri": found.display_uri or None,
        "pusher": found.pusher or None,
        "messageTruncated": False,
    }


@get(f"{ONE}/workitems", opt=needs(Scope.BUILD))
async def get_build_work_items(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """The work items that the commits of a build name by `#number`, in their order."""
    number = build_number(build_id)
    found = await reading.changes(request.call, number, 0, 1000)
    items = reading.work_items(found)[: paging.top(request.parameters, usual=50, most=1000)]
    return request.collection("resourceRef", present.work_items(request.links, items))


ROUTES = [
    get_build_timeline,
    get_build_logs,
    get_build_log,
    get_build_changes,
    get_build_work_items,
]
