"""Updates by versions before 4.0: tasks, queue, demands and options go from a stage to its phases.

The retention of the definition goes the same way, to its stages.
"""

from typing import Any

from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.versions import stages
from quaymaster.apis.azure.versions.stages import DEFAULT_DAYS, without
from quaymaster.plans import azure_legacy

Document = dict[str, Any]

SERVER = "runOnServer"
OF_AGENT = ("queueId", "demands")
# Options of a stage that its phases have too, and what each is where nobody says it.
OF_PHASES: Document = {
    "skipArtifactsDownload": False,
    "timeoutInMinutes": 0,
    "enableAccessToken": False,
}
OBJECTS = ("deployStep", "environmentOptions", "retentionPolicy")


def settle(resource: str, body: Any, shown: Any, sent: Any) -> Any:
    """The body with what its stages and phases say today in them again.

    One that is no definition or release at all is left for its reader to refuse at its place.
    """
    if not isinstance(body.get("environments"), list) or not _is_readable(sent):
        return body
    if resource == "release":
        return _settled_release(body, shown, sent)
    seen = {stage.get("id"): stage for stage in shown.get("environments") or []}
    days = (sent.get("retentionPolicy") or {}).get("daysToKeep") or DEFAULT_DAYS
    made = {**body, "environments": []}
    for stage, said in zip(body["environments"], sent["environments"], strict=True):
        before = seen.get(said.get("id"))
        changed = _settled(stage, before or {}, said)
        made["environments"].append(changed if before else _kept_for(days, changed, {}))
    if sent.get("retentionPolicy") != shown.get("retentionPolicy"):
        made.pop("retentionPolicy", None)  # it is that of the stages from here on
        said = {"daysToKeep": days}
        made["environments"] = [_kept_for(days, stage, said) for stage in made["environments"]]
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
        and all(isinstance(stage.get(part) or {}, dict) for part in OBJECTS)
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
        phases, options = changed.get("deployPhases"), changed.get("environmentOptions")
        settled = {"deployPhasesSnapshot": phases, "environmentOptions": options}
        made.append({**stage, **settled} if phases else stage)
    return {**body, "environments": made}


def _as_defined(stage: Document) -> Document:
    """A stage of a release with its work where a definition has it."""
    known = ("name", *OF_AGENT, "environmentOptions", "runOptions")
    made = {key: stage[key] for key in known if key in stage}
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
    options = _options_changed(shown, sent) if shown else {}
    if options:
        made["environmentOptions"] = {**(stage.get("environmentOptions") or {}), **options}
    runs = stages.agent_phase(phases)
    for_all = {name: options[name] for name in OF_PHASES if name in options}
    made["deployPhases"] = [
        _asked(phase, {**for_all, **(changes if phase is runs else {})}) for phase in phases
    ]
    return without(made, {"runOptions"}) if shown else made


def _asked(phase: Document, changes: Document) -> Document:
    """A phase that asks for something else; one of the server has neither agent nor token."""
    if not changes or phase.get("phaseType") == SERVER:
        return phase
    return {**phase, "deploymentInput": {**(phase.get("deploymentInput") or {}), **changes}}


def _options_changed(shown: Document, sent: Document) -> Document:
    """The options that the caller changed: the stage's own, or else its run options."""
    before = azure_legacy.run_options(shown.get("runOptions"))
    now = azure_legacy.run_options(sent.get("runOptions"))
    made = {name: value for name, value in now.items() if value != before.get(name)}
    seen, said = shown.get("environmentOptions") or {}, sent.get("environmentOptions") or {}
    for name, usual in OF_PHASES.items() if "environmentOptions" in sent else ():
        if (said.get(name) or usual) != (seen.get(name) or usual):
            made[name] = said.get(name) or usual
    return made


def _cannot_say(stage: Document) -> str:
    return (
        f"Stage {stage.get('name')} of this release pipeline has several phases, which this "
        "api-version cannot express. Change its tasks with api-version 4.0 or newer."
    )


def _kept_for(days: int, stage: Document, said: Document) -> Document:
    """The stage with a policy: its own, else one of so many days; what was `said` wins."""
    policy = {**azure_legacy.retention(days), **(stage.get("retentionPolicy") or {}), **said}
    return {**stage, "retentionPolicy": policy}
