"""Task groups (the distributedtask area): kept, versioned, drafted, published and deleted."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath

from quaymaster.actions.releases import reading
from quaymaster.actions.resources import task_groups
from quaymaster.actions.resources.task_groups import GroupContent, Publication
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest, array_in, object_in, text_in
from quaymaster.apis.azure.asked import nothing as no_content
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.present.task_group import revision, task_group
from quaymaster.apis.azure.values import bool_in, number_in
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.task_versions import newest
from quaymaster.store.resources.task_groups import GroupVersion

PLAIN = "/distributedtask/taskgroups"
ONE = PLAIN + "/{task_group_id:str}"
MOST = 10_000

KNOWN = (
    *("id", "name", "friendlyName", "description", "category", "author", "iconUrl"),
    *("instanceNameFormat", "inputs", "tasks", "runsOn", "version", "revision", "comment"),
    *("parentDefinitionId", "taskGroupId", "taskGroupRevision", "parentDefinitionRevision"),
    *("preview", "disabled", "deleted"),
)
INPUT = (
    *("name", "label", "defaultValue", "required", "type", "helpMarkDown", "groupName"),
    *("visibleRule", "options", "properties", "validation", "aliases"),
)
STEP = (
    *("displayName", "alwaysRun", "continueOnError", "condition", "enabled", "environment"),
    *("timeoutInMinutes", "retryCountOnTaskFailure", "inputs", "task", "refName"),
)
REFERENCE = ("id", "versionSpec", "definitionType")

# What the server owns, and never takes from a body.
_OURS = frozenset(
    {
        *("id", "version", "revision", "comment", "parentDefinitionId", "createdBy", "createdOn"),
        *("modifiedBy", "modifiedOn", "deleted", "preview", "disabled", "definitionType", "owner"),
    }
)


@get(PLAIN, opt=needs(Scope.RELEASE))
async def list_groups(request: AzureRequest) -> Response[bytes]:
    """All versions of all groups.

    `taskIdFilter` narrows the list to those that use a task; `deleted` adds deleted groups.
    """
    return await _list(request, None)


@get(ONE, opt=needs(Scope.RELEASE))
async def get_group(request: AzureRequest, task_group_id: FromPath[str]) -> Response[bytes]:
    """All versions of one group; `versionSpec` asks for one of them, `revision` for an old save."""
    group, query = _guid(task_group_id, "taskGroupId"), request.parameters
    if query.text("revision"):
        return await _old(request, group, number_in(query.text("revision"), "revision", lowest=1))
    if not query.text("versionSpec"):
        return await _list(request, group)
    found = {one.version: one for one in await task_groups.listed(request.in_project(), group)}
    wanted = newest(query.text("versionSpec"), found)
    if wanted is None:
        raise Problem(
            404,
            "MetaTaskDefinitionNotFoundException",
            f"Task group {group} has no version {query.text('versionSpec')[:60]}.",
        )
    [body] = await _shown(request, [found[wanted]])
    return request.answer("taskGroup", body)


@post(PLAIN, opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def add_group(request: AzureRequest) -> Response[bytes]:
    """Make a group; with `parentDefinitionId`, a draft of that group."""
    content = _content(await request.properties("taskGroup", KNOWN))
    return await _answer(request, await task_groups.create(request.in_project(), content))


@put(ONE, opt=needs(Scope.RELEASE_MANAGE))
async def update_group(request: AzureRequest, task_group_id: FromPath[str]) -> Response[bytes]:
    """Change a version of a group, or add the next one beside it."""
    content = _content(await request.properties("taskGroup", KNOWN))
    group = _guid(task_group_id, "taskGroupId")
    return await _answer(request, await task_groups.update(request.in_project(), group, content))


@put(PLAIN, opt=needs(Scope.RELEASE_MANAGE))
async def publish_group(request: AzureRequest) -> Response[bytes]:
    """Publish a draft into the group that `parentTaskGroupId` names; without that, as above."""
    body = await request.properties("taskGroup", KNOWN)
    if parent := request.parameters.text("parentTaskGroupId"):
        return await _published(request, _guid(parent, "parentTaskGroupId"), body)
    group = _guid(text_in(body.get("id"), "id"), "id")
    changed = await task_groups.update(request.in_project(), group, _content(body))
    return await _answer(request, changed)


@patch(PLAIN, opt=needs(Scope.RELEASE_MANAGE))
async def undelete_group(request: AzureRequest) -> Response[bytes]:
    """Bring a deleted group back."""
    body = await request.properties("taskGroup", KNOWN)
    group, comment = (
        _guid(text_in(body.get("id"), "id"), "id"),
        text_in(body.get("comment"), "comment"),
    )
    return await _answer(request, await task_groups.undelete(request.in_project(), group, comment))


@patch(ONE, opt=needs(Scope.RELEASE_MANAGE))
async def publish_preview(request: AzureRequest, task_group_id: FromPath[str]) -> Response[bytes]:
    """Make a preview version count; `disablePriorVersions` disables those before it."""
    body = await request.properties("taskGroup", KNOWN)
    comment = text_in(body.get("comment"), "comment")
    major, _, _ = _version(body)
    earlier = request.parameters.text("disablePriorVersions") or "false"
    versions = await task_groups.publish_preview(
        request.in_project(),
        _guid(task_group_id, "taskGroupId"),
        major,
        number_in(body.get("revision") or 0, "revision", lowest=0),
        comment=comment,
        disables_earlier=bool_in(earlier, "disablePriorVersions"),
    )
    return request.collection("taskGroup", await _shown(request, versions))


@delete(ONE, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_group(request: AzureRequest, task_group_id: FromPath[str]) -> Response[None]:
    """Delete a group with all its versions; it can be brought back."""
    comment = request.parameters.text("comment")
    await task_groups.delete(request.in_project(), _guid(task_group_id, "taskGroupId"), comment)
    return no_content()


@get(ONE + "/revisions", opt=needs(Scope.RELEASE))
async def group_history(request: AzureRequest, task_group_id: FromPath[str]) -> Response[bytes]:
    """Every save of a group, oldest first."""
    group = _guid(task_group_id, "taskGroupId")
    found = await task_groups.history(request.in_project(), group)
    people = await reading.mentioned(request.call, [one.changed_by for one in found])
    shown = Shown(request.links, people)
    return request.collection("taskGroupRevision", [revision(shown, one) for one in found])


async def _list(request: AzureRequest, group: UUID | None) -> Response[bytes]:
    query = request.parameters
    deleted = bool_in(query.text("deleted") or "false", "deleted")
    found = await task_groups.listed(request.in_project(), group, deleted=deleted)
    if wanted := query.text("taskIdFilter").casefold():
        found = [one for one in found if _uses(one, wanted)]
    if "ascending" in query.text("queryOrder").casefold():
        found.reverse()
    values = await _shown(request, found[: paging.top(query, usual=MOST, most=MOST)])
    return request.collection("taskGroup", values)


async def _old(request: AzureRequest, group: UUID, number: int) -> Response[bytes]:
    for save in await task_groups.history(request.in_project(), group):
        if save.revision == number:
            return request.text(msgspec.json.encode(save.document), "application/json")
    raise Problem(
        404,
        "MetaTaskDefinitionNotFoundException",
        f"Task group {group} has no revision {number}.",
    )


async def _published(
    request: AzureRequest, parent: UUID, body: Mapping[str, Any]
) -> Response[bytes]:
    asked = Publication(
        draft=_guid(text_in(body.get("taskGroupId"), "taskGroupId"), "taskGroupId"),
        revision=_whole(body, "taskGroupRevision"),
        parent_revision=_whole(body, "parentDefinitionRevision"),
        is_preview=bool_in(body.get("preview") or False, "preview"),
        comment=text_in(body.get("comment"), "comment"),
    )
    found = await task_groups.publish(request.in_project(), parent, asked)
    return request.collection("taskGroup", await _shown(request, found))


def _content(body: dict[str, Any]) -> GroupContent:
    major, minor, patched = _version(body)
    parent = text_in(body.get("parentDefinitionId"), "parentDefinitionId")
    return GroupContent(
        document=_document(body),
        major=major,
        minor=minor,
        patch=patched,
        revision=_whole(body, "revision"),
        comment=text_in(body.get("comment"), "comment"),
        parent=_guid(parent, "parentDefinitionId") if parent else None,
    )


def _document(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body in published spelling; what we do not know stays as it is."""
    made = {name: value for name, value in body.items() if name not in _OURS}
    for name, known in (("inputs", INPUT), ("tasks", STEP)):
        listed = array_in(made.get(name), name)
        made[name] = [json_reading.cased(object_in(entry, name), known) for entry in listed]
    for step in made["tasks"]:
        step["task"] = json_reading.cased(object_in(step.get("task"), "tasks.task"), REFERENCE)
    return made


