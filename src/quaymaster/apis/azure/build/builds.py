"""Builds: list, queue, get, change, cancel, retry, delete (CONTRACT B.1, SEMANTICS 23)."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from quaymaster.actions.builds import builds, queueing, reading
from quaymaster.actions.builds.builds import BuildEdit
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest, array_in, nothing, object_in, text_in
from quaymaster.apis.azure.build import present
from quaymaster.apis.azure.build.definitions import (
    KINDS,
    texts_in,
)
from quaymaster.apis.azure.build.words import (
    BUILD_ORDER,
    DELETED,
    PRIORITY,
    QUEUE_OPTIONS,
    REASON,
    RESULT,
    STATUS,
)
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.values import (
    bool_in,
    date_in,
    list_in,
    number_in,
    numbers_in,
    properties_in,
)
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.refusals import BadRequest
from quaymaster.apis.shared.scopes import Scope
from quaymaster.plans.azure_values import as_text
from quaymaster.store.builds.builds import branch_reference
from quaymaster.store.builds.lists import BuildFilter, BuildOrder
from quaymaster.store.builds.views import BuildView

ALL = "/build/builds"
ONE = "/build/builds/{build_id:str}"
USUAL, MOST = 1000, 5000
KNOWN = (
    "id",
    "definition",
    "sourceBranch",
    "sourceVersion",
    "parameters",
    "templateParameters",
    "queue",
    "demands",
    "priority",
    "reason",
    "tags",
    "requestedFor",
    "triggerInfo",
    "properties",
    "status",
    "keepForever",
    "buildNumber",
    "quality",
    "retainedByRelease",
    "result",
    "queueOptions",
)
ALL_STATUSES = frozenset({"inProgress", "completed", "cancelling", "postponed", "notStarted"})


@get(ALL, opt=needs(Scope.BUILD))
async def list_builds(request: AzureRequest) -> Response[bytes]:
    """Builds, newest first unless `queryOrder` says otherwise, filtered by all that is given."""
    query = request.parameters
    wanted = _filter(query)
    found = await reading.listed(request.call, wanted, query.text("requestedFor"))
    shown = Shown(request.links, found.people)
    token = paging.key_token(found.next, wanted.order) if found.next else None
    values = [present.build(shown, one, _chosen(query, "properties", one)) for one in found.views]
    return request.collection("build", values, token)


@get(ONE, opt=needs(Scope.BUILD))
async def get_build(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """One build; `propertyFilters` chooses which of its properties come with it."""
    return await _answer(request, build_number(build_id))


@post(ALL, opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def queue_build(request: AzureRequest) -> Response[bytes]:
    """Queue a build of a definition, or of the definition of `sourceBuildId` again."""
    call, query = request.in_project(), request.parameters
    source = query.text("sourceBuildId")
    needs_no_body = source and not (await request.body()).strip()
    body = {} if needs_no_body else await request.properties("build", KNOWN)
    _check_is_to_run(body)
    if source:
        wanted = await _again(request, number_in(source, "sourceBuildId", lowest=1))
    else:
        wanted = _request(body, query)
    return await _answer(request, await queueing.queue(call, wanted))


@patch(ONE, opt=needs(Scope.BUILD_EXECUTE))
async def update_build(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Cancel a build, keep it, or change what is told of it; `retry=true` runs it again."""
    call, number, query = request.in_project(), build_number(build_id), request.parameters
    if bool_in(query.text("retry") or "false", "retry"):
        await builds.retry(call, number)
        return await _answer(request, number)
    wanted = await _edit(call, number, await request.properties("build", KNOWN))
    await builds.edit(call, [(number, wanted)])
    return await _answer(request, number)


@patch(ALL, opt=needs(Scope.BUILD_EXECUTE))
async def update_builds(request: AzureRequest) -> Response[bytes]:
    """The same for each build of a list, for all of them or none."""
    call = request.in_project()
    entries = array_in(await request.document("builds"), "body")
    bodies = [json_reading.cased(object_in(one, "build"), KNOWN) for one in entries]
    numbers = [number_in(body.get("id"), "id", lowest=1) for body in bodies]
    named = list(zip(numbers, bodies, strict=True))
    await builds.edit(call, [(number, await _edit(call, number, body)) for number, body in named])
    return request.collection("build", [await _body(request, number) for number in numbers])


