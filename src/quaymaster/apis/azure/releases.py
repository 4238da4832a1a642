"""Releases: list, get, create and change (CONTRACT B 16-20, 32; E 3-5, 22)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litestar import Response, get, patch, post, put
from litestar.params import FromPath
from litestar.response import Stream

from quaymaster.actions.definitions.artifacts import Choice
from quaymaster.actions.releases import edits, light_releases, page_ends, reading, releases
from quaymaster.actions.releases.releases import ReleaseRequest, ReleaseUpdate
from quaymaster.apis.azure import long_lists, release_query, release_summary
from quaymaster.apis.azure.asked import AzureRequest, array_in, identity_in, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.long_lists import Entries, Part
from quaymaster.apis.azure.negotiation import Era
from quaymaster.apis.azure.overrides import overrides_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import release as present
from quaymaster.apis.azure.present.light_releases import RENDERING, based
from quaymaster.apis.azure.present.release import Wanted
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.release_body import edit_in
from quaymaster.apis.azure.release_query import status_in
from quaymaster.apis.azure.values import (
    bool_in,
    number_in,
    properties_in,
)
from quaymaster.apis.azure.versions import registry as versions
from quaymaster.apis.azure.words import (
    APPROVAL_FILTERS,
    RELEASE_REASON,
    SINGLE_RELEASE_EXPANDS,
)
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import ReleaseReason
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases.lists import ReleaseFilter
from quaymaster.store.releases.views import ReleaseHead

NO_POST = "The requested resource does not support http method 'POST'."
START_METADATA = (
    "definitionId",
    "description",
    "artifacts",
    "isDraft",
    "manualEnvironments",
    "reason",
    "variables",
    "environmentsMetadata",
    "properties",
    "createdFor",
)
ARTIFACT = ("alias", "instanceReference")
BUILD_VERSION = ("id", "name", "sourceBranch", "sourceVersion")
UPDATE = ("status", "name", "description", "keepForever", "comment", "manualEnvironments")
REPLACEMENT = ("id", *UPDATE, "environments", "variables", "artifacts")


@get("/release/releases", opt=needs(Scope.RELEASE), status_code=200)
async def list_releases(request: AzureRequest) -> Response[bytes] | Stream:
    """Releases in the light form, newest first; `$expand` adds parts of the whole one.

    With `releaseCount` one summary of a definition instead (B 33).
    """
    if request.parameters.has("releaseCount"):
        return await release_summary.answer(request)
    version = request.asked.version
    asked = release_query.read(request.parameters, version)
    if asked is None:
        return request.collection("release", [])
    wanted = asked.wanted
    if asked.creator:
        creator = await reading.identity_named(request.call, asked.creator)
        wanted = replace(wanted, created_by=creator)
    is_light = asked.parts == present.SHALLOW
    is_narrowed = request.parameters.has("propertyFilters")
    is_kept = is_light and versions.is_newest_shape(version.precise, "release") and not is_narrowed
    entries = _kept if is_kept else _rendered

    async def read(part: Part[int]) -> Entries[int]:
        cut = replace(asked.paging, limit=part.limit, start=part.start, until=part.until)
        return await entries(request, wanted, cut, asked.parts)

    return await long_lists.answer(
        request,
        Part(asked.paging.limit, asked.paging.start),
        long_lists.LIGHT if is_light else long_lists.WHOLE,
        read,
        lambda: page_ends.after_releases(request.call, wanted, asked.paging),
        lambda key: key,
    )


async def _kept(
    request: AzureRequest, wanted: ReleaseFilter, page: Paging, _: Wanted
) -> Entries[int]:
    """Light entries as they were rendered before (decision 0016)."""
    found = await light_releases.page(request.call, wanted, page, RENDERING)
    return Entries(based(found.text, request.links), found.count, found.next)


async def _rendered(
    request: AzureRequest, wanted: ReleaseFilter, paging: Paging, parts: Wanted
) -> Entries[int]:
    page, people = await reading.releases(request.call, wanted, paging)
    if parts == present.SHALLOW:
        shown = Shown(request.links, people)
        values = [present.head(shown, head) for head in page.rows]
    else:
        whole = await reading.whole_releases(request.call, [head.id for head in page.rows])
        values = [
            present.release(Shown(request.links, one.people), one.view, one.document, parts)
            for one in whole
        ]
    shaped = request.entries("release", list(map(request.narrowed, values)))
    return Entries(shaped, len(values), page.next)


@get("/release/releases/{release_id:str}", opt=needs(Scope.RELEASE))
async def get_release(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """A whole release; `approvalFilters` trims its approvals.

    With `definitionSnapshotRevision` the text of that revision of its snapshot instead (B 18).
    """
    query = request.parameters
    if query.text("definitionSnapshotRevision"):
        wanted = number_in(query.text("definitionSnapshotRevision"), "definitionSnapshotRevision")
        text = await edits.snapshot_at(request.call, release_number(release_id), wanted)
        return request.text(text.encode())
    return await shown_release(request, release_number(release_id), _trimmed(request.parameters))


@post("/release/releases", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def create_release(request: AzureRequest) -> Response[bytes]:
    """Make a release from ReleaseStartMetadata and start what starts by itself."""
    request.in_project()
    body = await request.properties("releaseStartMetadata", START_METADATA)
    wanted = request_in(body)
    if named := identity_in(body.get("createdFor"), "createdFor"):
        wanted = replace(wanted, created_for=await reading.known_identity(request.call, named))
    release_id = await releases.create(request.call, wanted)
    return await shown_release(request, release_id)


@patch("/release/releases/{release_id:str}", opt=needs(Scope.RELEASE_EXECUTE))
async def update_release_resource(
    request: AzureRequest, release_id: FromPath[str]
) -> Response[bytes]:
    """Start a draft, abandon, rename, describe or keep a release."""
    request.in_project()
    number = release_number(release_id)
    body = await request.properties("releaseUpdateMetadata", UPDATE)
    await releases.update(request.call, number, _update(body))
    return await shown_release(request, number)


@post("/release/releases/{release_id:str}", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def update_release_as_3_0_did(
    request: AzureRequest, release_id: FromPath[str]
) -> Response[bytes]:
    """The full update of 2.2 and 3.0-preview.1, which was a POST (LEGACY 3)."""
    if request.asked.version.era is not Era.LEGACY:
        raise Problem(405, "VssRequestInvalidException", NO_POST)
    return await _replaced_by_body(request, release_id)


@put("/release/releases/{release_id:str}", opt=needs(Scope.RELEASE_EXECUTE))
async def update_release(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """Replace a release by the body; what the body lacks stays as it is (CONTRACT E 3).

    Without a body a deleted release comes back (B.4).
    """
    return await _replaced_by_body(request, release_id)


async def _replaced_by_body(request: AzureRequest, release_id: str) -> Response[bytes]:
    call = request.in_project()
    number = release_number(release_id)
    if (await request.body()).strip() in (b"", b"null"):  # node's client says that there is none
        comment = text_in(request.parameters.text("comment"), "comment")
        await edits.undelete(call, number, comment)
        return await shown_release(request, number)
    body = await request.properties("release", REPLACEMENT)
    _check_named_in_path(body.get("id"), number)
    before = await reading.release(call, number)
    version = request.asked.version.precise
    if not versions.is_newest_shape(version, "release"):
        shown = Shown(request.links, before.people)
        stored = present.release(shown, before.view, before.document)
        body = versions.carried(version, "release", body, stored)
    update = _replaced(body, before.view.head)
    await releases.update(call, number, update, edit_in(body, before.view))
    return await shown_release(request, number)


def _check_named_in_path(given: Any, number: ReleaseId) -> None:
    """Raise Problem for the body of another release than the path's (as E 1 for definitions)."""
    if given not in (None, 0, "0") and number_in(given, "id") != number:
        raise Problem(
            400,
            "InvalidRequestException",
            f"The path names the release {number}, the body {given}. Name the same one.",
        )


