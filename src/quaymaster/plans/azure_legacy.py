"""Turns what API versions before 4.0 sent into the newest shape (CONTRACT D.2, LEGACY 5, 6)."""

from collections.abc import Callable, Mapping
from typing import Any

from quaymaster.plans.azure_values import as_boolean, as_integer, as_text

Document = dict[str, Any]

PHASE_NAME = "Run on agent"
DEFAULT_DAYS = 30
DEFAULT_RELEASES = 3

# The run options of old stages, which were all text: what each became, and how it is read.
_RUN_OPTIONS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "environmentowneremailnotificationtype": ("emailNotificationType", as_text),
    "skipartifactsdownload": ("skipArtifactsDownload", as_boolean),
    "timeoutinminutes": ("timeoutInMinutes", as_integer),
}


def upgraded(document: Document) -> Document:
    """The definition without fields that only old versions had; newer ones are not touched.

    Expects published spelling (`azure_document.normalised` sees to that).
    """
    made = dict(document)
    if "linkedArtifacts" in made:
        linked = made.pop("linkedArtifacts")
        made.setdefault("artifacts", linked)
    stages = made.get("environments")
    if isinstance(stages, list):
        days = _days_to_keep(made.get("retentionPolicy"))
        made["environments"] = [
            _stage(stage, days) if isinstance(stage, dict) else stage for stage in stages
        ]
    return made


def _days_to_keep(policy: object) -> int:
    days = policy.get("daysToKeep") if isinstance(policy, dict) else None
    return days if isinstance(days, int) and days > 0 else DEFAULT_DAYS


def _stage(stage: Document, days_to_keep: int) -> Document:
    made = dict(stage)
    for old, new in (
        ("preDeploySteps", "preDeployApprovals"),
        ("postDeploySteps", "postDeployApprovals"),
    ):
        if old in made:
            steps = made.pop(old)
            made.setdefault(new, {"approvals": steps})
    for side in ("preDeployApprovals", "postDeployApprovals"):
        if side in made:
            made[side] = _approvals(made[side])
    if "runOptions" in made:
        said = made.get("environmentOptions")
        known = said if isinstance(said, dict) else {}
        made["environmentOptions"] = {**run_options(made.pop("runOptions")), **known}
    if _has_old_tasks(made):
        _fold_into_phase(made)
        made.setdefault("retentionPolicy", retention(days_to_keep))
    return made


def _approvals(side: Any) -> Any:
    options = side.get("approvalOptions") if isinstance(side, dict) else None
    if not isinstance(options, dict) or "timeoutInMintues" not in options:
        return side
    timeout = options["timeoutInMintues"]
    kept = {key: value for key, value in options.items() if key != "timeoutInMintues"}
    return {**side, "approvalOptions": {"timeoutInMinutes": timeout, **kept}}


def run_options(said: object) -> Document:
    """What run options, which were all text, say under the names of a stage's options today."""
    made: Document = {}
    for name, value in said.items() if isinstance(said, dict) else ():
        today, read = _RUN_OPTIONS.get(name.lower(), (name, as_text))
        made[today] = read(value)
    return made


def _has_old_tasks(stage: Mapping[str, Any]) -> bool:
    step = stage.get("deployStep")
    return not stage.get("deployPhases") and isinstance(step, dict) and "tasks" in step


def _fold_into_phase(stage: Document) -> None:
    """Tasks, queue and demands of the stage become its one phase."""
    step = dict(stage["deployStep"])
    tasks = step.pop("tasks")
    stage["deployStep"] = step
    options = stage.get("environmentOptions")
    known = options if isinstance(options, dict) else {}
    stage["deployPhases"] = [
        {
            "rank": 1,
            "phaseType": "agentBasedDeployment",
            "name": PHASE_NAME,
            "refName": None,
            "deploymentInput": {
                "parallelExecution": {"parallelExecutionType": "none"},
                "skipArtifactsDownload": known.get("skipArtifactsDownload", False),
                "artifactsDownloadInput": {"downloadInputs": []},
                "queueId": stage.pop("queueId", 0),
                "demands": stage.pop("demands", None) or [],
                "enableAccessToken": known.get("enableAccessToken", False),
                "timeoutInMinutes": known.get("timeoutInMinutes", 0),
                "jobCancelTimeoutInMinutes": 1,
                "condition": "succeeded()",
                "overrideInputs": {},
            },
            "workflowTasks": tasks or [],
        }
    ]


def retention(days_to_keep: int) -> Document:
    """How long a stage keeps releases where only the days were said (LEGACY 6.2)."""
    return {
        "daysToKeep": days_to_keep,
        "releasesToKeep": DEFAULT_RELEASES,
        "retainBuild": True,
    }
