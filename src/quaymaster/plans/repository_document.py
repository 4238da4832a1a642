"""The definition document of a repository whose commits are released under versions (AVIATOR 9).

It is a release definition like any other: its stages can be given approvals, gates and queues by
whoever edits it. What is written here is what a new one begins with.
"""

from collections.abc import Sequence
from typing import Any

from quaymaster.domain.spreading import EXTERNAL

Document = dict[str, Any]

ALIAS = "repository"
NAME_FORMAT = "$(Date:yyyy.MM.dd)-$(rev:r)-rc1"  # of releases that nobody gives a version to
KEPT_DAYS, KEPT_RELEASES = 365, 50

_NOBODY = {"id": 0, "rank": 1, "isAutomated": True, "isNotificationOn": False}


def definition(name: str, repository: str, artifact_type: str = "Repository") -> Document:
    """The document of a new definition, without any stage."""
    reference = {
        "definition": repository,
        "defaultVersionType": "selectDuringReleaseCreationType",
    }
    return {
        "source": "restApi",
        "name": name,
        "description": None,
        "path": "\\",
        "variables": {},
        "variableGroups": [],
        "environments": [],
        "artifacts": [
            {
                "type": artifact_type,
                "alias": ALIAS,
                "sourceId": repository,
                "definitionReference": {
                    key: {"id": value, "name": value} for key, value in reference.items()
                },
                "isPrimary": True,
                "isRetained": False,
            }
        ],
        "triggers": [],
        "releaseNameFormat": NAME_FORMAT,
        "tags": [],
        "properties": {},
    }


def stage(name: str, rank: int) -> Document:
    """A stage that starts by hand and is deployed by somebody outside, who reports."""
    return {
        "id": 0,
        "name": name,
        "rank": rank,
        "variables": {},
        "variableGroups": [],
        "preDeployApprovals": {"approvals": [dict(_NOBODY)]},
        "deployStep": {"id": 0},
        "postDeployApprovals": {"approvals": [dict(_NOBODY)]},
        "deployPhases": [outside_phase()],
        "environmentOptions": {"publishDeploymentStatus": True, "badgeEnabled": True},
        "demands": [],
        "conditions": [],
        "executionPolicy": {"concurrencyCount": 0, "queueDepthCount": 0},
        "schedules": [],
        "retentionPolicy": {
            "daysToKeep": KEPT_DAYS,
            "releasesToKeep": KEPT_RELEASES,
            "retainBuild": True,
        },
        "properties": {},
        "environmentTriggers": [],
    }


def outside_phase(inputs: dict[str, str] | None = None) -> Document:
    """The one phase of a stage that is deployed outside; `inputs` say how it is begun there."""
    return {
        "rank": 1,
        "phaseType": "runOnServer",
        "name": "Deployed outside",
        "refName": None,
        "deploymentInput": {"condition": "succeeded()", "overrideInputs": {}},
        "workflowTasks": [
            {
                "taskId": EXTERNAL,
                "version": "1.*",
                "name": "Wait for reports",
                "refName": "",
                "enabled": True,
                "alwaysRun": False,
                "continueOnError": False,
                "timeoutInMinutes": 0,
                "definitionType": "task",
                "overrideInputs": {},
                "condition": "succeeded()",
                "inputs": inputs or {},
            }
        ],
    }


def with_stages(document: Document, stages: Sequence[Document]) -> Document:
    return {**document, "environments": list(stages)}