def _version(body: Mapping[str, Any]) -> tuple[int, int, int]:
    """Major, minor and patch; zeros for what is not said."""
    told = json_reading.cased(
        object_in(body.get("version"), "version"), ("major", "minor", "patch", "isTest")
    )
    major, minor, patched = (_whole(told, name) for name in ("major", "minor", "patch"))
    return major, minor, patched


def _whole(body: Mapping[str, Any], name: str) -> int:
    return number_in(body.get(name) or 0, name, lowest=0)


def _uses(found: GroupVersion, task_id: str) -> bool:
    named = (step.get("task") or {} for step in found.document.get("tasks") or [])
    return any(str(reference.get("id")).casefold() == task_id for reference in named)


def _guid(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Problem(
            400, "VssPropertyValidationException", f"{name} must be the id of a task group: a GUID."
        ) from error


async def _answer(request: AzureRequest, found: GroupVersion) -> Response[bytes]:
    [body] = await _shown(request, [found])
    return request.answer("taskGroup", body)


async def _shown(request: AzureRequest, found: list[GroupVersion]) -> list[dict[str, Any]]:
    named = [who for one in found for who in (one.created_by, one.modified_by)]
    shown = Shown(request.links, await reading.mentioned(request.call, named))
    return [task_group(shown, one) for one in found]


ROUTES = [
    list_groups,
    get_group,
    add_group,
    update_group,
    publish_group,
    undelete_group,
    publish_preview,
    delete_group,
    group_history,
]
