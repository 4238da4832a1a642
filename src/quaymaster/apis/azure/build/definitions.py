"""Build definitions: list, get, save, delete, revisions, tags, metrics (CONTRACT B.1)."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath
from litestar.response import Stream

from quaymaster.actions.builds import reading as build_reading
from quaymaster.actions.builds.definitions import build_definitions, revisions
from quaymaster.actions.builds.definitions.build_definitions import Source
from quaymaster.actions.releases import reading
from quaymaster.apis.azure import long_lists, paging
from quaymaster.apis.azure.asked import AzureRequest, array_in, nothing, object_in
from quaymaster.apis.azure.build import present, versions
from quaymaster.apis.azure.build.words import DEFINITION_ORDER
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.long_lists import Entries, Part
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.values import (
    bool_in,
    date_in,
    invalid,
    list_in,
    number_in,
    numbers_in,
    properties_out,
)
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.definitions.build_definition_lists import (
    COLUMN,
    BuildDefinitionFilter,
    BuildDefinitionOrder,
)
from quaymaster.store.definitions.build_definitions import BuildDefinition
from quaymaster.store.definitions.lists import Key

ALL = "/build/definitions"
ONE = "/build/definitions/{definition_id:str}"
REFERENCE = "buildDefinitionReference"
MOST = 10_000
KINDS: dict[str, type] = {"id": int, "name_key": str, "modified_at": datetime}


@get(ALL, opt=needs(Scope.BUILD), status_code=200)
async def list_build_definitions(request: AzureRequest) -> Response[bytes] | Stream:
    """Build definitions, shallow by default, filtered by all that is given together."""
    query = request.parameters
    wanted = _filter(query)
    is_whole = _yes(query, "includeAllProperties")
    with_builds = _yes(query, "includeLatestBuilds")
    since = date_in(query.text("minMetricsTime"), "minMetricsTime")

    async def read(part: Part[Key]) -> Entries[Key]:
        asked = replace(wanted, most=part.limit, start=part.start, until=part.until)
        page, around = await build_definitions.listed(
            request.call, asked, with_documents=is_whole, with_builds=with_builds
        )
        shown = Shown(request.links, around.people)
        values = [present.in_list(shown, row, around) for row in page.rows]
        if since:
            await _add_metrics(request, values, since)
        if is_whole:
            values = [versions.shown(request.asked.version.precise, value) for value in values]
        return Entries(request.entries(REFERENCE, values), len(values), page.next)

    return await long_lists.answer(
        request,
        Part(wanted.most, wanted.start),
        long_lists.WHOLE if is_whole else long_lists.LIGHT,
        read,
        lambda: build_reading.after_definitions(request.call, wanted),
        lambda key: paging.key_token(key, wanted.order),
    )


async def _add_metrics(
    request: AzureRequest, values: list[dict[str, Any]], since: datetime
) -> None:
    counted = await build_reading.metrics(request.call, [value["id"] for value in values], since)
    found = present.metrics(counted, request.call.now)
    for value in values:
        value["metrics"] = found.get(value["id"], [])


@get(ONE, opt=needs(Scope.BUILD))
async def get_build_definition(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """A whole definition, also as it was in a `revision`."""
    query, number = request.parameters, definition_number(definition_id)
    found = await revisions.as_it_was(request.call, number, revision_in(query, "revision"))
    body = await _body(request, found)
    since = date_in(query.text("minMetricsTime"), "minMetricsTime")
    if since:
        counted = await build_reading.metrics(request.call, [number], since)
        body["metrics"] = present.metrics(counted, request.call.now).get(number, [])
    if query.has("propertyFilters"):
        kept = list_in(query.all("propertyFilters"))
        body["properties"] = {name: one for name, one in body["properties"].items() if name in kept}
    return _answer(request, body)


@post(ALL, opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def create_build_definition(request: AzureRequest) -> Response[bytes]:
    """Save a new definition, a copy of another's secrets with `definitionToCloneId`."""
    call, query = request.in_project(), request.parameters
    saved = await build_definitions.create(
        call,
        await _document(request),
        cloned_from=_source(query, "definitionToCloneId", "definitionToCloneRevision"),
        api_version=request.asked.version.text,
    )
    return _answer(request, await _body(request, saved))


