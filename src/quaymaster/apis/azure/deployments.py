"""Deployments as a list with all published filters (CONTRACT B 10, E 9 and 12)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.response import Stream

from quaymaster.actions.releases import page_ends, reading
from quaymaster.apis.azure import long_lists, paging
from quaymaster.apis.azure.asked import AzureRequest, array_in, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.long_lists import Entries, Part
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import deployment as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.values import bool_in, date_in, number_in
from quaymaster.apis.azure.words import (
    DEPLOYMENT_EXPANDS,
    DEPLOYMENT_STATUS,
    OPERATION_STATUS,
    QUERY_ORDER,
)
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.statuses import DeploymentReason, DeploymentStatus, OperationStatus
from quaymaster.store.deployments.lists import DeploymentFilter, DeploymentLine
from quaymaster.store.postgres.paging import Paging

USUAL, MOST = 50, 1000
MOST_ENVIRONMENTS = 200
QUERY = (
    "artifactSourceId",
    "artifactTypeId",
    "artifactVersions",
    "deploymentsPerEnvironment",
    "deploymentStatus",
    "environments",
    "expands",
    "isDeleted",
    "operationStatus",
    "sourceBranch",
)


@get("/release/deployments", opt=needs(Scope.RELEASE), status_code=200)
async def list_deployments(request: AzureRequest) -> Response[bytes] | Stream:
    """Deployments, newest first; filters are joined by "and"."""
    query = request.parameters
    if _names_another_project(request):
        return request.collection("deployment", [])
    order = QUERY_ORDER.read(query.text("queryOrder") or "descending", "queryOrder")
    limit = paging.top(query, usual=USUAL, most=MOST)
    start = paging.id_token(query) or None
    wanted = await _filter(request)
    whole = Paging(limit, start, order == "ascending")

    async def read(part: Part[int]) -> Entries[int]:
        asked = replace(whole, limit=part.limit, start=part.start, until=part.until)
        return await _entries(request, wanted, asked, "all")

    return await long_lists.answer(
        request,
        Part(limit, start),
        long_lists.LINES,
        read,
        lambda: page_ends.after_deployments(request.call, wanted, whole),
        lambda key: key,
    )


@post("/release/deployments", opt=needs(Scope.RELEASE), status_code=200)
async def query_deployments(request: AzureRequest) -> Response[bytes] | Stream:
    """The newest deployments of several environments at once (DeploymentQueryParameters)."""
    request.in_project()
    body = await request.properties("deploymentQueryParameters", QUERY)
    limit = number_in(body.get("deploymentsPerEnvironment") or 1, "deploymentsPerEnvironment")
    expands = DEPLOYMENT_EXPANDS.read(body.get("expands") or "all", "expands")
    common = _queried(body)
    asked = [
        replace(common, definition_id=definition, definition_stage_id=stage)
        for definition, stage in _environments(body)
    ]
    parts = _newest_of_each(request, asked, max(1, min(limit, MOST)), expands)
    return await long_lists.collected(request, parts)


async def _newest_of_each(
    request: AzureRequest, asked: Sequence[DeploymentFilter], limit: int, expands: str
) -> AsyncIterator[Entries[int]]:
    for wanted in asked:
        start, left = None, limit
        while left > 0:
            paged = Paging(min(left, long_lists.LINES), start)
            part = await _entries(request, wanted, paged, expands)
            yield part
            start, left = part.next, left - paged.limit if part.next else 0


async def _entries(
    request: AzureRequest, wanted: DeploymentFilter, asked: Paging, expands: str
) -> Entries[int]:
    page, people, texts = await reading.deployments(request.call, wanted, asked)
    shown, conditions = Shown(request.links, people), _Conditions(texts)
    values = [
        present.deployment(
            shown,
            line,
            approvals=expands in ("all", "approvals"),
            artifacts=expands in ("all", "artifacts"),
            conditions=conditions.of(line),
        )
        for line in page.rows
    ]
    return Entries(request.entries("deployment", values), len(values), page.next)


class _Stage(msgspec.Struct):
    """What is read of an environment in a document."""

    id: Any = None
    conditions: Any = None


class _Document(msgspec.Struct):
    """What is read of a document: decoded as a whole it takes ten times its size."""

    environments: list[_Stage] | None = None


_document = msgspec.json.Decoder(_Document)


class _Conditions:
    """What the stages of some deployments began by; each document is read once."""

    def __init__(self, texts: Mapping[bytes, str]) -> None:
        self._found = {
            (digest, stage.id): stage.conditions or []
            for digest, text in texts.items()
            for stage in _document.decode(text).environments or ()
        }

    def of(self, line: DeploymentLine) -> list[Any]:
        """The conditions that held when it began by itself; none when somebody began it."""
        if line.reason is DeploymentReason.MANUAL:
            return []
        return self._found.get((line.document_digest, line.definition_stage_id), [])


def _environments(body: Mapping[str, Any]) -> list[tuple[int | None, int | None]]:
    """The environments of the body; none of them asks for all deployments there are."""
    given = array_in(body.get("environments"), "environments")
    if len(given) > MOST_ENVIRONMENTS:
        raise Problem(
            400,
            "VssPropertyValidationException",
            f"At most {MOST_ENVIRONMENTS} environments can be asked for at once.",
        )
    found: list[tuple[int | None, int | None]] = []
    for entry in given:
        place = json_reading.cased(
            dict(object_in(entry, "environments")),
            ("releaseDefinitionId", "definitionEnvironmentId"),
        )
        definition = number_in(place.get("releaseDefinitionId") or 0, "releaseDefinitionId")
        stage = number_in(place.get("definitionEnvironmentId") or 0, "definitionEnvironmentId")
        found.append((definition or None, stage or None))
    return found or [(None, None)]


def _queried(body: Mapping[str, Any]) -> DeploymentFilter:
    versions = array_in(body.get("artifactVersions"), "artifactVersions")
    return DeploymentFilter(
        projects=(),
        statuses=_statuses(str(body.get("deploymentStatus") or "")),
        operation_statuses=_operations(str(body.get("operationStatus") or "")),
        artifact_type=text_in(body.get("artifactTypeId"), "artifactTypeId") or None,
        source_id=text_in(body.get("artifactSourceId"), "artifactSourceId") or None,
        version_ids=tuple(text_in(version, "artifactVersions") for version in versions),
        source_branch=text_in(body.get("sourceBranch"), "sourceBranch") or None,
        is_deleted=bool_in(body.get("isDeleted") or False, "isDeleted"),
    )


def _names_another_project(request: AzureRequest) -> bool:
    """`projectName`: another project than the path's has nothing to show (CONTRACT E 9)."""
    named = request.parameters.text("projectName")
    project = request.call.project
    if not named or project is None:
        return False
    return named.casefold() not in (project.name.casefold(), project.id)


