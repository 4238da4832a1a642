"""Folders of release definitions (CONTRACT B 11-14); the path stands in the URL or the body."""

from typing import Any

from litestar import Response, delete, get, patch, post

from quaymaster.actions.builds.definitions import folders
from quaymaster.actions.releases import reading
from quaymaster.apis.azure.asked import AzureRequest, nothing, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown, person
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.azure.words import FOLDER_ORDER
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.definitions.folders import Folder

PLAIN = "/release/folders"
NAMED = "/release/folders/{path:path}"
KNOWN = ("path", "description")
ROOT = "\\"


@get([PLAIN, NAMED], opt=needs(Scope.RELEASE))
async def list_folders(request: AzureRequest) -> Response[bytes]:
    """The folder of the path and all below it; the root, which always exists, without one."""
    call = request.in_project()
    path = _path(request) or ROOT
    found, people = await folders.listed(call, path)
    shown = Shown(request.links, people)
    values = [_folder(shown, one) for one in found]
    if not path.strip(ROOT):
        values.insert(0, {"path": ROOT, "description": None})
    if FOLDER_ORDER.read(request.parameters.text("queryOrder") or "none", "queryOrder") == (
        "descending"
    ):
        values.reverse()
    return request.collection("folder", values)


@post([PLAIN, NAMED], opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def create_folder(request: AzureRequest) -> Response[bytes]:
    """Make a folder; the path of the body wins over the one of the URL."""
    call = request.in_project()
    body = await request.properties("folder", KNOWN)
    path = text_in(body.get("path"), "path") or _path(request)
    if not path:
        raise Problem(400, "ArgumentNullException", "Value cannot be null. Parameter name: path")
    made = await folders.create(call, path, text_in(body.get("description"), "description"))
    return await _answer(request, made)


@patch(NAMED, opt=needs(Scope.RELEASE_EXECUTE))
async def update_folder(request: AzureRequest) -> Response[bytes]:
    """Rename or move a folder (the body's path), or change its description."""
    call = request.in_project()
    body = await request.properties("folder", KNOWN)
    described = body.get("description")
    description = None if described is None else text_in(described, "description")
    to = text_in(body.get("path"), "path")
    return await _answer(request, await folders.update(call, _path(request), to, description))


@delete(NAMED, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_folder(request: AzureRequest) -> Response[None]:
    """Delete a folder and every definition in it."""
    await folders.delete(request.in_project(), _path(request))
    return nothing()


def _path(request: AzureRequest) -> str:
    """The rest of the path as sent: `\\A\\B` in one encoded part, or one part a folder."""
    return ROOT.join(request.asked.tail[2:])


async def _answer(request: AzureRequest, found: Folder) -> Response[bytes]:
    people = await reading.mentioned(request.call, [found.created_by, found.modified_by])
    return request.answer("folder", _folder(Shown(request.links, people), found))


def _folder(shown: Shown, found: Folder) -> dict[str, Any]:
    return {
        "path": found.path,
        "description": found.description,
        "createdOn": date_out(found.created_at),
        "createdBy": person(shown, found.created_by),
        "lastChangedDate": date_out(found.modified_at),
        "lastChangedBy": person(shown, found.modified_by),
    }


ROUTES = [list_folders, create_folder, update_folder, delete_folder]
