"""Builds release definition documents as a client of API version 7.1 sends them.

`definition("Web", stage("Dev"), stage("QA", "Dev", pre=["carol"]))` and the shorter
`outlined("Dev → QA", approvals={"QA": ["carol"]})` are full, valid documents. Every part can be
built alone, and keywords change its fields: `stage("Dev", rank=2)`, `bash("true", name="Nothing")`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tests import outlines

Document = dict[str, Any]

BASH = "6c731c3c-3c68-459a-a5c9-bde6e6595b5b"
COMMAND_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9"
POWERSHELL = "e213ff0f-5d5c-4791-802d-52ea3e7be1f1"
PYTHON_SCRIPT = "6392f95f-7e76-4a18-b3c7-7f078d2f7700"
DELAY = "28782b92-5e8e-4458-9751-a71cd1492bae"
COPY_FILES = "5bfb729a-a7c8-4a78-a7c3-8d717bb7c13c"
EXTRACT_FILES = "5e1e3830-fbfb-11e5-aab1-090c92bc4988"
INVOKE_REST_API = "9c3e8943-130d-4c78-ac63-8af81df62dfb"

SUCCEEDED = "4"


def definition(name: str, *stages: Document, **changes: Any) -> Document:
    """A definition that can be posted as it is."""
    document = {
        "source": "restApi",
        "id": 0,
        "revision": 1,
        "name": name,
        "description": None,
        "path": "\\",
        "isDeleted": False,
        "variables": {},
        "variableGroups": [],
        "environments": list(stages),
        "artifacts": [],
        "triggers": [],
        "releaseNameFormat": "Release-$(rev:r)",
        "tags": [],
        "properties": {},
        "projectReference": None,
        "_links": {},
    }
    return {**document, **changes}


def outlined(
    outline: str = "Dev",
    *,
    approvals: Mapping[str, Sequence[str]] | None = None,
    post_approvals: Mapping[str, Sequence[str]] | None = None,
    tasks: Sequence[Document] | Mapping[str, Sequence[Document]] | None = None,
    **changes: Any,
) -> Document:
    """A definition from an outline such as "Dev → QA; Dev → Load; QA → Prod; Load → Prod".

    A stage with nothing before it starts with the release. The keywords say who approves before
    and after each stage (ids, all asked at once), and the tasks of every stage or of each one.
    """
    before = outlines.waits_for(outline)
    stages = [
        stage(
            name,
            *waits_for,
            rank=rank,
            pre=(approvals or {}).get(name, ()),
            post=(post_approvals or {}).get(name, ()),
            tasks=tasks.get(name) if isinstance(tasks, Mapping) else tasks,
        )
        for rank, (name, waits_for) in enumerate(before.items(), 1)
    ]
    return definition("Web shop", *stages, **changes)


def stage(
    name: str,
    *after: str,
    rank: int = 1,
    pre: Sequence[str] = (),
    post: Sequence[str] = (),
    script: str = "echo hello",
    tasks: Sequence[Document] | None = None,
    **changes: Any,
) -> Document:
    """A stage that starts after others, or with the release, and runs a script or these tasks."""
    if tasks is None:
        tasks = [command_line(script, name=f"Deploy to {name}")]
    environment = {
        "id": 0,
        "name": name,
        "rank": rank,
        "variables": {},
        "variableGroups": [],
        "preDeployApprovals": asks(*pre),
        "deployStep": {"id": 0},
        "postDeployApprovals": asks(*post, executionOrder="afterSuccessfulGates"),
        "deployPhases": [phase(tasks)],
        "environmentOptions": {
            "emailNotificationType": "OnlyOnFailure",
            "emailRecipients": "release.environment.owner;release.creator",
            "skipArtifactsDownload": False,
            "timeoutInMinutes": 0,
            "enableAccessToken": False,
            "publishDeploymentStatus": True,
            "badgeEnabled": False,
            "autoLinkWorkItems": False,
            "pullRequestDeploymentEnabled": False,
        },
        "demands": [],
        "conditions": [after_stage(other) for other in after] or [release_started()],
        "executionPolicy": {"concurrencyCount": 1, "queueDepthCount": 0},
        "schedules": [],
        "retentionPolicy": {"daysToKeep": 30, "releasesToKeep": 3, "retainBuild": True},
        "properties": {},
        "preDeploymentGates": {"id": 0, "gatesOptions": None, "gates": []},
        "postDeploymentGates": {"id": 0, "gatesOptions": None, "gates": []},
        "environmentTriggers": [],
    }
    return {**environment, **changes}


def release_started() -> Document:
    """The condition of a stage that starts with the release."""
    return {"name": "ReleaseStarted", "conditionType": "event", "value": ""}


def after_stage(name: str, statuses: str = SUCCEEDED) -> Document:
    """The condition of a stage that starts after another; `statuses` is a bit mask as text."""
    return {"name": name, "conditionType": "environmentState", "value": statuses}


def artifact_condition(alias: str, filter_text: str) -> Document:
    """The condition that the version of an artifact passes a filter, given as JSON text."""
    return {"name": alias, "conditionType": "artifact", "value": filter_text}


def asks(*people: str, **options: Any) -> Document:
    """One side's approvals: these people at once, or nobody; keywords change the options."""
    steps = [approval_step(who) for who in people]
    return {
        "approvals": steps
        or [{"id": 0, "rank": 1, "isAutomated": True, "isNotificationOn": False}],
        "approvalOptions": {
            "requiredApproverCount": 0,
            "releaseCreatorCanBeApprover": True,
            "autoTriggeredAndPreviousEnvironmentApprovedCanBeSkipped": False,
            "enforceIdentityRevalidation": False,
            "timeoutInMinutes": 0,
            "executionOrder": "beforeGates",
            **options,
        },
    }