@delete(ONE, opt=needs(Scope.BUILD_EXECUTE), status_code=204)
async def delete_build(request: AzureRequest, build_id: FromPath[str]) -> Response[None]:
    """Delete a build softly, unless something keeps it."""
    await builds.delete(request.in_project(), build_number(build_id))
    return nothing()


@get("/build/latest/{definition:path}", opt=needs(Scope.BUILD))
async def get_latest_build(request: AzureRequest) -> Response[bytes]:
    """The newest completed build of a definition, of `branchName` or of its default branch."""
    named = "/".join(request.asked.tail[2:])
    branch = request.parameters.text("branchName")
    found = await reading.newest(request.call, named, branch)
    shown = Shown(request.links, found.people)
    return request.answer("build", present.build(shown, found.views[0]))


def build_number(text: str) -> int:
    """The id of a build in a path."""
    return number_in(text, "buildId", lowest=1)


async def _answer(request: AzureRequest, number: int) -> Response[bytes]:
    return request.answer("build", await _body(request, number))


async def _body(request: AzureRequest, number: int) -> dict[str, Any]:
    found = await reading.build(request.call, number)
    [view] = found.views
    only = _chosen(request.parameters, "propertyFilters", view)
    body = present.build(Shown(request.links, found.people), view, only)
    position = await builds.queue_position(request.call, view)
    if position is not None:
        body["queuePosition"] = position
    return body


def _chosen(query: Query, name: str, view: BuildView) -> dict[str, Any] | None:
    """The properties of a build that a parameter names; None, which is all, without it."""
    if not query.has(name):
        return None
    wanted = list_in(query.all(name))
    return {key: value for key, value in view.properties.items() if key in wanted}


def _check_is_to_run(body: Mapping[str, Any]) -> None:
    """Raises Problem for a build that is not to run: nothing published could start or end it."""
    if QUEUE_OPTIONS.read(body.get("queueOptions") or "none", "queueOptions") != "none":
        raise Problem(
            400,
            "InvalidRequestException",
            "queueOptions doNotRun is not supported: a build that is queued runs. Leave it out; to "
            "queue builds that wait, pause the pipeline (queueStatus paused) until it is enabled.",
        )


def _request(body: Mapping[str, Any], query: Query) -> BuildRequest:
    named = object_in(body.get("definition"), "definition").get("id")
    named = named if named not in (None, "") else query.text("definitionId")
    if named in (None, ""):
        raise Problem(
            400, "ArgumentNullException", "Value cannot be null. Parameter name: definition.id"
        )
    queue = object_in(body.get("queue"), "queue").get("id")
    reason = REASON.read(body.get("reason") or "manual", "reason")
    return BuildRequest(
        definition_id=number_in(named, "definition.id", lowest=1),
        source_branch=text_in(body.get("sourceBranch"), "sourceBranch"),
        source_version=text_in(body.get("sourceVersion"), "sourceVersion"),
        parameters=_parameters(body.get("parameters")),
        queue_id=number_in(queue, "queue.id", lowest=1) if queue not in (None, "", 0) else None,
        demands=tuple(_demand(one) for one in array_in(body.get("demands"), "demands")),
        priority=PRIORITY.read(body.get("priority") or "normal", "priority"),
        reason="manual" if reason in ("none", "all", "triggered") else reason,
        tags=tuple(texts_in(body.get("tags"))),
        requested_for=_person(body.get("requestedFor")),
        lets_pass=bool_in(query.text("ignoreWarnings") or "false", "ignoreWarnings"),
        trigger_info=_texts(body.get("triggerInfo"), "triggerInfo"),
        template_parameters=dict(object_in(body.get("templateParameters"), "templateParameters")),
        properties=properties_in(object_in(body.get("properties"), "properties")),
    )


async def _again(request: AzureRequest, source: int) -> BuildRequest:
    view = await builds.get(request.call, source)
    return BuildRequest(
        definition_id=view.definition_id,
        source_branch=view.source_branch,
        source_version=view.source_version,
        parameters=_parameters(view.parameters),
        queue_id=view.queue_id,
        demands=tuple(view.demands),
        priority=view.priority,
        lets_pass=True,
    )


def _parameters(value: Any) -> dict[str, str]:
    """The variables set at queue time: a JSON text of an object, as it is published."""
    if isinstance(value, str) and value.strip():
        try:
            value = json_reading.decode(value.encode())
        except BadRequest as error:
            raise Problem(
                400,
                "InvalidRequestException",
                f"parameters must be the JSON text of an object. As such: {error}",
            ) from error
    return _texts(value or None, "parameters")


