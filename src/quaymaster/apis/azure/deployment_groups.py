"""Deployment groups and their targets (the distributedtask area)."""

from collections.abc import Sequence
from typing import Any, TypeVar

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from quaymaster.actions.resources import deployment_groups
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest, array_in, nothing, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.deployment_group import group, target, with_machines
from quaymaster.apis.azure.values import bool_in, list_in, number_in, numbers_in
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.resources.deployment_groups import DeploymentGroup
from quaymaster.store.resources.targets import KeptTarget

PLAIN = "/distributedtask/deploymentgroups"
ONE = PLAIN + "/{deployment_group_id:str}"
TARGETS = ONE + "/targets"
TARGET = TARGETS + "/{target_id:str}"
KNOWN = ("name", "description", "poolId", "pool")
MACHINE = ("id", "tags")
AGENT_STATUS = {
    **dict.fromkeys(("", "all", "3"), (True, False)),
    **dict.fromkeys(("online", "2"), (True,)),
    **dict.fromkeys(("offline", "1"), (False,)),
}
MOST = 1000
Named = TypeVar("Named", DeploymentGroup, KeptTarget)


@get(PLAIN, opt=needs(Scope.RELEASE))
async def list_groups(request: AzureRequest) -> Response[bytes]:
    """The project's groups by name; `name` and `ids` narrow the list."""
    query = request.parameters
    ids = numbers_in(query.all("ids"), "ids")
    found = [
        one
        for one in await deployment_groups.listed(request.in_project(), query.text("name"))
        if not ids or one.id in ids
    ]
    page, token = _page(query, found)
    values = [await _shown(request, one) for one in page]
    return request.collection("deploymentGroup", values, token)


@get(ONE, opt=needs(Scope.RELEASE))
async def get_group(request: AzureRequest, deployment_group_id: FromPath[str]) -> Response[bytes]:
    """One group; `$expand=machines` shows its targets."""
    found = await deployment_groups.get(request.in_project(), _group(deployment_group_id))
    return request.answer("deploymentGroup", await _shown(request, found))


