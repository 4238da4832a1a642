"""Release definitions: list, get, save, delete, revisions (CONTRACT B 3-9, B.4; E 1, 2, 6-8)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath
from litestar.response import Stream

from quaymaster.actions.definitions import definitions
from quaymaster.actions.releases import page_ends, reading
from quaymaster.apis.azure import long_lists, paging
from quaymaster.apis.azure.asked import AzureRequest, nothing, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.long_lists import Entries, Part
from quaymaster.apis.azure.negotiation import Era
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import definition as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.values import bool_in, list_in, number_in, numbers_in
from quaymaster.apis.azure.versions import registry as versions
from quaymaster.apis.azure.words import DEFINITION_EXPANDS, DEFINITION_ORDER
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.scopes import Scope
from quaymaster.plans import azure_document
from quaymaster.store.definitions.definitions import Definition
from quaymaster.store.definitions.lists import (
    DefinitionFilter,
    DefinitionOrder,
    DefinitionRow,
    Key,
)

MOST = 10_000
BY_ID = (DefinitionOrder.ID_ASCENDING, DefinitionOrder.ID_DESCENDING)
BY_NAME = (DefinitionOrder.NAME_ASCENDING, DefinitionOrder.NAME_DESCENDING)
ONE = "/release/definitions/{definition_id:str}"
RESOURCE = "definition"
IN_LIST = "definitionInList"
NO_PATCH = "The requested resource does not support http method 'PATCH'."


@get("/release/definitions", opt=needs(Scope.RELEASE), status_code=200)
async def list_definitions(request: AzureRequest) -> Response[bytes] | Stream:
    """Definitions in the light form, by id; `$expand` adds parts of the documents."""
    query = request.parameters
    wanted = _filter(query)
    expand = DEFINITION_EXPANDS.names(DEFINITION_EXPANDS.bits(query.all("expand"), "$expand"))
    is_whole = bool(expand - {"lastRelease"})

    async def read(part: Part[Key]) -> Entries[Key]:
        asked = replace(wanted, most=part.limit, start=part.start, until=part.until)
        page, people = await reading.definitions(request.call, asked, with_documents=is_whole)
        shown = Shown(request.links, people)
        values = [request.narrowed(present.light(shown, row, expand)) for row in page.rows]
        if "lastRelease" in expand:
            await _add_last_releases(request, values, page.rows)
        return Entries(request.entries(IN_LIST, values), len(values), page.next)

    return await long_lists.answer(
        request,
        Part(wanted.most, wanted.start),
        long_lists.WHOLE if is_whole else long_lists.LIGHT,
        read,
        lambda: page_ends.after_definitions(request.call, wanted),
        lambda key: _token_of(key, wanted.order),
    )


@get(ONE, opt=needs(Scope.RELEASE))
async def get_definition(request: AzureRequest, definition_id: FromPath[str]) -> Response[bytes]:
    """A whole definition; with `revision` the text of that revision, as the node client asks."""
    number, query = definition_number(definition_id), request.parameters
    if query.has("revision"):
        return await _revision_text(request, number, number_in(query.text("revision"), "revision"))
    found = await definitions.get(request.call, number)
    return request.answer(RESOURCE, request.narrowed(await _body(request, found)))


@post("/release/definitions", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def create_definition(request: AzureRequest) -> Response[bytes]:
    """Save a new definition as revision 1; every id in the body is replaced."""
    call = request.in_project()
    document = await _document(request)
    saved = await definitions.create(call, document, api_version=request.asked.version.text)
    return request.answer(RESOURCE, await _body(request, saved))


@put(["/release/definitions", ONE], opt=needs(Scope.RELEASE_EXECUTE))
async def update_definition(
    request: AzureRequest, definition_id: FromPath[str] = ""
) -> Response[bytes]:
    """Save the next revision. The id may stand in the path, in the body or in both (E 1)."""
    return await _saved(request, definition_id)


@patch("/release/definitions", opt=needs(Scope.RELEASE_EXECUTE))
async def update_definition_as_2_2_did(request: AzureRequest) -> Response[bytes]:
    """The update of 2.2-preview.1: PATCH of the whole definition, its id in the body (LEGACY 3)."""
    if request.asked.version.era is not Era.LEGACY:
        raise Problem(405, "VssRequestInvalidException", NO_PATCH)
    return await _saved(request, "")


@delete(ONE, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_definition(request: AzureRequest, definition_id: FromPath[str]) -> Response[None]:
    """Delete softly; `forceDelete` first cancels what is being deployed."""
    call, query = request.in_project(), request.parameters
    force = bool_in(query.text("forceDelete") or "false", "forceDelete")
    comment = text_in(query.text("comment"), "comment")
    await definitions.delete(call, definition_number(definition_id), comment, force=force)
    return nothing()


@patch(ONE, opt=needs(Scope.RELEASE_MANAGE))
async def undelete_definition(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Bring a deleted definition back; the body may hold a comment (CONTRACT B.4)."""
    call = request.in_project()
    number = definition_number(definition_id)
    body = await request.properties("releaseDefinitionUndeleteParameter", ("comment",))
    await definitions.undelete(call, number, text_in(body.get("comment"), "comment"))
    found = await definitions.get(call, number)
    return request.answer(RESOURCE, await _body(request, found))


