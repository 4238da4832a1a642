"""What build definitions use of their project, and whether they may (CONTRACT B.1)."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, patch
from litestar.params import FromPath

from quaymaster.actions.builds.definitions import build_resources
from quaymaster.actions.builds.definitions.build_resources import Resource
from quaymaster.apis.azure.asked import AzureRequest, array_in, object_in
from quaymaster.apis.azure.build.definitions import ONE as DEFINITION
from quaymaster.apis.azure.build.definitions import definition_number
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope

PROJECT, USED = "/build/authorizedresources", f"{DEFINITION}/resources"
SHAPE = "definitionResourceReference"
KNOWN = ("authorized", "id", "name", "type")


@get(PROJECT, opt=needs(Scope.BUILD))
async def list_project_resources(request: AzureRequest) -> Response[bytes]:
    """Queues, service connections and variable groups of the project, by `type` and `id`."""
    query = request.parameters
    found = await build_resources.of_project(
        request.in_project(), query.text("type"), query.text("id")
    )
    return _answer(request, found)


@patch(PROJECT, opt=needs(Scope.BUILD_EXECUTE))
async def authorize_project_resources(request: AzureRequest) -> Response[bytes]:
    """The resources of the body, which may be used already; other changes are refused."""
    wanted = await _wanted(request)
    known = await build_resources.of_project(request.in_project())
    return _answer(request, build_resources.authorized(known, wanted))


@get(USED, opt=needs(Scope.BUILD))
async def list_definition_resources(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """What a definition uses: queues, service connections, variable groups."""
    number = definition_number(definition_id)
    return _answer(request, await build_resources.of_definition(request.call, number))


@patch(USED, opt=needs(Scope.BUILD_EXECUTE))
async def authorize_definition_resources(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """The same for what a definition uses."""
    wanted, number = await _wanted(request), definition_number(definition_id)
    known = await build_resources.of_definition(request.in_project(), number)
    return _answer(request, build_resources.authorized(known, wanted))


async def _wanted(request: AzureRequest) -> list[dict[str, Any]]:
    entries = array_in(await request.document(SHAPE), "body")
    return [json_reading.cased(dict(object_in(one, "resource")), KNOWN) for one in entries]


def _answer(request: AzureRequest, found: Sequence[Resource]) -> Response[bytes]:
    values = [
        {"type": one.type, "id": one.id, "name": one.name, "authorized": one.is_authorized}
        for one in found
    ]
    return request.collection(SHAPE, values)


ROUTES = [
    list_project_resources,
    authorize_project_resources,
    list_definition_resources,
    authorize_definition_resources,
]
