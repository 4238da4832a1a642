"""Deployments as lists show them (CONTRACT C Deployment, E 12)."""

from collections.abc import Mapping, Sequence
from typing import Any

from quaymaster.apis.azure.present.approval import approval, around_line
from quaymaster.apis.azure.present.artifact import artifact
from quaymaster.apis.azure.present.shown import (
    Shown,
    actor,
    definition_reference,
    person,
    release_reference,
    stage_reference,
)
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.azure.words import operation_word, word
from quaymaster.domain.release import Side
from quaymaster.store.deployments.lists import DeploymentLine

NO_DATE = "0001-01-01T00:00:00"


def deployment(
    shown: Shown,
    found: DeploymentLine,
    *,
    approvals: bool,
    artifacts: bool,
    conditions: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """One deployment, with flat ids beside the nested references.

    `conditions` are those of its stage, which held when it began by itself.
    """
    project = str(found.project_id)
    around = around_line(found)
    sides = {
        side: [
            approval(shown, around, one, found.attempt)
            for one in found.approvals
            if one.side is side and approvals
        ]
        for side in Side
    }
    return {
        "id": found.id,
        "release": _release(shown, found, project, with_artifacts=artifacts),
        "releaseDefinition": definition_reference(
            shown, project, found.definition_id, found.definition_name, found.definition_path
        ),
        "releaseEnvironment": stage_reference(
            shown, project, found.release_id, found.stage_id, found.stage_name
        ),
        "projectReference": {"id": project, "name": found.project_name},
        "definitionEnvironmentId": found.definition_stage_id,
        "releaseId": found.release_id,
        "releaseDefinitionId": found.definition_id,
        "releaseEnvironmentId": found.stage_id,
        "attempt": found.attempt,
        "reason": word(found.reason),
        "deploymentStatus": word(found.status),
        "operationStatus": operation_word(found.operation_status),
        "requestedBy": actor(shown, found.requested_by),
        "requestedFor": actor(shown, found.requested_for),
        "queuedOn": date_out(found.queued_at) or NO_DATE,
        "startedOn": date_out(found.started_at) or NO_DATE,
        "completedOn": date_out(found.completed_at) or NO_DATE,
        "lastModifiedOn": date_out(found.modified_at),
        "lastModifiedBy": actor(shown, found.modified_by),
        "conditions": [{"result": True, **condition} for condition in conditions],
        "scheduledDeploymentTime": date_out(found.scheduled_for or found.deferred_until) or NO_DATE,
        "preDeployApprovals": sides[Side.PRE],
        "postDeployApprovals": sides[Side.POST],
        "url": shown.links.apis(project, f"Release/deployments/{found.id}"),
        "_links": {},
    }


def _release(
    shown: Shown, found: DeploymentLine, project: str, *, with_artifacts: bool
) -> dict[str, Any]:
    reference = release_reference(shown, project, found.release_id, found.release_name)
    carried = found.artifacts if with_artifacts else ()
    return {
        **reference,
        "artifacts": [artifact(shown.links, one) for one in carried],
        "webAccessUri": shown.links.release_page(project, found.release_id),
        "description": None,
        "releaseDefinition": None,
        "createdOn": NO_DATE,
        "createdBy": person(shown, None),
        "modifiedBy": None,
        "reason": "none",
    }