@post(PLAIN, opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def add_group(request: AzureRequest) -> Response[bytes]:
    """Make a group without targets; machines join it by themselves."""
    body = await request.properties("deploymentGroup", KNOWN)
    if body.get("poolId") or object_in(body.get("pool"), "pool").get("id"):
        raise Problem(
            400,
            "InvalidRequestException",
            "Each deployment group has a pool of its own here; leave poolId out.",
        )
    made = await deployment_groups.create(
        request.in_project(),
        text_in(body.get("name"), "name"),
        text_in(body.get("description"), "description"),
    )
    return request.answer("deploymentGroup", group(made))


@patch(ONE, opt=needs(Scope.RELEASE_MANAGE))
async def update_group(
    request: AzureRequest, deployment_group_id: FromPath[str]
) -> Response[bytes]:
    """Rename or describe a group; what is not said stays."""
    body = await request.properties("deploymentGroup", KNOWN)
    name, description = body.get("name"), body.get("description")
    changed = await deployment_groups.update(
        request.in_project(),
        _group(deployment_group_id),
        None if name is None else text_in(name, "name"),
        None if description is None else text_in(description, "description"),
    )
    return request.answer("deploymentGroup", group(changed))


@delete(ONE, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_group(request: AzureRequest, deployment_group_id: FromPath[str]) -> Response[None]:
    """Remove a group with its targets."""
    await deployment_groups.delete(request.in_project(), _group(deployment_group_id))
    return nothing()


def _page(query: Query, found: Sequence[Named]) -> tuple[list[Named], str | None]:
    """What comes after the name in the continuation token, and the token of the next page.

    In the order of names without regard to case, which no two of them share.
    """
    after = query.text("continuationToken").casefold()
    ordered = sorted(found, key=lambda one: one.name.casefold())
    rest = [one for one in ordered if one.name.casefold() > after]
    page = rest[: paging.top(query, usual=MOST, most=MOST)]
    return page, page[-1].name if len(page) < len(rest) else None


# ---- targets ----------------------------------------------------------------------------------


@get(TARGETS, opt=needs(Scope.RELEASE))
async def list_targets(
    request: AzureRequest, deployment_group_id: FromPath[str]
) -> Response[bytes]:
    """The targets of a group by name; `tags` asks for those that have all of them."""
    query, number = request.parameters, _group(deployment_group_id)
    found = await deployment_groups.list_targets(request.in_project(), number)
    page, token = _page(query, [one for one in found if _is_wanted(request, one)])
    return request.collection("deploymentTarget", [_target(request, one) for one in page], token)


@get(TARGET, opt=needs(Scope.RELEASE))
async def get_target(
    request: AzureRequest, deployment_group_id: FromPath[str], target_id: FromPath[str]
) -> Response[bytes]:
    """One target; `$expand=capabilities` shows what its worker offers."""
    number, which = _group(deployment_group_id), number_in(target_id, "targetId", lowest=1)
    found = await deployment_groups.get_target(request.in_project(), number, which)
    return request.answer("deploymentTarget", _target(request, found))


@patch(TARGETS, opt=needs(Scope.RELEASE_MANAGE))
async def update_targets(
    request: AzureRequest, deployment_group_id: FromPath[str]
) -> Response[bytes]:
    """Give targets other tags, all or none of them."""
    listed = array_in(await request.document("deploymentTarget"), "the body")
    wanted: dict[int, list[str]] = {}
    for entry in listed[: MOST + 1]:
        told = json_reading.cased(object_in(entry, "the body"), MACHINE)
        tags = [text_in(tag, "tags") for tag in array_in(told.get("tags"), "tags")]
        wanted[number_in(told.get("id"), "id", lowest=1)] = tags
    if len(wanted) > MOST:
        raise Problem(400, "InvalidRequestException", f"At most {MOST} targets can be tagged.")
    number = _group(deployment_group_id)
    found = await deployment_groups.tag_targets(request.in_project(), number, wanted)
    return request.collection("deploymentTarget", [_target(request, one) for one in found])


@delete(TARGET, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_target(
    request: AzureRequest, deployment_group_id: FromPath[str], target_id: FromPath[str]
) -> Response[None]:
    """Take a machine off the list."""
    number, which = _group(deployment_group_id), number_in(target_id, "targetId", lowest=1)
    await deployment_groups.delete_target(request.in_project(), number, which)
    return nothing()


async def _shown(request: AzureRequest, found: DeploymentGroup) -> dict[str, Any]:
    expands = {part.casefold() for part in list_in(request.parameters.all("expand"))}
    if not expands & {"machines", "tags", "2", "4", "6"}:
        return group(found)
    return with_machines(
        found, await deployment_groups.list_targets(request.in_project(), found.id)
    )


def _is_wanted(request: AzureRequest, found: KeptTarget) -> bool:
    query = request.parameters
    own = {tag.casefold() for tag in found.tags}
    if not {tag.casefold() for tag in list_in(query.all("tags"))} <= own:
        return False
    name, known = query.text("name").casefold(), found.name.casefold()
    if name and not (
        name.strip("*") in known
        if bool_in(query.text("partialNameMatch") or "false", "partialNameMatch")
        else name == known
    ):
        return False
    status = AGENT_STATUS.get(query.text("agentStatus").casefold())
    if status is None:
        raise Problem(400, "InvalidRequestException", "agentStatus must be online, offline or all.")
    return found.is_online in status


def _target(request: AzureRequest, found: KeptTarget) -> dict[str, Any]:
    expands = {part.casefold() for part in list_in(request.parameters.all("expand"))}
    return target(found, shows_capabilities=bool(expands & {"capabilities", "2"}))


def _group(text: str) -> int:
    return number_in(text, "deploymentGroupId", lowest=1)


ROUTES = [
    list_groups,
    get_group,
    add_group,
    update_group,
    delete_group,
    list_targets,
    get_target,
    update_targets,
    delete_target,
]
