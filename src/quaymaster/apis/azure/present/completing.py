"""What every definition and stage says, also where its author said nothing (recorded answers).

Clients look into these without asking whether they are there. What is shown is what counts where
nothing is said, so that a definition that is sent back as it was shown means the same.
"""

from typing import Any

Document = dict[str, Any]

DEFINITION: Document = {
    "description": None,
    "variables": {},
    "variableGroups": [],
    "artifacts": [],
    "triggers": [],
    "releaseNameFormat": "",
    "tags": [],
    "properties": {},
    "projectReference": None,
}
GATES = ("preDeploymentGates", "postDeploymentGates")
NO_GATES: Document = {"id": 0, "gatesOptions": None, "gates": []}
OPTIONS: Document = {
    "emailNotificationType": "OnlyOnFailure",
    "emailRecipients": "release.environment.owner;release.creator",
    "skipArtifactsDownload": False,
    "timeoutInMinutes": 0,
    "enableAccessToken": False,
    "publishDeploymentStatus": False,
    "badgeEnabled": False,
    "autoLinkWorkItems": False,
    "pullRequestDeploymentEnabled": False,
}
STAGE: Document = {
    "variables": {},
    "variableGroups": [],
    "environmentOptions": OPTIONS,
    "demands": [],
    "conditions": [],
    "executionPolicy": {"concurrencyCount": 0, "queueDepthCount": 0},
    "schedules": [],
    "properties": {},
    "environmentTriggers": [],
}
PHASE: Document = {"refName": None, "workflowTasks": []}
EVERY_INPUT: Document = {
    "timeoutInMinutes": 0,
    "jobCancelTimeoutInMinutes": 1,
    "condition": "succeeded()",
    "overrideInputs": {},
}
PARALLEL: Document = {"parallelExecution": {"parallelExecutionType": "none"}}
ON_AGENTS: Document = {
    "skipArtifactsDownload": False,
    "artifactsDownloadInput": {"downloadInputs": []},
    "demands": [],
    "enableAccessToken": False,
}
INPUTS = {
    "agentBasedDeployment": {**PARALLEL, **ON_AGENTS, **EVERY_INPUT},
    "machineGroupBasedDeployment": {**ON_AGENTS, **EVERY_INPUT},
    "runOnServer": {**PARALLEL, **EVERY_INPUT},
}


def definition(document: Document) -> Document:
    """A definition with everything that one has."""
    return {**DEFINITION, **document, **_listed(document, "environments", stage)}


def stage(document: Document) -> Document:
    """A stage of a definition with everything that one has."""
    options = {**OPTIONS, **(document.get("environmentOptions") or {})}
    said = {**document, "environmentOptions": options}
    said |= {side: {**NO_GATES, **(document.get(side) or {})} for side in GATES}
    return {**STAGE, **said, **_listed(document, "deployPhases", phase)}


def phase(document: Document) -> Document:
    """A phase with all settings that one of its kind has."""
    usual = INPUTS.get(str(document.get("phaseType")), {})
    given = document.get("deploymentInput") or {}
    return {**PHASE, **document, "deploymentInput": {**usual, **given}}


def _listed(document: Document, key: str, completed: Any) -> Document:
    entries = document.get(key)
    return {key: list(map(completed, entries))} if isinstance(entries, list) else {}