@put(ONE, opt=needs(Scope.BUILD_EXECUTE))
async def update_build_definition(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Save the next revision; the body carries the revision it was read at."""
    call, query = request.in_project(), request.parameters
    number, document = definition_number(definition_id), await _document(request)
    stored = msgspec.json.decode((await build_definitions.get(call, number)).document)
    document = versions.carried(request.asked.version.precise, document, stored)
    secrets_of = _source(query, "secretsSourceDefinitionId", "secretsSourceDefinitionRevision")
    saved = await build_definitions.update(
        call,
        number,
        document,
        secrets_of=secrets_of,
        api_version=request.asked.version.text,
    )
    return _answer(request, await _body(request, saved))


@delete(ONE, opt=needs(Scope.BUILD_EXECUTE), status_code=204)
async def delete_build_definition(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[None]:
    """Delete a definition and its builds softly."""
    await build_definitions.delete(request.in_project(), definition_number(definition_id))
    return nothing()


@patch(ONE, opt=needs(Scope.BUILD_EXECUTE))
async def restore_build_definition(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Bring a deleted definition back: `deleted=false`, the only change that there is."""
    if _flag(request.parameters, "deleted", default=True):
        raise Problem(
            400, "InvalidRequestException", "Only deleted=false is a change; DELETE deletes."
        )
    call, number = request.in_project(), definition_number(definition_id)
    return _answer(request, await _body(request, await build_definitions.undelete(call, number)))


@get(f"{ONE}/revisions", opt=needs(Scope.BUILD))
async def list_build_definition_revisions(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Every save of a definition, also of a deleted one, oldest first."""
    number = definition_number(definition_id)
    found, saves = await revisions.listed(request.call, number)
    people = await reading.mentioned(request.call, [save.changed_by for save in saves])
    shown = Shown(request.links, people)
    values = [present.revision(shown, found, save) for save in saves]
    return request.collection("buildDefinitionRevision", values)


@get(f"{ONE}/metrics", opt=needs(Scope.BUILD))
async def get_build_definition_metrics(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """How many builds ended on each day since `minMetricsTime`, and how many are under way."""
    number = definition_number(definition_id)
    await build_definitions.get(request.call, number)
    given = date_in(request.parameters.text("minMetricsTime"), "minMetricsTime")
    since = given or build_reading.month_before(request.call.now)
    counted = await build_reading.metrics(request.call, [number], since)
    found = present.metrics(counted, request.call.now).get(number, [])
    return request.collection("buildMetric", found)


@get(f"{ONE}/tags", opt=needs(Scope.BUILD))
async def get_build_definition_tags(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """The tags of a definition, also as they were saved in a `revision`."""
    number, revision = definition_number(definition_id), revision_in(request.parameters, "revision")
    found = await revisions.as_it_was(request.call, number, revision)
    return request.collection("tag", list(found.tags))


@put(f"{ONE}/tags/{{tag:path}}", opt=needs(Scope.BUILD_EXECUTE))
async def add_build_definition_tag(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Add one tag; all of them come back."""
    return await _tagged(request, definition_id, [tag_of(request, 4)], [])


@delete(f"{ONE}/tags/{{tag:path}}", opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def delete_build_definition_tag(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Remove one tag; those left come back."""
    return await _tagged(request, definition_id, [], [tag_of(request, 4)])


@post(f"{ONE}/tags", opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def add_build_definition_tags(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Add the tags of the body, a list of texts."""
    return await _tagged(request, definition_id, texts_in(await request.document("tags")), [])


@patch(f"{ONE}/tags", opt=needs(Scope.BUILD_EXECUTE))
async def change_build_definition_tags(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Add `tagsToAdd` and remove `tagsToRemove`."""
    body = await request.properties("tags", ("tagsToAdd", "tagsToRemove"))
    add, remove = texts_in(body.get("tagsToAdd")), texts_in(body.get("tagsToRemove"))
    return await _tagged(request, definition_id, add, remove)


async def _tagged(
    request: AzureRequest, definition_id: str, add: list[str], remove: list[str]
) -> Response[bytes]:
    call, number = request.in_project(), definition_number(definition_id)
    return request.collection("tag", await build_definitions.change_tags(call, number, add, remove))


@get(f"{ONE}/properties", opt=needs(Scope.BUILD))
async def get_build_definition_properties(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """The properties of a definition, those of `filter` where it is given."""
    found = await build_definitions.get(request.call, definition_number(definition_id))
    return request.answer("properties", collection_of(request, found.properties))


@patch(f"{ONE}/properties", opt=needs(Scope.BUILD_EXECUTE))
async def change_build_definition_properties(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Change properties by a JSON patch."""
    call, number = request.in_project(), definition_number(definition_id)
    changes = patched(await request.document("properties"))
    kept = await build_definitions.change_properties(call, number, changes)
    return request.answer("properties", collection_of(request, kept))


def collection_of(request: AzureRequest, properties: Any) -> dict[str, Any]:
    """A PropertiesCollection with its count, narrowed by the `filter` of the query."""
    wanted = list_in(request.parameters.all("filter"))
    kept = {name: value for name, value in properties.items() if not wanted or name in wanted}
    return {"count": len(kept), "value": properties_out(kept)}


def patched(body: Any) -> dict[str, Any]:
    """The changes of a JSON patch of properties: a value for each name, None removes it."""
    changes: dict[str, Any] = {}
    for number, entry in enumerate(array_in(body, "body")):
        operation = object_in(entry, f"body[{number}]")
        word = str(operation.get("op", "")).casefold()
        name = str(operation.get("path") or "").removeprefix("/")
        name = name.replace("~1", "/").replace("~0", "~")
        if word not in ("add", "replace", "remove") or not name:
            raise invalid(f"body[{number}]", entry, "use add, replace or remove with /name as path")
        value = None if word == "remove" else operation.get("value")
        changes[name] = value
    return changes


def texts_in(value: Any) -> list[str]:
    """A list of tags. Raises Problem for anything else or a blank one."""
    found = array_in(value, "tags")
    for tag in found:
        if not isinstance(tag, str) or not tag.strip() or len(tag) > 256:
            raise invalid("tags", tag, "a tag is a text of 1 to 256 characters")
    return found


def tag_of(request: AzureRequest, place: int) -> str:
    """The tag at the end of a path, which may hold slashes. Raises Problem for a blank one."""
    [tag] = texts_in(["/".join(request.asked.tail[place:])])
    return tag


def definition_number(text: str) -> int:
    """The id of a definition in a path."""
    return number_in(text, "definitionId", lowest=1)


def revision_in(query: Query, name: str) -> int | None:
    """The number of a revision that a parameter names, if it does. Raises Problem."""
    text = query.text(name)
    return number_in(text, name, lowest=1) if text else None


def _source(query: Query, definition: str, revision: str) -> Source:
    named = query.text(definition)
    return Source(definition_number(named) if named else 0, revision_in(query, revision))


def _answer(request: AzureRequest, body: dict[str, Any]) -> Response[bytes]:
    shown = versions.shown(request.asked.version.precise, body)
    return request.answer("buildDefinition", shown)


async def _body(request: AzureRequest, found: BuildDefinition) -> dict[str, Any]:
    with_builds = _yes(request.parameters, "includeLatestBuilds")
    around = await build_definitions.around(request.call, found, with_builds=with_builds)
    return present.definition(Shown(request.links, around.people), found, around)


async def _document(request: AzureRequest) -> dict[str, Any]:
    document = await request.document("buildDefinition")
    if not isinstance(document, dict):
        raise Problem(
            400, "ArgumentNullException", "Value cannot be null. Parameter name: definition"
        )
    return document


def _filter(query: Query) -> BuildDefinitionFilter:
    order = BuildDefinitionOrder(
        DEFINITION_ORDER.read(query.text("queryOrder") or "none", "queryOrder")
    )
    repository, kind = query.text("repositoryId"), query.text("repositoryType")
    if repository and not kind:
        raise Problem(
            400,
            "InvalidDefinitionQueryException",
            "A repositoryId is found with its repositoryType only. Name both.",
        )
    ids = numbers_in(query.all("definitionIds"), "definitionIds")
    process = query.text("processType")
    token = query.text("continuationToken")
    return BuildDefinitionFilter(
        projects=(),
        name=query.text("name"),
        path=query.text("path"),
        ids=tuple(ids) if query.text("definitionIds") else None,
        repository_id=repository,
        repository_type=kind,
        built_after=date_in(query.text("builtAfter"), "builtAfter"),
        not_built_after=date_in(query.text("notBuiltAfter"), "notBuiltAfter"),
        task_id=_guid(query.text("taskIdFilter")),
        process_type=number_in(process, "processType", lowest=0) if process else None,
        yaml_file=query.text("yamlFilename"),
        order=order,
        start=paging.key_in(token, order, KINDS[COLUMN[order]]) if token else None,
        most=paging.top(query, usual=MOST, most=MOST),
    )


def _guid(text: str) -> str:
    if not text:
        return ""
    try:
        return str(UUID(text))
    except ValueError as error:
        raise invalid("taskIdFilter", text, "it must be the id of a task, a GUID") from error


def _yes(query: Query, name: str) -> bool:
    return _flag(query, name, default=False)


def _flag(query: Query, name: str, *, default: bool) -> bool:
    return bool_in(query.text(name) or str(default), name)


ROUTES = [
    list_build_definitions,
    get_build_definition,
    create_build_definition,
    update_build_definition,
    delete_build_definition,
    restore_build_definition,
    list_build_definition_revisions,
    get_build_definition_metrics,
    get_build_definition_tags,
    add_build_definition_tag,
    delete_build_definition_tag,
    add_build_definition_tags,
    change_build_definition_tags,
    get_build_definition_properties,
    change_build_definition_properties,
]
