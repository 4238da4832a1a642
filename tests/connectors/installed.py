"""An installed task that asks a change desk and needs no agent."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quaymaster.runner.tasks.installed import installing
from quaymaster.runner.tasks.installed.directory import TaskDirectory

ID = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e77"
REQUEST: dict[str, Any] = {
    "HttpRequest": {
        "Execute": {
            "EndpointId": "$(desk)",
            "EndpointUrl": "$(endpoint.url)/changes/$(change)",
            "Method": "PUT",
            "Headers": '{"X-Kind": "$(kind)"}',
            "Body": '{"plan": "$(system.PlanId)", "change": "$(change)"}',
            "WaitForCompletion": "$(waitForAnswer)",
            "Expression": "eq(root['state'], 'open')",
        }
    }
}
INPUTS: list[dict[str, Any]] = [
    {"name": "desk", "type": "connectedService:Generic", "required": True},
    {"name": "change", "type": "string"},
    {"name": "kind", "type": "string", "defaultValue": "normal", "aliases": ["sort"]},
    {"name": "waitForAnswer", "type": "boolean", "defaultValue": False},
]


def install(
    directory: Path,
    execution: Mapping[str, Any] = REQUEST,
    inputs: list[dict[str, Any]] = INPUTS,
) -> None:
    """Install the task with these executions into a directory of tasks."""
    made = directory.parent / f"{directory.name}-author"
    made.mkdir()
    declared = {
        "id": ID,
        "name": "AskDesk",
        "version": {"Major": 1, "Minor": 2, "Patch": 3},
        "runsOn": ["Server", "ServerGate"],
        "inputs": inputs,
        "execution": execution,
    }
    (made / "task.json").write_text(json.dumps(declared))
    installing.install(TaskDirectory(directory), made)