async def shown_release(
    request: AzureRequest, number: ReleaseId, wanted: Wanted = present.EVERYTHING
) -> Response[bytes]:
    """The answer that every request about one release ends with."""
    found = await reading.release(request.call, number)
    shown = Shown(request.links, found.people, found.groups)
    body = present.release(shown, found.view, found.document, wanted)
    return request.answer("release", request.narrowed(body))


def release_number(text: str) -> ReleaseId:
    return ReleaseId(number_in(text, "releaseId", lowest=1))


def _trimmed(query: Query) -> Wanted:
    records = number_in(query.text("topGateRecords") or 5, "$topGateRecords", lowest=1)
    SINGLE_RELEASE_EXPANDS.bits(query.all("expand"), "$expand")  # everything is there anyway (E 5)
    return replace(_of_approvals(query), gate_records=records)


def _of_approvals(query: Query) -> Wanted:
    given = query.all("approvalFilters")
    if not given:
        return present.EVERYTHING
    names = APPROVAL_FILTERS.names(APPROVAL_FILTERS.bits(given, "approvalFilters"))
    return Wanted(
        approvals=bool(names & {"manualApprovals", "automatedApprovals"}),
        automated_approvals="automatedApprovals" in names,
    )


def request_in(body: Mapping[str, Any]) -> ReleaseRequest:
    """What a ReleaseStartMetadata asks for. Raises Problem."""
    if body.get("definitionId") is None:
        raise Problem(
            400,
            "ArgumentNullException",
            "Value cannot be null. Parameter name: definitionId",
        )
    reason = RELEASE_REASON.read(body.get("reason") or "none", "reason")
    return ReleaseRequest(
        definition_id=number_in(body["definitionId"], "definitionId"),
        description=text_in(body.get("description"), "description"),
        choices=tuple(_choice(entry) for entry in array_in(body.get("artifacts"), "artifacts")),
        is_draft=bool_in(body.get("isDraft") or False, "isDraft"),
        manual_stages=_manual_stages(body),
        reason=ReleaseReason.MANUAL if reason == "none" else ReleaseReason(reason),
        variables=overrides_in(body.get("variables"), "variables"),
        stage_variables=_stage_variables(body),
        properties=properties_in(object_in(body.get("properties"), "properties")),
    )


