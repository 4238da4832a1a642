"""Deployments as a list with all published filters (CONTRACT B 10, E 9 and 12)."""

from litestar import Response, get

from quaymaster.actions import reading
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import deployment as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.values import bool_in, date_in, number_in
from quaymaster.apis.azure.words import DEPLOYMENT_STATUS, OPERATION_STATUS, QUERY_ORDER
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.statuses import DeploymentStatus, OperationStatus
from quaymaster.store.deployment_lists import DeploymentFilter
from quaymaster.store.paging import Paging

USUAL, MOST = 50, 1000


@get("/release/deployments", opt=needs(Scope.RELEASE))
async def list_deployments(request: AzureRequest) -> Response[bytes]:
    """Deployments, newest first; filters are joined by "and"."""
    query = request.parameters
    if _names_another_project(request):
        return request.collection("deployment", [])
    order = QUERY_ORDER.read(query.text("queryOrder") or "descending", "queryOrder")
    limit = paging.top(query, usual=USUAL, most=MOST)
    start = Paging(limit, paging.id_token(query) or None, order == "ascending")
    wanted = await _filter(request)
    page, people = await reading.deployments(request.call, wanted, start)
    shown = Shown(request.links, people)
    values = [present.deployment(shown, line, approvals=True, artifacts=True) for line in page.rows]
    return request.collection("deployment", values, page.next)


def _names_another_project(request: AzureRequest) -> bool:
    """The seed's `projectName`: another project than the path's has nothing to show (E 9)."""
    named = request.parameters.text("projectName")
    project = request.call.project
    if not named or project is None:
        return False
    return named.casefold() not in (project.name.casefold(), project.id)


async def _filter(request: AzureRequest) -> DeploymentFilter:
    query = request.parameters
    return DeploymentFilter(
        projects=(),
        definition_id=_number(query, "definitionId"),
        definition_stage_id=_number(query, "definitionEnvironmentId"),
        requested_by=await _person(request, "createdBy"),
        requested_for=await _person(request, "createdFor"),
        min_modified=date_in(query.text("minModifiedTime"), "minModifiedTime"),
        max_modified=date_in(query.text("maxModifiedTime"), "maxModifiedTime"),
        min_started=date_in(query.text("minStartedTime"), "minStartedTime"),
        max_started=date_in(query.text("maxStartedTime"), "maxStartedTime"),
        statuses=_statuses(query.text("deploymentStatus")),
        operation_statuses=_operations(query.text("operationStatus")),
        source_branch=query.text("sourceBranch") or None,
        newest_only=bool_in(query.text("latestAttemptsOnly") or "false", "latestAttemptsOnly"),
    )


async def _person(request: AzureRequest, name: str) -> str | None:
    """The id behind a name or id; somebody unknown keeps the text, which finds nothing."""
    named = request.parameters.text(name)
    return await reading.identity_named(request.call, named) if named else None


def _number(query: Query, name: str) -> int | None:
    text = query.text(name)
    return number_in(text, name) or None if text else None


def _statuses(text: str) -> tuple[DeploymentStatus, ...]:
    bits = DEPLOYMENT_STATUS.bits([text], "deploymentStatus") if text else 0
    names = DEPLOYMENT_STATUS.names(bits)
    return tuple(status for status in DeploymentStatus if status.value in names)


def _operations(text: str) -> tuple[OperationStatus, ...]:
    bits = OPERATION_STATUS.bits([text], "operationStatus") if text else 0
    names = OPERATION_STATUS.names(bits)
    return tuple(status for status in OperationStatus if status.value in names)


ROUTES = [list_deployments]
