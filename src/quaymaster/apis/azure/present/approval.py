"""Approvals (CONTRACT C ReleaseApproval)."""

from dataclasses import dataclass
from typing import Any

from quaymaster.apis.azure.present.shown import (
    Shown,
    definition_reference,
    person,
    release_reference,
    stage_reference,
)
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.azure.words import word
from quaymaster.domain.release import Approval
from quaymaster.store.deployments.approvals import ApprovalLine
from quaymaster.store.deployments.lists import DeploymentLine
from quaymaster.store.releases.views import ReleaseHead, StageView


@dataclass(frozen=True, slots=True)
class Around:
    """The release, definition and stage that an approval belongs to."""

    project: str
    definition_id: int
    definition_name: str
    definition_path: str
    release_id: int
    release_name: str
    stage_id: int
    stage_name: str


def around_line(found: ApprovalLine | DeploymentLine) -> Around:
    """What is around a line of a list."""
    return Around(
        str(found.project_id),
        found.definition_id,
        found.definition_name,
        found.definition_path,
        found.release_id,
        found.release_name,
        found.stage_id,
        found.stage_name,
    )


def around_stage(head: ReleaseHead, stage: StageView) -> Around:
    """What is around the approvals of a release's stage."""
    return Around(
        str(head.project_id),
        head.definition_id,
        head.definition_name,
        head.definition_path,
        head.id,
        head.name,
        stage.id,
        stage.name,
    )


def line(shown: Shown, found: ApprovalLine, *, history: bool = False) -> dict[str, Any]:
    """An approval of a list, or a single one."""
    return approval(shown, around_line(found), found.approval, found.attempt, history=history)


def approval(
    shown: Shown, around: Around, found: Approval, attempt: int, *, history: bool = False
) -> dict[str, Any]:
    """One ReleaseApproval; `approver` and `approvedBy` are left out where there is nobody."""
    body: dict[str, Any] = {
        "id": found.id,
        "revision": found.revision,
        "approver": person(shown, found.approver),
        "approvedBy": person(shown, found.approved_by),
        "approvalType": word(found.side),
        "createdOn": date_out(found.created_at),
        "modifiedOn": date_out(found.modified_at),
        "status": word(found.status),
        "comments": found.comment,
        "isAutomated": found.is_automated,
        "isNotificationOn": not found.is_automated,
        "trialNumber": attempt,
        "attempt": attempt,
        "rank": found.rank,
        "history": _history(shown, found) if history else [],
        "release": release_reference(shown, around.project, around.release_id, around.release_name),
        "releaseDefinition": definition_reference(
            shown,
            around.project,
            around.definition_id,
            around.definition_name,
            around.definition_path,
        ),
        "releaseEnvironment": stage_reference(
            shown, around.project, around.release_id, around.stage_id, around.stage_name
        ),
        "url": shown.links.approval(around.project, found.id),
    }
    return {key: value for key, value in body.items() if value is not None}


def _history(shown: Shown, found: Approval) -> list[dict[str, Any]]:
    """The earlier holders, oldest first (SEMANTICS 9.12)."""
    return [
        {
            "approver": person(shown, earlier.approver),
            "changedBy": person(shown, earlier.changed_by),
            "comments": earlier.comment,
            "createdOn": date_out(earlier.asked_at),
            "modifiedOn": date_out(earlier.changed_at),
            "revision": earlier.revision,
        }
        for earlier in found.earlier
    ]
