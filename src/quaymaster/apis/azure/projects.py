"""Projects: the list, and one of them by its name or id (CONTRACT B.2)."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.call import Project
from quaymaster.actions.people import projects
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.paging import id_token, top
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import bool_in, date_out, number_in
from quaymaster.apis.azure.words import PROJECT_STATE
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound

PROCESS_TEMPLATE = "adcc42ab-9882-485e-a3ed-7678f01f66bc"
MOST = 1000
USUAL = 100
STATE = "wellFormed"
STATES_HERE = (STATE, "all", "unchanged")


@get("/projects", opt=needs(Scope.PROJECT))
async def list_projects(request: AzureRequest) -> Response[bytes]:
    """The projects that the caller may see, by name; `top` and `skip`, with or without `$`."""
    call, query = request.call, request.parameters
    found = await projects.listed(call.database, request.caller, request.asked.organization) or []
    if PROJECT_STATE.read(query.text("stateFilter") or "all", "stateFilter") not in STATES_HERE:
        found = []
    start = id_token(query)
    if query.text("skip"):
        start = number_in(query.text("skip"), "$skip", lowest=0)
    end = start + top(query, usual=USUAL, most=MOST)
    token = end if end < len(found) else None
    return request.collection(
        "project", [_project(request, project) for project in found[start:end]], token
    )


@get("/projects/{name_or_id:str}", opt=needs(Scope.PROJECT))
async def get_project(request: AzureRequest, name_or_id: FromPath[str]) -> Response[bytes]:
    """One project; `includeCapabilities` adds what it can do."""
    named = request.asked.tail[1]
    project = await projects.find(
        request.call.database, request.caller, request.asked.organization, named
    )
    if project is None:
        raise NotFound("project", name_or_id and named)
    body = _project(request, project)
    body["_links"] = {
        "self": {"href": request.links.project(project.id)},
        "collection": {"href": f"{request.links.base}/_apis/projectCollections"},
        "web": {"href": f"{request.links.base}/{project.name}"},
    }
    wanted = request.parameters.text("includeCapabilities")
    if wanted and bool_in(wanted, "includeCapabilities"):
        body["capabilities"] = {
            "versioncontrol": {"sourceControlType": "Git", "gitEnabled": "True"},
            "processTemplate": {"templateName": "Basic", "templateTypeId": PROCESS_TEMPLATE},
        }
    return request.answer("project", body)


def _project(request: AzureRequest, project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "url": request.links.project(project.id),
        "state": STATE,
        "revision": 1,
        "visibility": "private",
        "lastUpdateTime": date_out(project.created_at),
    }


ROUTES = [list_projects, get_project]
