"""How a stage looked in old versions: one list of tasks, one queue, other words (CONTRACT D.2)."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

Document = dict[str, Any]

AGENT = "agentBasedDeployment"
DEFAULT_DAYS = 30  # how long releases were kept where nobody said it


def tasks(phases: list[Document]) -> list[Any]:
    """The tasks of all phases, one after the other."""
    ranked = sorted(phases, key=lambda phase: phase.get("rank") or 0)
    return [task for phase in ranked for task in phase.get("workflowTasks") or []]


def agent_phase(phases: list[Document]) -> Document | None:
    """The first phase that runs on an agent."""
    return next((phase for phase in phases if phase.get("phaseType") == AGENT), None)


def queue(phases: list[Document]) -> int:
    return _input(phases).get("queueId") or 0


def demands(phases: list[Document]) -> list[str]:
    """What the agent must have, as text: `Name`, or `Name -equals value`."""
    return [_demand(demand) for demand in _input(phases).get("demands") or []]


def _input(phases: list[Document]) -> Document:
    return (agent_phase(phases) or {}).get("deploymentInput") or {}


def _demand(demand: Any) -> str:
    if not isinstance(demand, Mapping):
        return str(demand)
    name, value = demand.get("name"), demand.get("value")
    return f"{name} -equals {value}" if value else str(name)


def run_options(stage: Mapping[str, Any]) -> dict[str, str]:
    """The options of a stage in their oldest form, in which all was text."""
    options = stage.get("environmentOptions") or {}
    return {
        "EnvironmentOwnerEmailNotificationType": str(
            options.get("emailNotificationType") or "Always"
        ),
        "skipArtifactsDownload": str(bool(options.get("skipArtifactsDownload"))),
        "TimeoutInMinutes": str(options.get("timeoutInMinutes") or 0),
    }


def changed(resource: str, body: Any, change: Callable[[Document], Document]) -> Any:
    """The body with each stage that it shows changed; what shows none is given back as it is."""
    match resource, body:
        case "release", {"environments": list(environments)}:
            return {**body, "environments": [change(one) for one in environments]}
        case "releaseEnvironment", dict():
            return change(body)
        case _:
            return body


def without(body: Mapping[str, Any], keys: Collection[str]) -> Document:
    """The body less some of its keys."""
    return {key: value for key, value in body.items() if key not in keys}
