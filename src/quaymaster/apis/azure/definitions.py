"""Release definitions: list, get, save, delete, revisions (CONTRACT B 3-9, B.4; E 1, 2)."""

import base64
import binascii
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, delete, get, patch, post, put

from quaymaster.actions import definitions, reading
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest, nothing, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import definition as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.values import bool_in, list_in, number_in, numbers_in
from quaymaster.apis.azure.words import DEFINITION_EXPANDS, DEFINITION_ORDER
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.definition_lists import DefinitionFilter, DefinitionOrder, Key
from quaymaster.store.definitions import Definition

MOST = 10_000
PATH = "/release/definitions/{definition_id:str}"
IN_DOCUMENT = frozenset({"environments", "artifacts", "triggers", "variables"})


@get("/release/definitions", opt=needs(Scope.RELEASE))
async def list_definitions(request: AzureRequest) -> Response[bytes]:
    """Definitions in the light form; `$expand` adds parts of the document."""
    query = request.parameters
    expand = DEFINITION_EXPANDS.names(DEFINITION_EXPANDS.bits(query.all("expand"), "$expand"))
    page, people = await reading.definitions(
        request.call, _filter(query), with_documents=bool(expand & IN_DOCUMENT)
    )
    shown = Shown(request.links, people)
    values = [present.light(shown, row, expand) for row in page.rows]
    return request.collection("definition", values, _token(page.next) if page.next else None)


@get(PATH, opt=needs(Scope.RELEASE))
async def get_definition(request: AzureRequest, definition_id: str) -> Response[bytes]:
    """A whole definition, or one of its revisions as it was saved (`revision`)."""
    number = definition_number(definition_id)
    revision = request.parameters.text("revision")
    if revision:
        return await _revision_text(request, number, number_in(revision, "revision"))
    return await _shown(request, await definitions.get(request.call, number))