def approval_step(who: str, rank: int = 1, **changes: Any) -> Document:
    """The step that asks one person or group."""
    step = {
        "id": 0,
        "rank": rank,
        "isAutomated": False,
        "isNotificationOn": False,
        "approver": {"id": who},
    }
    return {**step, **changes}


def phase(tasks: Sequence[Document] = (), **changes: Any) -> Document:
    """A phase on an agent; keywords of the deployment input go below `deploymentInput`."""
    deployment_input = {
        "parallelExecution": {"parallelExecutionType": "none"},
        "agentSpecification": None,
        "skipArtifactsDownload": False,
        "artifactsDownloadInput": {"downloadInputs": []},
        "queueId": 1,
        "demands": [],
        "enableAccessToken": False,
        "timeoutInMinutes": 0,
        "jobCancelTimeoutInMinutes": 1,
        "condition": "succeeded()",
        "overrideInputs": {},
        **changes.pop("deploymentInput", {}),
    }
    built = {
        "deploymentInput": deployment_input,
        "rank": 1,
        "phaseType": "agentBasedDeployment",
        "name": "Agent job",
        "refName": None,
        "workflowTasks": list(tasks),
    }
    return {**built, **changes}


def task(task_id: str, version: str, name: str, inputs: Mapping[str, str], **changes: Any) -> Any:
    """A task of a phase or of a gate."""
    built = {
        "environment": {},
        "taskId": task_id,
        "version": version,
        "name": name,
        "refName": "",
        "enabled": True,
        "alwaysRun": False,
        "continueOnError": False,
        "timeoutInMinutes": 0,
        "retryCountOnTaskFailure": 0,
        "definitionType": "task",
        "overrideInputs": {},
        "condition": "succeeded()",
        "inputs": dict(inputs),
    }
    return {**built, **changes}


def bash(script: str, **changes: Any) -> Any:
    """A Bash task with an inline script."""
    inputs = {"targetType": "inline", "script": script}
    return task(BASH, "3.*", changes.pop("name", "Bash"), inputs, **changes)


def command_line(script: str, **changes: Any) -> Any:
    """A command line task."""
    return task(
        COMMAND_LINE, "2.*", changes.pop("name", "Command line"), {"script": script}, **changes
    )


def python_script(script: str, **changes: Any) -> Any:
    """A Python task with an inline script."""
    inputs = {"scriptSource": "inline", "script": script}
    return task(PYTHON_SCRIPT, "0.*", changes.pop("name", "Python"), inputs, **changes)


def variable(value: str | None, *, secret: bool = False, settable: bool = False) -> Document:
    """A variable; the value of a secret may be None to keep the stored one."""
    described: Document = {"value": value}
    if secret:
        described["isSecret"] = True
    if settable:
        described["allowOverride"] = True
    return described


def git_artifact(alias: str = "site", repository: str = "/srv/site.git", **keys: str) -> Document:
    """A repository on the server's machine; its version is chosen when a release is made."""
    reference = {
        "definition": repository,
        "defaultVersionType": "selectDuringReleaseCreationType",
        **keys,
    }
    return {
        "type": "Git",
        "alias": alias,
        "definitionReference": {key: {"id": value, "name": ""} for key, value in reference.items()},
        "isPrimary": True,
        "isRetained": False,
    }


def build_artifact(alias: str = "_Web-CI", definition_id: str = "7", **changes: Any) -> Document:
    """What a build definition produces, newest first."""
    built = {
        "type": "Build",
        "alias": alias,
        "definitionReference": {
            "project": {"id": "0d5c3c5b-2f0e-4c5a-9d0a-1f2e3d4c5b6a", "name": "Fabrikam"},
            "definition": {"id": definition_id, "name": "Web CI"},
            "defaultVersionType": {"id": "latestType", "name": "Latest"},
            "defaultVersionBranch": {"id": "", "name": ""},
            "defaultVersionTags": {"id": "", "name": ""},
            "defaultVersionSpecific": {"id": "", "name": ""},
        },
        "isPrimary": True,
        "isRetained": False,
    }
    return {**built, **changes}


def artifact_trigger(alias: str = "_Web-CI", *conditions: Document) -> Document:
    """A release for every new version that passes one of the conditions."""
    return {
        "artifactAlias": alias,
        "triggerConditions": list(conditions),
        "triggerType": "artifactSource",
    }


def schedule(days: int | str = 31, hour: int = 3, minute: int = 0, **changes: Any) -> Document:
    """A time of the week; `days` is a bit mask or names joined by comma."""
    built = {
        "timeZoneId": "UTC",
        "startHours": hour,
        "startMinutes": minute,
        "daysToRelease": days,
        "scheduleOnlyWithChanges": False,
    }
    return {**built, **changes}


def gates(*tasks: Document, **options: Any) -> Document:
    """Gates of one side, one task each; keywords change the options."""
    return {
        "id": 0,
        "gatesOptions": {
            "isEnabled": True,
            "timeout": 1440,
            "samplingInterval": 15,
            "stabilizationTime": 5,
            "minimumSuccessDuration": 0,
            **options,
        },
        "gates": [{"tasks": [one]} for one in tasks],
    }


def rest_gate(url: str = "https://example.org/healthy", **changes: Any) -> Any:
    """A gate task that asks a web service."""
    inputs = {"connectionType": "connectedServiceName", "urlSuffix": url, "method": "GET"}
    return task(INVOKE_REST_API, "1.*", changes.pop("name", "Is it healthy?"), inputs, **changes)
