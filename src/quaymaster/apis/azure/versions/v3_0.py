"""Before 3.0-preview.2: other numbers for statuses, other words for results (LEGACY 5)."""

from typing import Any

from quaymaster.apis.azure.versions import numbers, stages

TASK_STATUS = {"succeeded": "success", "partiallySucceeded": "success", "failed": "failure"}
NUMBERS = {
    "ReleaseStatus": {"1": "draft", "2": "abandoned", "3": "active"},
    "EnvironmentStatus": {
        **dict.fromkeys(("1", "2", "pending"), "notStarted"),
        "3": "succeeded",
        "4": "rejected",
        "5": "inProgress",
        "6": "canceled",
        "7": "queued",
    },
}


def upgrade(resource: str, body: Any) -> Any:
    """A status that was sent as a number, as the word that the number stood for."""
    return numbers.upgraded(resource, body, NUMBERS)


def downgrade(resource: str, body: Any) -> Any:
    """Results of tasks in the words of the time."""
    return stages.changed(resource, body, _environment)


def _environment(body: dict[str, Any]) -> dict[str, Any]:
    steps = [
        {**step, "tasks": [_task(task) for task in step.get("tasks") or []]}
        for step in body.get("deploySteps") or []
    ]
    return {**body, "deploySteps": steps}


def _task(task: dict[str, Any]) -> dict[str, Any]:
    status = task.get("status", "")
    return {**task, "status": TASK_STATUS.get(status, status)}
