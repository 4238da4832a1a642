"""Secure files (the distributedtask area of `locations.json`, SEMANTICS 18.4)."""

from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from quaymaster.actions.releases import reading
from quaymaster.actions.resources import secure_files
from quaymaster.apis.azure.asked import AzureRequest, nothing, object_in, text_in
from quaymaster.apis.azure.policy import check_signed_in, needs
from quaymaster.apis.azure.present.shown import Shown, actor
from quaymaster.apis.azure.values import date_out, list_in
from quaymaster.apis.shared.refusals import NotServed, ScopeMissing
from quaymaster.apis.shared.scopes import Scope, allows
from quaymaster.store.resources.secure_files import SecureFile

PLAIN = "/distributedtask/securefiles"
ONE = PLAIN + "/{secure_file_id:str}"


@get(PLAIN, opt=needs(Scope.SECURE_FILE))
async def list_files(request: AzureRequest) -> Response[bytes]:
    """The project's secure files by name; a pattern, ids or names narrow the list."""
    query = request.parameters
    pattern = query.text("namePattern").casefold().strip("*")
    ids = {text.casefold() for text in list_in(query.all("secureFileIds"))}
    names = {text.casefold() for text in list_in(query.all("secureFileNames"))}
    found = [
        one
        for one in await secure_files.listed(request.in_project())
        if pattern in one.name.casefold()
        and (not ids or one.id in ids)
        and (not names or one.name.casefold() in names)
    ]
    return request.collection("secureFile", await _shown(request, found))


@get(ONE, opt=needs(Scope.PUBLIC))
async def get_file(request: AzureRequest, secure_file_id: FromPath[str]) -> Response[bytes]:
    """One secure file, or with the ticket of a job what is in it."""
    ticket = request.parameters.text("ticket")
    if ticket:
        installation = request.asked.installation
        content = await secure_files.fetch(installation, secure_file_id, ticket)
        return request.text(content, "application/octet-stream")
    check_signed_in(request.asked)
    if not allows(request.caller.scopes, Scope.SECURE_FILE):
        raise ScopeMissing(f"VS402904: The token does not have the scope {Scope.SECURE_FILE}.")
    found = await secure_files.get(request.in_project(), secure_file_id)
    return await _answer(request, found)


@post(PLAIN, opt=needs(Scope.SECURE_FILE_MANAGE), status_code=200)
async def add_file(request: AzureRequest) -> Response[bytes]:
    """Keep the body under the name that `name` gives."""
    if request.parameters.text("condition"):
        raise NotServed("Secure files cannot be searched by their properties here; list them.")
    name = request.parameters.text("name")
    made = await secure_files.add(request.in_project(), name, await request.body())
    return await _answer(request, made)


@patch(ONE, opt=needs(Scope.SECURE_FILE_MANAGE))
async def update_file(request: AzureRequest, secure_file_id: FromPath[str]) -> Response[bytes]:
    """Give a secure file another name or other properties."""
    body = await request.properties("secureFile", ("id", "name", "properties"))
    properties = body.get("properties")
    changed = await secure_files.change(
        request.in_project(),
        secure_file_id,
        None if body.get("name") is None else text_in(body.get("name"), "name"),
        None if properties is None else _texts(properties),
    )
    return await _answer(request, changed)


@delete(ONE, opt=needs(Scope.SECURE_FILE_MANAGE), status_code=204)
async def delete_file(request: AzureRequest, secure_file_id: FromPath[str]) -> Response[None]:
    """Remove a secure file."""
    await secure_files.delete(request.in_project(), secure_file_id)
    return nothing()


def _texts(given: Any) -> dict[str, str]:
    return {
        name: text_in(value, f"properties.{name}")
        for name, value in object_in(given, "properties").items()
    }


async def _answer(request: AzureRequest, found: SecureFile) -> Response[bytes]:
    [body] = await _shown(request, [found])
    return request.answer("secureFile", body)


async def _shown(request: AzureRequest, found: list[SecureFile]) -> list[dict[str, Any]]:
    named = [who for one in found for who in (one.created_by, one.modified_by)]
    shown = Shown(request.links, await reading.mentioned(request.call, named))
    return [
        {
            "id": one.id,
            "name": one.name,
            "properties": dict(one.properties),
            "createdBy": actor(shown, one.created_by),
            "createdOn": date_out(one.created_at),
            "modifiedBy": actor(shown, one.modified_by),
            "modifiedOn": date_out(one.modified_at),
        }
        for one in found
    ]


ROUTES = [list_files, get_file, add_file, update_file, delete_file]