def _manual_stages(body: Mapping[str, Any]) -> tuple[str, ...]:
    names = array_in(body.get("manualEnvironments"), "manualEnvironments")
    return tuple(text_in(name, "manualEnvironments") for name in names)


def _choice(entry: Any) -> Choice:
    artifact = json_reading.cased(dict(object_in(entry, "artifacts")), ARTIFACT)
    version = json_reading.cased(
        dict(object_in(artifact.get("instanceReference"), "instanceReference")), BUILD_VERSION
    )
    given = version.get("id")
    return Choice(
        alias=text_in(artifact.get("alias"), "artifacts.alias"),
        id=str(given) if isinstance(given, int) else text_in(given, "instanceReference.id"),
        name=text_in(version.get("name"), "instanceReference.name"),
        branch=text_in(version.get("sourceBranch"), "instanceReference.sourceBranch"),
        commit=text_in(version.get("sourceVersion"), "instanceReference.sourceVersion"),
    )


def _stage_variables(body: Mapping[str, Any]) -> dict[int, Any]:
    found = {}
    for entry in array_in(body.get("environmentsMetadata"), "environmentsMetadata"):
        stage = json_reading.cased(
            dict(object_in(entry, "environmentsMetadata")), ("definitionEnvironmentId", "variables")
        )
        number = number_in(stage.get("definitionEnvironmentId"), "definitionEnvironmentId")
        found[number] = overrides_in(stage.get("variables"), "environmentsMetadata.variables")
    return found


def _update(body: Mapping[str, Any]) -> ReleaseUpdate:
    status = body.get("status")
    keep = body.get("keepForever")
    return ReleaseUpdate(
        status=status_in(str(status), "status") if status is not None else None,
        name=text_in(body["name"], "name", longest=256) if body.get("name") is not None else None,
        description=text_in(body["description"], "description")
        if body.get("description") is not None
        else None,
        keep_forever=bool_in(keep, "keepForever") if keep is not None else None,
        comment=text_in(body.get("comment"), "comment"),
        manual_stages=_manual_stages(body),
    )


def _replaced(body: Mapping[str, Any], now: ReleaseHead) -> ReleaseUpdate:
    """Only what differs: a whole release names everything even when nobody means to change it."""
    wanted = _update(body)
    return ReleaseUpdate(
        status=None if wanted.status is now.status else wanted.status,
        name=None if wanted.name == now.name else wanted.name,
        description=None if wanted.description == now.description else wanted.description,
        keep_forever=None if wanted.keep_forever is now.keep_forever else wanted.keep_forever,
        comment=wanted.comment,
        manual_stages=wanted.manual_stages,
    )


ROUTES = [
    list_releases,
    get_release,
    create_release,
    update_release_resource,
    update_release,
    update_release_as_3_0_did,
]
