"""What happened to a release, and what it was made from (CONTRACT B 18, B.4)."""

from typing import Any

import msgspec
from litestar import Response, delete, get
from litestar.params import FromPath

from quaymaster.actions.releases import edits
from quaymaster.apis.azure.asked import AzureRequest, nothing, text_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown, actor
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.releases.history import HistoryLine

# The words of the published history for what happened; other entries keep our own.
CHANGE_TYPES = {
    "Activated": "Start",
    "Abandoned": "Abandon",
    "DetailsChanged": "Update",
    "DeploymentRequested": "Deploy",
    "StageTriggered": "Deploy",
    "CancelRequested": "Cancel",
    "ApprovalGiven": "Approve",
    "ApprovalRefused": "Reject",
    "ApprovalReassigned": "Reassign",
    "DeploymentDeferred": "Defer",
    "PriorityChanged": "Prioritize",
    "FreezeOverridden": "Deploy",
    "DeploymentEnded": "DeploymentCompleted",
    "Deleted": "Delete",
    "Undeleted": "Undelete",
}
# What a stage only remembers for itself; nobody did it and nothing came of it.
UNTOLD = frozenset({"ConditionsEvaluated"})


@get("/release/releases/{release_id:str}/history", opt=needs(Scope.RELEASE))
async def get_history(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """Everything that happened to the release, oldest first: who, when, what and why."""
    lines, people, revision = await edits.happened(request.call, release_number(release_id))
    shown = Shown(request.links, people)
    told = [_line(shown, line, revision) for line in lines if line.kind not in UNTOLD]
    return request.collection("releaseRevision", told)


@delete("/release/releases/{release_id:str}", opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_release(request: AzureRequest, release_id: FromPath[str]) -> Response[None]:
    """Delete softly."""
    comment = text_in(request.parameters.text("comment"), "comment")
    await edits.delete(request.in_project(), release_number(release_id), comment)
    return nothing()


def _line(shown: Shown, line: HistoryLine, revision: int) -> dict[str, Any]:
    where = {"stage": line.stage_id, "attempt": line.attempt}
    told = {key: value for key, value in where.items() if value is not None}
    return {
        "releaseId": line.release_id,
        "definitionSnapshotRevision": revision,
        "changedBy": actor(shown, line.by),
        "changedDate": date_out(line.at),
        "changeType": CHANGE_TYPES.get(line.kind, line.kind),
        "changeDetails": msgspec.json.encode({**told, **line.details}).decode(),
        "comment": line.comment,
    }


ROUTES = [get_history, delete_release]
