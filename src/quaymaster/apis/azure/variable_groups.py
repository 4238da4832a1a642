"""Variable groups (the distributedtask area, CONTRACT B.2, C VariableGroup)."""

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath

from quaymaster.actions.releases import reading
from quaymaster.actions.resources import variable_groups
from quaymaster.actions.resources.variable_groups import GroupContent
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest, nothing, object_in, text_in
from quaymaster.apis.azure.overrides import overrides_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.present.variable_group import kept
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.resources.variable_groups import KeptGroup

PLAIN = "/distributedtask/variablegroups"
ONE = PLAIN + "/{group_id:str}"
KNOWN = ("id", "name", "description", "type", "variables")
MOST = 10_000


@get(PLAIN, opt=needs(Scope.RELEASE))
async def list_groups(request: AzureRequest) -> Response[bytes]:
    """The project's groups by name; `groupName` may have wildcards."""
    query = request.parameters
    found = await variable_groups.listed(request.in_project(), query.text("groupName"))
    token = query.text("continuationToken")
    start = paging.number(token) if token else 0
    end = start + paging.top(query, usual=MOST, most=MOST)
    values = await _shown(request, found[start:end])
    return request.collection("variableGroup", values, end if end < len(found) else None)


@get(ONE, opt=needs(Scope.RELEASE))
async def get_group(request: AzureRequest, group_id: FromPath[str]) -> Response[bytes]:
    """One group; secrets have no value."""
    found = await variable_groups.get(request.in_project(), _number(group_id))
    return await _answer(request, found)


@post(PLAIN, opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def add_group(request: AzureRequest) -> Response[bytes]:
    """Make a group."""
    content = await _content(request)
    return await _answer(request, await variable_groups.create(request.in_project(), content))


@put(ONE, opt=needs(Scope.RELEASE_MANAGE))
async def update_group(request: AzureRequest, group_id: FromPath[str]) -> Response[bytes]:
    """Replace a group; a secret without a value stays."""
    content = await _content(request)
    changed = await variable_groups.update(request.in_project(), _number(group_id), content)
    return await _answer(request, changed)


@delete(ONE, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_group(request: AzureRequest, group_id: FromPath[str]) -> Response[None]:
    """Remove a group."""
    await variable_groups.delete(request.in_project(), _number(group_id))
    return nothing()


async def _content(request: AzureRequest) -> GroupContent:
    body = await request.properties("variableGroup", KNOWN)
    given = object_in(body.get("variables"), "variables")
    read_only = {
        name for name, told in given.items() if isinstance(told, dict) and told.get("isReadOnly")
    }
    return GroupContent(
        name=text_in(body.get("name"), "name"),
        description=text_in(body.get("description"), "description"),
        type=text_in(body.get("type"), "type") or "Vsts",
        variables=overrides_in(given, "variables"),
        read_only=frozenset(read_only),
    )


async def _answer(request: AzureRequest, found: KeptGroup) -> Response[bytes]:
    [body] = await _shown(request, [found])
    return request.answer("variableGroup", body)


async def _shown(request: AzureRequest, found: list[KeptGroup]) -> list[dict[str, Any]]:
    named = [who for one in found for who in (one.created_by, one.modified_by)]
    shown = Shown(request.links, await reading.mentioned(request.call, named))
    return [kept(shown, one) for one in found]


def _number(text: str) -> int:
    return number_in(text, "groupId", lowest=1)


ROUTES = [list_groups, get_group, add_group, update_group, delete_group]