@post("/release/definitions", opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def create_definition(request: AzureRequest) -> Response[bytes]:
    """Save a new definition."""
    call = request.in_project()
    document = await _document(request)
    made = await definitions.create(call, document, api_version=request.asked.version.text)
    return await _shown(request, made)


@put("/release/definitions", opt=needs(Scope.RELEASE_MANAGE))
async def update_definition(request: AzureRequest) -> Response[bytes]:
    """Replace a definition; its id and revision are in the body."""
    request.in_project()
    return await _saved(request, await _document(request))


@put(PATH, opt=needs(Scope.RELEASE_MANAGE))
async def update_definition_by_path(request: AzureRequest, definition_id: str) -> Response[bytes]:
    """The same with the id in the path (the seed's form, and the one of old versions)."""
    request.in_project()
    number = definition_number(definition_id)
    document = await _document(request)
    key = next((key for key in document if key.casefold() == "id"), "id")
    if document.get(key) not in (None, 0, number):
        raise Problem(
            400,
            "VssPropertyValidationException",
            f"The body is of release pipeline {document[key]}, the address of {number}. "
            "Send it to its own address.",
        )
    return await _saved(request, {**document, key: number})


@patch(PATH, opt=needs(Scope.RELEASE_MANAGE))
async def undelete_definition(request: AzureRequest, definition_id: str) -> Response[bytes]:
    """Bring a deleted definition back; the body is `{comment}`."""
    request.in_project()
    number = definition_number(definition_id)
    body = await request.properties("undelete", ("comment",))
    await definitions.undelete(request.call, number, text_in(body.get("comment"), "comment"))
    return await _shown(request, await definitions.get(request.call, number))


@delete(PATH, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_definition(request: AzureRequest, definition_id: str) -> Response[None]:
    """Delete softly; `forceDelete` cancels what is under way first."""
    request.in_project()
    query = request.parameters
    await definitions.delete(
        request.call,
        definition_number(definition_id),
        query.text("comment"),
        force=bool_in(query.text("forceDelete") or "false", "forceDelete"),
    )
    return nothing()


@get(PATH + "/revisions", opt=needs(Scope.RELEASE))
async def list_revisions(request: AzureRequest, definition_id: str) -> Response[bytes]:
    """Who saved the definition when and why."""
    call = request.in_project()
    number = definition_number(definition_id)
    found = await definitions.revisions(call, number)
    shown = Shown(request.links, await reading.mentioned(call, [one.changed_by for one in found]))
    project = call.project.id if call.project else ""
    values = [present.revision(shown, project, number, one) for one in found]
    return request.collection("definitionRevision", values)


@get(PATH + "/revisions/{revision:str}", opt=needs(Scope.RELEASE))
async def get_revision(request: AzureRequest, definition_id: str, revision: str) -> Response[bytes]:
    """The document as it was saved, as text."""
    number = definition_number(definition_id)
    return await _revision_text(request, number, number_in(revision, "revision"))


async def _revision_text(request: AzureRequest, number: int, revision: int) -> Response[bytes]:
    text = await definitions.document_at(request.call, number, revision)
    document = {**msgspec.json.decode(text), "id": number, "revision": revision}
    return request.text(msgspec.json.encode(document))


async def _document(request: AzureRequest) -> dict[str, Any]:
    body = await request.document("definition")
    if not isinstance(body, dict):
        raise Problem(
            400,
            "ArgumentNullException",
            "Value cannot be null. Parameter name: releaseDefinition",
        )
    return body


async def _saved(request: AzureRequest, document: dict[str, Any]) -> Response[bytes]:
    version = request.asked.version.text
    return await _shown(
        request, await definitions.update(request.call, document, api_version=version)
    )


async def _shown(request: AzureRequest, found: Definition) -> Response[bytes]:
    named = reading.ids_in(msgspec.json.decode(found.document))
    people = await reading.mentioned(request.call, [*named, found.created_by, found.modified_by])
    return request.answer("definition", present.definition(Shown(request.links, people), found))


def definition_number(text: str) -> int:
    return number_in(text, "definitionId", lowest=1)


def _filter(query: Query) -> DefinitionFilter:
    order = DEFINITION_ORDER.read(query.text("queryOrder") or "idAscending", "queryOrder")
    ids = numbers_in(query.all("definitionIdFilter"), "definitionIdFilter")
    return DefinitionFilter(
        projects=(),
        search=query.text("searchText"),
        exact=bool_in(query.text("isExactNameMatch") or "false", "isExactNameMatch"),
        search_folders=bool_in(
            query.text("searchTextContainsFolderName") or "false", "searchTextContainsFolderName"
        ),
        artifact_type=query.text("artifactType"),
        artifact_source=query.text("artifactSourceId"),
        path=query.text("path"),
        tags=tuple(list_in(query.all("tagFilter"))),
        ids=tuple(ids) if ids else None,
        is_deleted=bool_in(query.text("isDeleted") or "false", "isDeleted"),
        order=DefinitionOrder(order),
        start=_start(query.text("continuationToken"), DefinitionOrder(order)),
        most=paging.top(query, usual=MOST, most=MOST),
    )


def _token(key: Key) -> str:
    """Where the next page begins: an id alone where ids order the list, else opaque text."""
    if isinstance(key.value, int):
        return str(key.id)
    value = key.value.isoformat() if isinstance(key.value, datetime) else key.value
    return base64.urlsafe_b64encode(msgspec.json.encode([value, key.id])).decode().rstrip("=")


def _start(token: str, order: DefinitionOrder) -> Key | None:
    if not token or token == "0":  # noqa: S105 - 0 means from the start
        return None
    by_id = order in (DefinitionOrder.ID_ASCENDING, DefinitionOrder.ID_DESCENDING)
    by_name = order in (DefinitionOrder.NAME_ASCENDING, DefinitionOrder.NAME_DESCENDING)
    try:
        if by_id:
            number = int(token) if token.isascii() and token.isdigit() else int("no number")
            return Key(number, number) if number < paging.LARGEST_TOKEN else _forged()
        padded = token + "=" * (-len(token) % 4)
        value, number = msgspec.json.decode(
            base64.urlsafe_b64decode(padded.encode()), type=tuple[str, int]
        )
        return Key(value if by_name else datetime.fromisoformat(value), number)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return _forged()


def _forged() -> Key:
    raise Problem(
        400,
        "VssPropertyValidationException",
        "The continuationToken is not one that this server has given for this order. "
        "Start again without it.",
    )


ROUTES = [
    list_definitions,
    get_definition,
    create_definition,
    update_definition,
    update_definition_by_path,
    undelete_definition,
    delete_definition,
    list_revisions,
    get_revision,
]
