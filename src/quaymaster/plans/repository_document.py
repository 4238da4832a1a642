"""The definition document of a repository whose commits are released under versions (AVIATOR 9).

It is a release definition like any other: its stages can be given approvals, gates and queues by
whoever edits it. What is written here is what a new one begins with.
"""

import json
from collections.abc import Sequence
from typing import Any

from quaymaster.domain import workflows
from quaymaster.domain.spreading import EXTERNAL
from quaymaster.domain.workflows import TITLES, Workflow

Document = dict[str, Any]

ALIAS = "repository"
COMMAND_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9"
NAME_FORMAT = "$(Date:yyyy.MM.dd)-$(rev:r)-rc1"  # of releases that nobody gives a version to
KEPT_DAYS, KEPT_RELEASES = 365, 50

# What the engine knows as the redeployment of what succeeded last (SEMANTICS 8.11).
_ON_FAILURE = {
    "triggerType": "rollbackRedeploy",
    "triggerContent": json.dumps(
        {
            "action": "LatestSuccessfulDeployment",
            "eventTypes": ["MS.TF.DistributedTask.DeploymentFailed"],
        }
    ),
}
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


def triggers(*, rolls_back: bool) -> list[Document]:
    """What a stage answers by itself: a failure with what succeeded last, or nothing."""
    return [dict(_ON_FAILURE)] if rolls_back else []


def outside_phase(inputs: dict[str, str] | None = None) -> Document:
    """The one phase of a stage that is deployed outside; `inputs` say how it is begun there."""
    return {
        "rank": 1,
        "phaseType": "runOnServer",
        "name": "Deployed outside",
        "refName": None,
        "deploymentInput": {"condition": "succeeded()", "overrideInputs": {}},
        "workflowTasks": [_task(EXTERNAL, "1.*", "Wait for reports", inputs or {})],
    }


def workflow_phase(workflow: Workflow) -> Document:
    """The phase of a stage that a workflow outside deploys at our request."""
    return {**outside_phase(workflows.written(workflow)), "name": TITLES[workflow.method]}


def own_phase(script: str, queue: int) -> Document:
    """A phase of one script that our own workers run beside the checked out commit."""
    return {
        "rank": 1,
        "phaseType": "agentBasedDeployment",
        "name": "Deploy",
        "refName": None,
        "deploymentInput": {
            "queueId": queue,
            "condition": "succeeded()",
            "skipArtifactsDownload": False,
            "timeoutInMinutes": 0,
            "jobCancelTimeoutInMinutes": 1,
            "demands": [],
            "overrideInputs": {},
        },
        "workflowTasks": [
            _task(
                COMMAND_LINE,
                "2.*",
                "Deploy",
                {"script": script, "workingDirectory": "", "failOnStderr": "false"},
            )
        ],
    }


def is_done_outside(stage: Document) -> bool:
    """Whether all that the stage does is wait for somebody outside."""
    tasks = [
        task
        for phase in stage.get("deployPhases") or ()
        for task in phase.get("workflowTasks") or ()
    ]
    return all(str(task.get("taskId", "")).lower() == EXTERNAL for task in tasks)


def connected(document: Document, url: str, connection: str) -> Document:
    """The document with the place of its repository, for jobs that check a commit out."""
    where = {"url": url, "connection": connection}
    said = {key: {"id": value, "name": value} for key, value in where.items() if value}
    artifacts = [
        {
            **artifact,
            "definitionReference": {
                **{
                    key: value
                    for key, value in artifact["definitionReference"].items()
                    if key not in where
                },
                **said,
            },
        }
        if artifact.get("alias") == ALIAS
        else artifact
        for artifact in document.get("artifacts") or ()
    ]
    return {**document, "artifacts": artifacts}


def with_stages(document: Document, stages: Sequence[Document]) -> Document:
    return {**document, "environments": list(stages)}


def _task(task_id: str, version: str, name: str, inputs: Document) -> Document:
    return {
        "taskId": task_id,
        "version": version,
        "name": name,
        "refName": "",
        "enabled": True,
        "alwaysRun": False,
        "continueOnError": False,
        "timeoutInMinutes": 0,
        "definitionType": "task",
        "overrideInputs": {},
        "condition": "succeeded()",
        "inputs": inputs,
    }
