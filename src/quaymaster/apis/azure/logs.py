"""Logs: one task's as text, a release's as a zip (CONTRACT B 27, 28)."""

from collections.abc import Iterator

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from quaymaster.actions.deployments.gates import asking
from quaymaster.actions.jobs import logs, steps
from quaymaster.actions.releases import reading
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.environments import PATH as ENVIRONMENT
from quaymaster.apis.azure.environments import stage_number, timeline_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.waiting import place_of_task
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.streaming import streamed
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import GateRun
from quaymaster.store.jobs.logs import Lines
from quaymaster.store.releases.views import ReleaseView

LARGEST_LINE = 2**53


@get(
    ENVIRONMENT + "/deployphases/{phase_id:str}/tasks/{task_id:str}/logs",
    opt=needs(Scope.RELEASE),
)
async def get_task_log(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    phase_id: FromPath[str],
    task_id: FromPath[str],
) -> Stream:
    """One task's log; `startLine` and `endLine` cut it."""
    phase = number_in(phase_id, "releaseDeployPhaseId")
    return await _text(request, release_id, stage_id, task_id, phase)


@get(
    ENVIRONMENT + "/attempts/{attempt_id:str}/timelines/{plan_id:str}/tasks/{task_id:str}/logs",
    opt=needs(Scope.RELEASE),
)
async def get_timeline_log(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    attempt_id: FromPath[str],
    plan_id: FromPath[str],
    task_id: FromPath[str],
) -> Stream:
    """The same by the timeline of an attempt."""
    where = timeline_in(release_id, stage_id, attempt_id, plan_id)
    found = await steps.of_timeline(request.call, where)
    return await _text(request, release_id, stage_id, task_id, found.phases[0].id)


@get(ENVIRONMENT + "/tasks/{task_id:str}/logs", opt=needs(Scope.RELEASE))
async def get_log(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    task_id: FromPath[str],
) -> Stream:
    """The same by the older route, which does not name the phase."""
    return await _text(request, release_id, stage_id, task_id, None)


@get("/release/releases/{release_id:str}/logs", opt=needs(Scope.RELEASE))
async def get_logs(request: AzureRequest, release_id: FromPath[str]) -> Stream:
    """Everything that was logged for a release, as a zip."""
    number = release_number(release_id)
    pieces = await logs.of_release(request.call, number)
    name = f"ReleaseLogs_{number}.zip"
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return await streamed(pieces, "application/zip", headers)


async def _text(
    request: AzureRequest, release_id: str, stage_id: str, task_id: str, phase: int | None
) -> Stream:
    task = number_in(task_id, "taskId")
    wanted = lines_in(request.parameters)
    pieces = await logs.of_step(
        request.call, release_number(release_id), stage_number(stage_id), task, wanted, phase
    )
    return await streamed(pieces, "text/plain")


def lines_in(query: Query) -> Lines:
    """The lines that `startLine` and `endLine` cut out. Raises Problem."""
    start, end = query.text("startLine"), query.text("endLine")
    return Lines(
        number_in(start, "startLine", lowest=0, highest=LARGEST_LINE) or None if start else None,
        number_in(end, "endLine", lowest=0, highest=LARGEST_LINE) or None if end else None,
    )


@get(ENVIRONMENT + "/gates/{gate_id:str}/tasks/{task_id:str}/logs", opt=needs(Scope.RELEASE))
async def get_gate_log(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    gate_id: FromPath[str],
    task_id: FromPath[str],
) -> Response[bytes]:
    """What a gate was asked in one sample, and what it answered."""
    found = await reading.release(request.call, release_number(release_id))
    stage, gate = stage_number(stage_id), number_in(gate_id, "gateId")
    sample, rank = place_of_task(number_in(task_id, "taskId"))
    for run in _gate_runs(found.view, stage):
        if run.id == gate:
            files = request.call.installation.files
            return request.text(await asking.evidence(files, run, sample, rank))
    raise NotFound("gates", gate)


def _gate_runs(view: ReleaseView, stage_id: int) -> Iterator[GateRun]:
    for stage in view.stages:
        for attempt in stage.attempts if stage.id == stage_id else ():
            yield from attempt.gates


ROUTES = [get_task_log, get_timeline_log, get_log, get_logs, get_gate_log]