@get(f"{ONE}/revisions", opt=needs(Scope.RELEASE))
async def list_revisions(request: AzureRequest, definition_id: FromPath[str]) -> Response[bytes]:
    """Every save of a definition, oldest first."""
    number = definition_number(definition_id)
    found = await definitions.get(request.call, number)
    saves = await definitions.revisions(request.call, number)
    people = await reading.mentioned(request.call, [save.changed_by for save in saves])
    shown = Shown(request.links, people)
    project = str(found.project_id)
    values = [present.revision(shown, project, number, save) for save in saves]
    return request.collection("releaseDefinitionRevision", values)


@get(f"{ONE}/revisions/{{revision:str}}", opt=needs(Scope.RELEASE))
async def get_revision(
    request: AzureRequest, definition_id: FromPath[str], revision: FromPath[str]
) -> Response[bytes]:
    """The document as it was saved then, as plain text."""
    number = definition_number(definition_id)
    return await _revision_text(request, number, number_in(revision, "revision", lowest=1))


async def _revision_text(request: AzureRequest, number: int, revision: int) -> Response[bytes]:
    text = await definitions.document_at(request.call, number, revision)
    document = {"id": number, "revision": revision, **msgspec.json.decode(text)}
    version = request.asked.version
    shown = versions.downgraded(version.precise, RESOURCE, document)
    return request.text(msgspec.json.encode(shown), f"text/plain; api-version={version.text}")


async def _add_last_releases(
    request: AzureRequest, values: list[dict[str, Any]], rows: Sequence[DefinitionRow]
) -> None:
    """The newest release of each definition, as a ReleaseReference; none where there is none."""
    asked = [(row.project_id, row.id) for row in rows]
    heads, people = await reading.newest_releases(request.call, asked)
    shown = Shown(request.links, people)
    for value in values:
        head = heads.get(value["id"])
        value["lastRelease"] = present.last_release(shown, head) if head else None


async def _saved(request: AzureRequest, definition_id: str) -> Response[bytes]:
    call = request.in_project()
    document = await _document(request)
    if definition_id:
        document = _named_in_path(document, definition_number(definition_id))
    document = await _with_what_was_not_shown(request, document)
    saved = await definitions.update(call, document, api_version=request.asked.version.text)
    return request.answer(RESOURCE, await _body(request, saved))


async def _with_what_was_not_shown(
    request: AzureRequest, document: dict[str, Any]
) -> dict[str, Any]:
    """The document with the parts that only newer versions than the caller's can say."""
    version = request.asked.version.precise
    if versions.is_newest_shape(version, RESOURCE):
        return document
    number, _ = azure_document.identity_of(document)
    stored = await _body(request, await definitions.get(request.call, number))
    made: dict[str, Any] = versions.carried(version, RESOURCE, document, stored)
    return made


def definition_number(text: str) -> int:
    return number_in(text, "definitionId", lowest=1)


async def _document(request: AzureRequest) -> dict[str, Any]:
    document = await request.document(RESOURCE)
    if not isinstance(document, dict):
        raise Problem(
            400, "ArgumentNullException", "Value cannot be null. Parameter name: releaseDefinition"
        )
    return document


def _named_in_path(document: dict[str, Any], number: int) -> dict[str, Any]:
    """The document under the id of the path, which it may not contradict (E 1)."""
    key = next((name for name in document if name.casefold() == "id"), "id")
    given = document.get(key)
    if given not in (None, 0, "0") and number_in(given, "id") != number:
        raise Problem(
            400,
            "InvalidRequestException",
            f"The path names the release pipeline {number}, the body {given}. Name the same one.",
        )
    return {**document, key: number}


async def _body(request: AzureRequest, found: Definition) -> dict[str, Any]:
    mentioned = reading.ids_in(msgspec.json.decode(found.document))
    named = [*mentioned, found.created_by, found.modified_by]
    people = await reading.mentioned(request.call, named)
    return present.definition(Shown(request.links, people), found)


def _filter(query: Query) -> DefinitionFilter:
    order = DefinitionOrder(
        DEFINITION_ORDER.read(query.text("queryOrder") or "idAscending", "queryOrder")
    )
    ids = numbers_in(query.all("definitionIdFilter"), "definitionIdFilter")
    return DefinitionFilter(
        projects=(),
        search=query.text("searchText"),
        exact=_yes(query, "isExactNameMatch"),
        search_folders=_yes(query, "searchTextContainsFolderName"),
        artifact_type=query.text("artifactType"),
        artifact_source=query.text("artifactSourceId"),
        path=query.text("path"),
        tags=tuple(list_in(query.all("tagFilter"))),
        ids=tuple(ids) if query.text("definitionIdFilter") else None,
        is_deleted=_yes(query, "isDeleted"),
        order=order,
        start=_start(query.text("continuationToken"), order),
        most=paging.top(query, usual=MOST, most=MOST),
    )


def _yes(query: Query, name: str) -> bool:
    return bool_in(query.text(name) or "false", name)


def _token_of(key: Key, order: DefinitionOrder) -> str:
    """The id where the order is by id; otherwise the order and both parts of the key."""
    return str(key.id) if order in BY_ID else paging.key_token(key, order)


def _start(token: str, order: DefinitionOrder) -> Key | None:
    """Where the wanted page begins. Raises Problem for a token that nobody gave out."""
    if token in ("", "0"):
        return None
    if order in BY_ID:
        number = paging.number(token)
        return Key(number, number)
    return paging.key_in(token, order, str if order in BY_NAME else datetime)


ROUTES = [
    list_definitions,
    get_definition,
    create_definition,
    update_definition,
    update_definition_as_2_2_did,
    delete_definition,
    undelete_definition,
    list_revisions,
    get_revision,
]
