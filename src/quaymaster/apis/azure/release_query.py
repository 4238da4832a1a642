"""What a list of releases is asked for: the parameters of CONTRACT B 16."""

from dataclasses import dataclass, replace
from functools import lru_cache

from quaymaster.apis.azure import paging
from quaymaster.apis.azure.negotiation import ApiVersion, Era
from quaymaster.apis.azure.present import release as present
from quaymaster.apis.azure.present.release import Wanted
from quaymaster.apis.azure.values import bool_in, date_in, list_in, number_in, numbers_in
from quaymaster.apis.azure.versions import registry as versions
from quaymaster.apis.azure.versions.numbers import NOTHING
from quaymaster.apis.azure.words import (
    ENVIRONMENT_STATUS,
    QUERY_ORDER,
    RELEASE_EXPANDS,
    RELEASE_STATUS,
)
from quaymaster.apis.shared.query import Query
from quaymaster.domain.statuses import ReleaseStatus
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases.lists import ReleaseFilter

USUAL, MOST = 50, 5000


@dataclass(frozen=True, slots=True)
class ListAsked:
    """Which releases, which page of them, and how much of each.

    `creator` is the name or id that the filter's `created_by` has to be looked up for.
    """

    wanted: ReleaseFilter
    creator: str
    paging: Paging
    parts: Wanted


@lru_cache(maxsize=1024)
def read(query: Query, version: ApiVersion) -> ListAsked | None:
    """None when the filter names a status that no release has. Raises Problem."""
    said = query.text("statusFilter")  # old versions had other numbers and words (LEGACY 6.4)
    meant = versions.meant(version.precise, "ReleaseStatus", said)
    if meant == NOTHING:
        return None
    order = QUERY_ORDER.read(query.text("queryOrder") or "descending", "queryOrder")
    limit = paging.top(query, usual=USUAL, most=MOST)
    parts = _expanded(query)
    if version.era is Era.LEGACY:
        parts = replace(parts, variables=True)  # lists showed them then (LEGACY 7)
    return ListAsked(
        _filter(query, status_in(meant)),
        query.text("createdBy"),
        Paging(limit, paging.id_token(query) or None, order == "ascending"),
        parts,
    )


def status_in(text: str, where: str = "statusFilter") -> ReleaseStatus | None:
    """A release's status, none for "undefined" and for nothing. Raises Problem naming `where`."""
    named = RELEASE_STATUS.read(text, where) if text else "undefined"
    return None if named == "undefined" else ReleaseStatus(named)


def _expanded(query: Query) -> Wanted:
    bits = RELEASE_EXPANDS.bits(query.all("expand"), "$expand")
    names = RELEASE_EXPANDS.names(bits)
    if not names - {"tags"}:
        return present.SHALLOW
    return Wanted(
        environments="environments" in names or "approvals" in names,
        artifacts="artifacts" in names,
        approvals="approvals" in names,
        variables="variables" in names,
    )


def _filter(query: Query, status: ReleaseStatus | None) -> ReleaseFilter:
    return ReleaseFilter(
        projects=(),
        definition_id=_number(query, "definitionId"),
        definition_stage_id=_number(query, "definitionEnvironmentId"),
        search_text=query.text("searchText"),
        status=status,
        stage_mask=ENVIRONMENT_STATUS.bits(
            query.all("environmentStatusFilter"), "environmentStatusFilter"
        ),
        min_created=date_in(query.text("minCreatedTime"), "minCreatedTime"),
        max_created=date_in(query.text("maxCreatedTime"), "maxCreatedTime"),
        artifact_type=query.text("artifactTypeId") or None,
        source_id=query.text("sourceId") or None,
        version_id=query.text("artifactVersionId") or None,
        source_branch=query.text("sourceBranchFilter") or None,
        is_deleted=bool_in(query.text("isDeleted") or "false", "isDeleted"),
        tags=tuple(list_in(query.all("tagFilter"))),
        ids=tuple(numbers_in(query.all("releaseIdFilter"), "releaseIdFilter")),
        path=query.text("path"),
    )


def _number(query: Query, name: str) -> int | None:
    text = query.text(name)
    return number_in(text, name) or None if text else None
