"""Updates by versions before 4.0: tasks, queue and demands go from the stage to its phases."""

from typing import Any

from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.versions import stages
from quaymaster.apis.azure.versions.stages import DEFAULT_DAYS, without

Document = dict[str, Any]

OF_AGENT = ("queueId", "demands")


def settle(resource: str, body: Any, shown: Any, sent: Any) -> Any:
    """The body with the tasks, queue and demands of its stages in their phases again.

    One that is no definition or release at all is left for its reader to refuse at its place.
    """
    if not isinstance(body.get("environments"), list) or not _is_readable(sent):
        return body
    if resource == "release":
        return _settled_release(body, shown, sent)
    seen = {stage.get("id"): stage for stage in shown.get("environments") or []}
    made = {**body, "environments": []}
    for stage, said in zip(body["environments"], sent["environments"], strict=True):
        made["environments"].append(_settled(stage, seen.get(said.get("id"), {}), said))
    if sent.get("retentionPolicy") != shown.get("retentionPolicy"):
        days = (sent.get("retentionPolicy") or {}).get("daysToKeep") or DEFAULT_DAYS
        made["environments"] = [_kept_for(days, stage) for stage in made["environments"]]
    return made


def _is_readable(sent: Document) -> bool:
    """Whether what is looked into here are the objects and lists that they must be."""
    environments = sent.get("environments")
    return (
        isinstance(environments, list)
        and all(isinstance(stage, dict) and _is_stage(stage) for stage in environments)
        and isinstance(sent.get("retentionPolicy") or {}, dict)
    )


def _is_stage(stage: Document) -> bool:
    phases = stage.get("deployPhases") or stage.get("deployPhasesSnapshot") or []
    return (
        isinstance(stage.get("id"), int | str | None)
        and isinstance(stage.get("deployStep") or {}, dict)
        and isinstance(phases, list)
        and all(isinstance(phase, dict) and _is_phase(phase) for phase in phases)
    )


def _is_phase(phase: Document) -> bool:
    return isinstance(phase.get("deploymentInput") or {}, dict)


def _settled_release(body: Document, shown: Document, sent: Document) -> Document:
    seen = {stage.get("id"): stage for stage in shown.get("environments") or []}
    made = []
    for stage, said in zip(body["environments"], sent["environments"], strict=True):
        before = seen.get(said.get("id"), {})
        changed = _settled(_as_defined(stage), _as_defined(before), _as_defined(said))
        phases = changed.get("deployPhases")
        made.append({**stage, "deployPhasesSnapshot": phases} if phases else stage)
    return {**body, "environments": made}


def _as_defined(stage: Document) -> Document:
    """A stage of a release with its work where a definition has it."""
    made = {key: stage[key] for key in ("name", *OF_AGENT) if key in stage}
    if "workflowTasks" in stage:
        made["deployStep"] = {"tasks": stage["workflowTasks"]}
    return {**made, "deployPhases": stage.get("deployPhasesSnapshot") or []}


def _settled(stage: Document, shown: Document, sent: Document) -> Document:
    """Raises Problem where one list of tasks would have to become several phases."""
    phases: list[Document] = stage.get("deployPhases") or []
    changes = {key: sent[key] for key in OF_AGENT if key in sent and sent[key] != shown.get(key)}
    made, step = without(stage, changes), sent.get("deployStep") or {}
    if not phases:
        return stage
    if "tasks" in step and step["tasks"] != (shown.get("deployStep") or {}).get("tasks"):
        if len(phases) > 1:
            raise Problem(400, "InvalidRequestException", _cannot_say(stage))
        phases = [{**phases[0], "workflowTasks": step["tasks"]}]
        made["deployStep"] = without(stage["deployStep"], {"tasks"})
    runs = stages.agent_phase(phases)
    made["deployPhases"] = [
        {**phase, "deploymentInput": {**(phase.get("deploymentInput") or {}), **changes}}
        if changes and phase is runs
        else phase
        for phase in phases
    ]
    return made


def _cannot_say(stage: Document) -> str:
    return (
        f"Stage {stage.get('name')} of this release pipeline has several phases, which this "
        "api-version cannot express. Change its tasks with api-version 4.0 or newer."
    )


def _kept_for(days: int, stage: Document) -> Document:
    policy = stage.get("retentionPolicy") or {}
    return {**stage, "retentionPolicy": {**policy, "daysToKeep": days}} if policy else stage