def _texts(value: Any, where: str) -> dict[str, str]:
    found = {}
    for name, one in object_in(value, where).items():
        if isinstance(one, dict | list):
            raise Problem(400, "InvalidRequestException", f"{where}.{name[:80]} must be a text.")
        found[name] = "" if one is None else str(as_text(one))
    return found


def _demand(value: Any) -> str:
    if isinstance(value, Mapping):
        name, given = text_in(value.get("name"), "demands"), value.get("value")
        return f"{name} -equals {given}" if given not in (None, "") else name
    return text_in(value, "demands")


def _person(value: Any) -> str | None:
    named = object_in(value, "requestedFor")
    return text_in(named.get("id"), "requestedFor.id") or None


async def _edit(call: Call, number: int, body: Mapping[str, Any]) -> BuildEdit:
    """What the whole body asks to be changed of a build. Raises Problem before anything is."""
    view, tags = await builds.get(call, number), body.get("tags")
    return BuildEdit(
        is_canceled=_is_canceled(view, body),
        keep_forever=_flag(body, "keepForever"),
        number=text_in(body["buildNumber"], "buildNumber") if body.get("buildNumber") else None,
        quality=text_in(body["quality"], "quality") if body.get("quality") else None,
        retained_by_release=_flag(body, "retainedByRelease"),
        tags=None if tags is None else tuple(texts_in(tags)),
    )


def _is_canceled(view: BuildView, body: Mapping[str, Any]) -> bool:
    """Whether it is to be canceled. Raises Problem for another status or result than it has."""
    status, result = body.get("status"), body.get("result")
    asked = view.status if status is None else STATUS.read(status, "status")
    if asked not in ("cancelling", view.status):
        raise Problem(
            400,
            "InvalidBuildException",
            f"A build cannot be set to {asked}. Only cancelling is asked for this way.",
        )
    is_canceled = status is not None and asked == "cancelling"
    may_be = (view.result or "none", "canceled" if is_canceled else "")
    if result is not None and RESULT.read(result, "result") not in may_be:
        raise Problem(
            400,
            "InvalidBuildException",
            "The result of a build is what its jobs came to; it cannot be set. Leave it out.",
        )
    return is_canceled


def _flag(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    return None if value is None else bool_in(value, name)


def _filter(query: Query) -> BuildFilter:
    order = BuildOrder(
        BUILD_ORDER.read(query.text("queryOrder") or "queueTimeDescending", "queryOrder")
    )
    token, each = query.text("continuationToken"), query.text("maxBuildsPerDefinition")
    deleted = DELETED.read(query.text("deletedFilter") or "excludeDeleted", "deletedFilter")
    ids = numbers_in(query.all("buildIds"), "buildIds")
    return BuildFilter(
        projects=(),
        definitions=tuple(numbers_in(query.all("definitions"), "definitions")),
        queues=tuple(numbers_in(query.all("queues"), "queues")),
        ids=tuple(ids) if query.text("buildIds") else None,
        number=query.text("buildNumber"),
        earliest=date_in(query.text("minTime") or query.text("minFinishTime"), "minTime"),
        latest=date_in(query.text("maxTime") or query.text("maxFinishTime"), "maxTime"),
        reasons=_words(REASON, query, "reasonFilter"),
        statuses=_statuses(query),
        results=_words(RESULT, query, "resultFilter"),
        tags=tuple(list_in(query.all("tagFilters"))),
        branch=branch_reference(query.text("branchName")),
        repository_id=query.text("repositoryId"),
        repository_type=query.text("repositoryType"),
        deleted={"excludeDeleted": False, "onlyDeleted": True}.get(deleted),
        most_of_each=number_in(each, "maxBuildsPerDefinition", lowest=1) if each else 0,
        order=order,
        start=paging.key_in(token, order, KINDS["modified_at"]) if token else None,
        most=paging.top(query, usual=USUAL, most=MOST),
    )


def _statuses(query: Query) -> frozenset[str] | None:
    found = _words(STATUS, query, "statusFilter")
    return None if found is None or found >= ALL_STATUSES else found


def _words(words: Any, query: Query, name: str) -> frozenset[str] | None:
    """The single words that a filter names, by their bits; None where it names nothing."""
    bits = words.bits(query.all(name), name)
    return frozenset(words.names(bits)) if bits else None


ROUTES = [
    list_builds,
    get_build,
    queue_build,
    update_build,
    update_builds,
    delete_build,
    get_latest_build,
]
