"""The demo's release definition: Dev, then QA with an approval, then Prod with two."""

from typing import Any

from demo.targets import Target

COPY_FILES = "5bfb729a-a7c8-4a78-a7c3-8d717bb7c13c"
BASH = "6c731c3c-3c68-459a-a5c9-bde6e6595b5b"
PYTHON_SCRIPT = "6392f95f-7e76-4a18-b3c7-7f078d2f7700"

SWITCH = """\
set -eu
cd "$(Site.Root)"
ln -sfn "releases/$(Release.ReleaseName)" next
mv -T next current
echo "$(Release.EnvironmentName) serves $(cat current/version.txt) from now on"
"""

SMOKE_TEST = """\
import sys
from urllib.request import urlopen

url = "$(Site.Url)/current/health.txt"
answer = urlopen(url, timeout=5).read().decode().strip()
print(f"{url} answers: {answer}")
if answer != "ok":
    sys.exit(f"smoke test failed: {answer}")
"""


def definition(
    repository: str, targets: list[Target], approvers: dict[str, dict[str, list[str]]]
) -> dict[str, Any]:
    """The document to POST. `approvers` names identity ids by stage and side (pre, post)."""
    environments = []
    previous: str | None = None
    for rank, target in enumerate(targets, 1):
        asked = approvers.get(target.name, {})
        environments.append(_environment(target, rank, previous, asked))
        previous = target.name
    return {
        "name": "Harbour news",
        "path": "\\",
        "releaseNameFormat": "Release-$(rev:r)",
        "artifacts": [_artifact(repository)],
        "environments": environments,
        "variables": {"Greeting": {"value": "hello from the harbour"}},
        "triggers": [],
    }


def _artifact(repository: str) -> dict[str, Any]:
    return {
        "alias": "site",
        "type": "Git",
        "isPrimary": True,
        "definitionReference": {
            "definition": {"id": repository, "name": "harbour-news"},
            "defaultVersionType": {"id": "selectDuringReleaseCreationType", "name": ""},
        },
    }


def _environment(
    target: Target, rank: int, previous: str | None, asked: dict[str, list[str]]
) -> dict[str, Any]:
    return {
        "name": target.name,
        "rank": rank,
        "variables": {
            "Site.Root": {"value": str(target.root)},
            "Site.Url": {"value": target.url},
        },
        "conditions": [_after(previous)],
        "preDeployApprovals": _approvals(asked.get("pre", [])),
        "postDeployApprovals": _approvals(asked.get("post", [])),
        "deployPhases": [_phase()],
        "retentionPolicy": {"daysToKeep": 30, "releasesToKeep": 3, "retainBuild": True},
        "executionPolicy": {"concurrencyCount": 1, "queueDepthCount": 0},
    }


def _after(previous: str | None) -> dict[str, Any]:
    if previous is None:
        return {"name": "ReleaseStarted", "conditionType": "event", "value": ""}
    return {"name": previous, "conditionType": "environmentState", "value": "4"}


def _approvals(people: list[str]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [
        {"rank": 1, "isAutomated": False, "isNotificationOn": False, "approver": {"id": person}}
        for person in people
    ]
    return {"approvals": steps or [{"rank": 1, "isAutomated": True, "isNotificationOn": False}]}


def _phase() -> dict[str, Any]:
    copy = {
        "SourceFolder": "$(System.DefaultWorkingDirectory)/site",
        "Contents": "**\n!.git/**",
        "TargetFolder": "$(Site.Root)/releases/$(Release.ReleaseName)",
    }
    return {
        "name": "Publish",
        "rank": 1,
        "phaseType": "agentBasedDeployment",
        "deploymentInput": {"queueId": 1},
        "workflowTasks": [
            _task(COPY_FILES, "2.*", "Copy the site", copy),
            _task(BASH, "3.*", "Switch to it", {"targetType": "inline", "script": SWITCH}),
            _task(
                PYTHON_SCRIPT,
                "0.*",
                "Smoke test",
                {"scriptSource": "inline", "script": SMOKE_TEST},
                condition="and(succeeded(), ne(variables['Release.EnvironmentName'], 'Dev'))",
            ),
        ],
    }


def _task(
    task_id: str, version: str, name: str, inputs: dict[str, str], condition: str = ""
) -> dict[str, Any]:
    return {
        "taskId": task_id,
        "version": version,
        "name": name,
        "enabled": True,
        "condition": condition or "succeeded()",
        "inputs": inputs,
    }
