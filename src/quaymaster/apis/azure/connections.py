"""Service connections (the serviceendpoint area of `locations.json`; SHOULD of CONTRACT B.2)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath

from quaymaster.actions.call import Call
from quaymaster.actions.people import projects
from quaymaster.actions.releases import reading
from quaymaster.actions.resources import connections
from quaymaster.apis.azure.asked import AzureRequest, array_in, nothing, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.connection import OWNER, kept, known_type
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.values import list_in
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.refusals import NotServed
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.connection_saving import LONGEST_VALUE, ConnectionContent
from quaymaster.domain.connections import TYPES
from quaymaster.domain.errors import NotFound
from quaymaster.store.resources.connections import KeptConnection

PLAIN = "/serviceendpoint/endpoints"
ONE = PLAIN + "/{endpoint_id:str}"
KNOWN = (
    *("id", "name", "type", "url", "description", "authorization", "data"),
    *("serviceEndpointProjectReferences", "owner"),
)
REFERENCES = "serviceEndpointProjectReferences"
NO_ID = "00000000-0000-0000-0000-000000000000"


@get(PLAIN, opt=needs(Scope.CONNECTION))
async def list_connections(request: AzureRequest) -> Response[bytes]:
    """The project's connections by name; names, ids, a type and schemes narrow the list.

    Without a project those of all projects that the caller may see (CONTRACT A.1.4).
    """
    query = request.parameters
    names = {name.casefold() for name in list_in(query.all("endpointNames"))}
    ids = {text.casefold() for text in list_in(query.all("endpointIds"))}
    schemes = {text.casefold() for text in list_in(query.all("authSchemes"))}
    kind, owner = query.text("type").casefold(), query.text("owner").casefold()
    values: list[dict[str, Any]] = []
    for call in await _calls(request):
        found = [
            one
            for one in await connections.listed(call)
            if (not names or one.connection.name.casefold() in names)
            and (not ids or one.connection.id in ids)
            and (not schemes or one.connection.scheme.casefold() in schemes)
            and kind in ("", one.connection.type.casefold())
            and owner in ("", OWNER)
        ]
        values += await _shown(request, call, found)
    return request.collection("serviceEndpoint", values)


@get(ONE, opt=needs(Scope.CONNECTION))
async def get_connection(request: AzureRequest, endpoint_id: FromPath[str]) -> Response[bytes]:
    """One connection; its secrets have no value."""
    call = request.in_project()
    return await _answer(request, call, await connections.get(call, endpoint_id))


@post(PLAIN, opt=needs(Scope.CONNECTION_MANAGE), status_code=200)
async def add_connection(request: AzureRequest) -> Response[bytes]:
    """Add a connection to the project of the address, or to the one that the body names."""
    body = await request.properties("serviceEndpoint", KNOWN)
    call = await _in_project(request, body)
    return await _answer(request, call, await connections.create(call, _content(body)))


@put(ONE, opt=needs(Scope.CONNECTION_MANAGE))
async def update_connection(request: AzureRequest, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Replace a connection; a secret without a value stays."""
    body = await request.properties("serviceEndpoint", KNOWN)
    call = await _in_project(request, body)
    changed = await connections.update(call, endpoint_id, _content(body))
    return await _answer(request, call, changed)


@put(PLAIN, opt=needs(Scope.CONNECTION_MANAGE))
async def update_connections(request: AzureRequest) -> Response[bytes]:
    """Replace several connections, all or none of them."""
    listed = array_in(await request.document("serviceEndpoint"), "the body")
    bodies = [json_reading.cased(object_in(one, "an endpoint"), KNOWN) for one in listed]
    calls = [await _in_project(request, body) for body in bodies]
    if len({call.project_id for call in calls}) > 1:
        raise _wrong("The connections of one request must belong to one project.")
    if not calls:
        return request.collection("serviceEndpoint", [])
    contents = [_content(body) for body in bodies]
    changed = await connections.update_many(calls[0], contents)
    return request.collection("serviceEndpoint", await _shown(request, calls[0], changed))


@delete(ONE, opt=needs(Scope.CONNECTION_MANAGE), status_code=204)
async def delete_connection(request: AzureRequest, endpoint_id: FromPath[str]) -> Response[None]:
    """Remove a connection from its project, which `projectIds` may name."""
    call = request.call
    wanted = list_in(request.parameters.all("projectIds"))
    if call.project is None and wanted:
        call = await _call_in(request, wanted[0])
    await connections.delete(call, endpoint_id)
    return nothing()


