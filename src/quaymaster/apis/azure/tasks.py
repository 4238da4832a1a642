"""The tasks of a deployment, by attempt, phase or timeline (CONTRACT B.4)."""

from collections.abc import Callable
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.jobs import steps
from quaymaster.actions.jobs.steps import Phases
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.environments import PATH as ENVIRONMENT
from quaymaster.apis.azure.environments import stage_number, timeline_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import attempt as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.scopes import Scope


@get(ENVIRONMENT + "/tasks", opt=needs(Scope.RELEASE))
async def get_tasks(
    request: AzureRequest, release_id: FromPath[str], stage_id: FromPath[str]
) -> Response[bytes]:
    """The tasks of an attempt (`attemptId`, its number), or of the newest one."""
    named = request.parameters.text("attemptId")
    attempt = number_in(named, "attemptId", lowest=1) if named else None
    release, stage = release_number(release_id), stage_number(stage_id)
    found = await steps.of_attempt(request.call, release, stage, attempt)
    return _listed(request, found, present.tasks)


@get(ENVIRONMENT + "/deployphases/{phase_id:str}/tasks", opt=needs(Scope.RELEASE))
async def get_tasks_of_phase(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    phase_id: FromPath[str],
) -> Response[bytes]:
    """The tasks of one phase of an attempt."""
    release, stage = release_number(release_id), stage_number(stage_id)
    phase = number_in(phase_id, "releaseDeployPhaseId")
    found = await steps.of_phase(request.call, release, stage, phase)
    return _listed(request, found, present.tasks)


@get(
    ENVIRONMENT + "/attempts/{attempt_id:str}/timelines/{plan_id:str}/tasks",
    opt=needs(Scope.RELEASE),
)
async def get_tasks_of_timeline(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    attempt_id: FromPath[str],
    plan_id: FromPath[str],
) -> Response[bytes]:
    """The tasks of a timeline, each with the records that it reported of itself."""
    where = timeline_in(release_id, stage_id, attempt_id, plan_id)
    found = await steps.of_timeline(request.call, where)
    return _listed(request, found, present.timeline)


def _listed(
    request: AzureRequest, found: Phases, shape: Callable[..., list[dict[str, Any]]]
) -> Response[bytes]:
    shown = Shown(request.links, found.found.people)
    head = found.release.head
    values = [
        task
        for phase in found.phases
        for task in shape(shown, str(head.project_id), head.id, found.stage, phase)
    ]
    return request.collection("releaseTask", values)


ROUTES = [get_tasks, get_tasks_of_phase, get_tasks_of_timeline]
