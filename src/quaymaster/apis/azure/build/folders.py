"""Folders of build definitions; the path stands in the URL, the query or the body."""

from typing import Any

from litestar import Response, delete, get, post, put

from quaymaster.actions.builds.definitions import folders
from quaymaster.actions.releases import reading
from quaymaster.apis.azure.asked import AzureRequest, nothing, text_in
from quaymaster.apis.azure.build import present
from quaymaster.apis.azure.build.words import FOLDER_ORDER
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown, person
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.definitions.folders import BUILD, Folder

PATHS = ["/build/folders", "/build/folders/{path:path}"]
KNOWN = ("path", "description")
ROOT = "\\"


@get(PATHS, opt=needs(Scope.BUILD))
async def list_build_folders(request: AzureRequest) -> Response[bytes]:
    """The folder and all below it, the root first."""
    call, path = request.in_project(), _path(request) or ROOT
    found, people = await folders.listed(call, path, BUILD)
    shown = Shown(request.links, people)
    values = [_folder(request, shown, one) for one in found]
    if not path.strip(ROOT):
        values.insert(0, {"path": ROOT, "description": None, "project": _project(request)})
    order = FOLDER_ORDER.read(request.parameters.text("queryOrder") or "none", "queryOrder")
    if order == "folderDescending":
        values.reverse()
    return request.collection("buildFolder", values)


@put(PATHS, opt=needs(Scope.BUILD_EXECUTE))
async def create_build_folder(request: AzureRequest) -> Response[bytes]:
    """Make a folder."""
    call = request.in_project()
    body = await request.properties("buildFolder", KNOWN)
    path = _path(request) or text_in(body.get("path"), "path")
    if not path:
        raise Problem(400, "ArgumentNullException", "Value cannot be null. Parameter name: path")
    described = text_in(body.get("description"), "description")
    return await _answer(request, await folders.create(call, path, described, BUILD))


@post(PATHS, opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def update_build_folder(request: AzureRequest) -> Response[bytes]:
    """Rename or move a folder to the path of the body, or change its description."""
    call = request.in_project()
    body = await request.properties("buildFolder", KNOWN)
    described = body.get("description")
    description = None if described is None else text_in(described, "description")
    to = text_in(body.get("path"), "path")
    changed = await folders.update(call, _path(request), to, description, BUILD)
    return await _answer(request, changed)


@delete(PATHS, opt=needs(Scope.BUILD_EXECUTE), status_code=204)
async def delete_build_folder(request: AzureRequest) -> Response[None]:
    """Delete a folder and every definition in it."""
    await folders.delete(request.in_project(), _path(request), BUILD)
    return nothing()


def _path(request: AzureRequest) -> str:
    return ROOT.join(request.asked.tail[2:]) or request.parameters.text("path")


async def _answer(request: AzureRequest, found: Folder) -> Response[bytes]:
    people = await reading.mentioned(request.call, [found.created_by, found.modified_by])
    return request.answer("buildFolder", _folder(request, Shown(request.links, people), found))


def _folder(request: AzureRequest, shown: Shown, found: Folder) -> dict[str, Any]:
    return {
        "path": found.path,
        "description": found.description,
        "createdOn": date_out(found.created_at),
        "createdBy": person(shown, found.created_by),
        "lastChangedDate": date_out(found.modified_at),
        "lastChangedBy": person(shown, found.modified_by),
        "project": _project(request),
    }


def _project(request: AzureRequest) -> dict[str, Any]:
    project = request.in_project().project
    return present.project(request.links, project.id, project.name) if project else {}


ROUTES = [list_build_folders, create_build_folder, update_build_folder, delete_build_folder]
