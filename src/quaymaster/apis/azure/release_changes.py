"""The changes and work items that went into a release since another one (CONTRACT B.4)."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.ports.outside import Commit
from quaymaster.actions.releases import release_changes
from quaymaster.actions.releases.release_changes import Changes, Since
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.values import date_out, number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain import work_items

PATH = "/release/releases/{release_id:str}"


@get(PATH + "/changes", opt=needs(Scope.RELEASE))
async def get_changes(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """What an artifact has that it had not in `baseReleaseId`, or in the release before."""
    found = await _between(request, release_id, _top(request))
    values = [_change(found.kind, change) for change in found.changes]
    return request.collection("change", values)


@get(PATH + "/workitems", opt=needs(Scope.RELEASE))
async def get_work_items(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """The first `$top` work items that messages of these changes mention, by number only."""
    most = _top(request)
    found = await _between(request, release_id, release_changes.MOST)
    numbers = work_items.mentioned(change.message for change in found.changes)
    values = [
        {
            "id": str(number),
            "provider": found.kind,
            "type": None,
            "title": None,
            "state": None,
            "assignee": None,
            "url": None,
        }
        for number in numbers[:most]
    ]
    return request.collection("releaseWorkItemRef", values)


def _top(request: AzureRequest) -> int:
    usual, most = release_changes.USUAL, release_changes.MOST
    return paging.top(request.parameters, usual=usual, most=most)


async def _between(request: AzureRequest, release_id: str, most: int) -> Changes:
    query = request.parameters
    base = query.text("baseReleaseId")
    since = Since(
        number_in(base, "baseReleaseId", lowest=1) if base else None,
        query.text("artifactAlias"),
        most,
    )
    return await release_changes.between(request.call, release_number(release_id), since)


def _change(kind: str, found: Commit) -> dict[str, Any]:
    author = {
        "displayName": found.author_name or found.author_email,
        "uniqueName": found.author_email,
        "id": None,
        "url": None,
    }
    return {
        "id": found.id,
        "message": found.message.strip(),
        "changeType": kind,
        "author": author,
        "pushedBy": None,
        "timestamp": date_out(found.at),
        "location": None,
        "displayUri": None,
    }


ROUTES = [get_changes, get_work_items]
