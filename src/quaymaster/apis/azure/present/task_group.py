"""Task groups in their published shape, one body for each version."""

from typing import Any

from quaymaster.apis.azure.present.shown import Shown, actor
from quaymaster.apis.azure.values import date_out
from quaymaster.store.resources.task_groups import GroupRevision, GroupVersion

# What a task definition says of itself and a group has nothing of.
_EMPTY: dict[str, Any] = {
    "runsOn": ["Agent", "DeploymentGroup"],
    "inputs": [],
    "tasks": [],
    "groups": [],
    "demands": [],
    "satisfies": [],
    "sourceDefinitions": [],
    "dataSourceBindings": [],
    "visibility": [],
    "outputVariables": [],
}


def task_group(shown: Shown, found: GroupVersion) -> dict[str, Any]:
    """A TaskGroup: the document as it was sent, with what the server knows of it."""
    document = found.document
    return {
        **_EMPTY,
        **document,
        "tasks": [_step(step) for step in document.get("tasks") or []],
        "id": str(found.id),
        "name": found.name,
        "friendlyName": document.get("friendlyName") or found.name,
        "version": {
            "major": found.major,
            "minor": found.minor,
            "patch": found.patch,
            "isTest": found.parent_id is not None,
        },
        "instanceNameFormat": document.get("instanceNameFormat") or f"Task group: {found.name}",
        "definitionType": "metaTask",
        "contentsUploaded": True,
        "serverOwned": False,
        "packageLocation": None,
        "revision": found.revision,
        "preview": found.is_preview,
        "disabled": found.is_disabled,
        "deleted": found.is_deleted,
        "comment": found.comment,
        "parentDefinitionId": str(found.parent_id) if found.parent_id else None,
        "owner": None,
        "createdBy": actor(shown, found.created_by),
        "createdOn": date_out(found.created_at),
        "modifiedBy": actor(shown, found.modified_by),
        "modifiedOn": date_out(found.modified_at),
    }


def _step(step: dict[str, Any]) -> dict[str, Any]:
    usual = {
        "environment": {},
        "displayName": "",
        "alwaysRun": False,
        "continueOnError": False,
        "condition": "succeeded()",
        "enabled": True,
        "timeoutInMinutes": 0,
        "retryCountOnTaskFailure": 0,
        "inputs": {},
    }
    return {**usual, **step}


def revision(shown: Shown, found: GroupRevision) -> dict[str, Any]:
    """A TaskGroupRevision."""
    return {
        "taskGroupId": str(found.group_id),
        "revision": found.revision,
        "majorVersion": found.major,
        "changeType": found.change_type,
        "changedBy": actor(shown, found.changed_by),
        "changedDate": date_out(found.changed_at),
        "comment": found.comment,
        "fileId": 0,
    }
