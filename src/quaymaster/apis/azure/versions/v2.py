"""Before 3.0: fewer words for how environments and tasks stand (LEGACY 5, 6.4)."""

from typing import Any

ENVIRONMENT_STATUS = {
    "queued": "inProgress",
    "scheduled": "inProgress",
    "partiallySucceeded": "succeeded",
}
TASK_STATUS = {"succeeded": "success", "partiallySucceeded": "success", "failed": "failure"}


def downgrade(resource: str, body: Any) -> Any:
    """Statuses in the words of the time; everything else is as in 3.0."""
    match resource, body:
        case "release", {"environments": list(environments)}:
            return {**body, "environments": [_environment(one) for one in environments]}
        case "releaseEnvironment", dict():
            return _environment(body)
        case _:
            return body


def _environment(body: dict[str, Any]) -> dict[str, Any]:
    status = body.get("status", "")
    steps = [
        {**step, "tasks": [_task(task) for task in step.get("tasks") or []]}
        for step in body.get("deploySteps") or []
    ]
    return {**body, "status": ENVIRONMENT_STATUS.get(status, status), "deploySteps": steps}


def _task(task: dict[str, Any]) -> dict[str, Any]:
    status = task.get("status", "")
    return {**task, "status": TASK_STATUS.get(status, status)}