@patch(ONE, opt=needs(Scope.CONNECTION_MANAGE))
async def share_connection(request: AzureRequest, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Share a connection with another project, which this server does not do."""
    await connections.get(request.call, endpoint_id)
    raise NotServed(
        "A service connection belongs to one project here. Add one with the same values to the "
        "other project."
    )


@get("/serviceendpoint/types", opt=needs(Scope.CONNECTION))
async def list_types(request: AzureRequest) -> Response[bytes]:
    """The types whose keys are known; connections of any other type can be added, too."""
    wanted = request.parameters.text("type").casefold()
    scheme = request.parameters.text("scheme").casefold()
    found = [
        known_type(known)
        for name, known in TYPES.items()
        if wanted in ("", name)
        and (not scheme or scheme in {each.casefold() for each in known.schemes})
    ]
    return request.collection("serviceEndpointType", found)


# ---- bodies ---------------------------------------------------------------------------------


def _content(body: Mapping[str, Any]) -> ConnectionContent:
    authorization = json_reading.cased(
        object_in(body.get("authorization"), "authorization"), ("parameters", "scheme")
    )
    identity = text_in(body.get("id"), "id")
    own = _reference(body)
    return ConnectionContent(
        name=text_in(body.get("name"), "name") or text_in(own.get("name"), "name"),
        type=text_in(body.get("type"), "type"),
        url=text_in(body.get("url"), "url"),
        description=text_in(body.get("description"), "description", longest=LONGEST_VALUE)
        or text_in(own.get("description"), "description", longest=LONGEST_VALUE),
        scheme=text_in(authorization.get("scheme"), "authorization.scheme"),
        parameters=_texts(authorization.get("parameters"), "authorization.parameters"),
        data=_texts(body.get("data"), "data"),
        id="" if identity == NO_ID else identity,
    )


def _texts(given: Any, where: str) -> dict[str, str | None]:
    """Names with texts; scripts also send numbers and true."""
    found: dict[str, str | None] = {}
    for name, value in object_in(given, where).items():
        if isinstance(value, bool | int | float):
            found[name] = str(value).lower() if isinstance(value, bool) else str(value)
        elif value is None:
            found[name] = None
        else:
            found[name] = text_in(value, f"{where}.{name}", longest=LONGEST_VALUE)
    return found


def _reference(body: Mapping[str, Any]) -> dict[str, Any]:
    """The one project reference of the body; {} without any."""
    listed = array_in(body.get(REFERENCES), REFERENCES)
    if len(listed) > 1:
        raise _wrong("A service connection belongs to one project here; name one in " + REFERENCES)
    if not listed:
        return {}
    known = ("projectReference", "name", "description")
    return json_reading.cased(object_in(listed[0], REFERENCES), known)


async def _in_project(request: AzureRequest, body: Mapping[str, Any]) -> Call:
    """The call in the project of the address, or in the one that the body's reference names."""
    if request.call.project is not None:
        return request.call
    named = object_in(_reference(body).get("projectReference"), "projectReference")
    project = json_reading.cased(named, ("id", "name"))
    wanted = text_in(project.get("id"), "projectReference.id")
    wanted = wanted or text_in(project.get("name"), "projectReference.name")
    if not wanted:
        raise _wrong(f"Name the project of the service connection in {REFERENCES}.")
    return await _call_in(request, wanted)


async def _calls(request: AzureRequest) -> list[Call]:
    """The call in its project; without one, in each that the caller may see connections of."""
    if request.call.project is not None:
        return [request.call]
    database, home = request.call.database, request.asked.organization
    known = await projects.listed(database, request.caller, home) or []
    calls = [replace(request.call, project=one) for one in known]
    return [call for call in calls if connections.may_list(call)]


async def _call_in(request: AzureRequest, name_or_id: str) -> Call:
    database, home = request.call.database, request.asked.organization
    found = await projects.find(database, request.caller, home, name_or_id)
    if found is None:
        raise NotFound("project", name_or_id)
    return replace(request.call, project=found)


def _wrong(message: str) -> Problem:
    return Problem(400, "VssPropertyValidationException", message)


# ---- answers --------------------------------------------------------------------------------


async def _answer(request: AzureRequest, call: Call, found: KeptConnection) -> Response[bytes]:
    [body] = await _shown(request, call, [found])
    return request.answer("serviceEndpoint", body)


async def _shown(
    request: AzureRequest, call: Call, found: list[KeptConnection]
) -> list[dict[str, Any]]:
    named = [who for one in found for who in (one.created_by, one.modified_by)]
    shown = Shown(request.links, await reading.mentioned(call, named))
    return [kept(shown, call.project, one) for one in found]


ROUTES = [
    list_connections,
    get_connection,
    add_connection,
    update_connection,
    update_connections,
    delete_connection,
    share_connection,
    list_types,
]