async def _filter(request: AzureRequest) -> DeploymentFilter:
    query = request.parameters
    return DeploymentFilter(
        projects=(),
        definition_id=_number(query, "definitionId"),
        definition_stage_id=_number(query, "definitionEnvironmentId"),
        requested_by=await _person(request, "createdBy"),
        requested_for=await _person(request, "createdFor"),
        min_modified=date_in(query.text("minModifiedTime"), "minModifiedTime"),
        max_modified=date_in(query.text("maxModifiedTime"), "maxModifiedTime"),
        min_started=date_in(query.text("minStartedTime"), "minStartedTime"),
        max_started=date_in(query.text("maxStartedTime"), "maxStartedTime"),
        statuses=_statuses(query.text("deploymentStatus")),
        operation_statuses=_operations(query.text("operationStatus")),
        source_branch=query.text("sourceBranch") or None,
        newest_only=bool_in(query.text("latestAttemptsOnly") or "false", "latestAttemptsOnly"),
    )


async def _person(request: AzureRequest, name: str) -> str | None:
    """The id behind a name or id; somebody unknown keeps the text, which finds nothing."""
    named = request.parameters.text(name)
    return await reading.identity_named(request.call, named) if named else None


def _number(query: Query, name: str) -> int | None:
    text = query.text(name)
    return number_in(text, name) or None if text else None


def _statuses(text: str) -> tuple[DeploymentStatus, ...]:
    bits = DEPLOYMENT_STATUS.bits([text], "deploymentStatus") if text else 0
    names = DEPLOYMENT_STATUS.names(bits)
    return tuple(status for status in DeploymentStatus if status.value in names)


def _operations(text: str) -> tuple[OperationStatus, ...]:
    bits = OPERATION_STATUS.bits([text], "operationStatus") if text else 0
    names = OPERATION_STATUS.names(bits)
    return tuple(status for status in OperationStatus if status.value in names)


ROUTES = [list_deployments, query_deployments]
