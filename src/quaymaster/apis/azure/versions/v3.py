"""Before 4.0: stages had tasks instead of phases, and far fewer fields (CONTRACT D.2, LEGACY 5).

What comes in is brought to the newest shape when a document is read (`plans.azure_legacy`), so
only what goes out is changed here.
"""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]

NOT_YET_IN_DEFINITION = frozenset(
    {"_links", "url", "path", "source", "tags", "isDeleted", "description", "properties"}
    | {"variableGroups", "projectReference", "lastRelease", "isDisabled"}
)
NOT_YET_IN_STAGE = frozenset(
    {"deployPhases", "retentionPolicy", "preDeploymentGates", "postDeploymentGates"}
    | {"environmentTriggers", "badgeUrl", "currentRelease", "processParameters", "properties"}
    | {"variableGroups", "schedules"}
)
NOT_YET_IN_RELEASE = frozenset(
    {"_links", "url", "projectReference", "tags", "properties", "variableGroups", "createdFor"}
    | {"definitionSnapshotRevision", "releaseDefinitionRevision"}
    | {"triggeringArtifactAlias", "poolName"}
)
NOT_YET_IN_ENVIRONMENT = frozenset(
    {"deployPhasesSnapshot", "preDeploymentGatesSnapshot", "postDeploymentGatesSnapshot"}
    | {"release", "releaseDefinition", "releaseCreatedBy", "triggerReason", "schedules", "url"}
    | {"variableGroups", "processParameters", "timeToDeploy", "lastModifiedOn", "deploymentJobs"}
)
DEFAULT_DAYS = 30


def upgrade(resource: str, body: Any) -> Any:
    """Nothing: documents are read in every shape, other bodies only ever gained fields."""
    del resource
    return body


def downgrade(resource: str, body: Any) -> Any:
    """The body as versions before 4.0 have it, without nulls."""
    if not isinstance(body, dict):
        return body
    change = {
        "definition": _definition,
        "release": _release,
        "releaseEnvironment": _environment,
        "approval": _approval,
        "releaseDefinitionRevision": _revision,
    }.get(resource)
    return _without_nulls(change(body)) if change else body


def _definition(body: Document) -> Document:
    made = _without(body, NOT_YET_IN_DEFINITION)
    stages = body.get("environments")
    if isinstance(stages, list):
        made["environments"] = [_stage(stage) for stage in stages]
        made["retentionPolicy"] = {"daysToKeep": _days_to_keep(stages)}
    if isinstance(body.get("artifacts"), list):
        made["artifacts"] = _numbered(body["artifacts"])
    return made


def _days_to_keep(stages: list[Document]) -> int:
    """The longest of what the stages say; the definition had one number for all of them."""
    policies = [stage.get("retentionPolicy") or {} for stage in stages]
    return max((policy.get("daysToKeep") or 0 for policy in policies), default=0) or DEFAULT_DAYS


def _stage(stage: Document) -> Document:
    """A stage of a definition with the tasks of its phases, one after the other."""
    made = _without(stage, NOT_YET_IN_STAGE)
    phases = stage.get("deployPhases") or []
    made["deployStep"] = {**(stage.get("deployStep") or {}), "tasks": _tasks(phases)}
    return {**made, **_agent(phases), "runOptions": _run_options(stage)}


def _tasks(phases: list[Document]) -> list[Any]:
    ranked = sorted(phases, key=lambda phase: phase.get("rank") or 0)
    return [task for phase in ranked for task in phase.get("workflowTasks") or []]


def _agent(phases: list[Document]) -> Document:
    """The queue and the demands of the first phase that runs on an agent."""
    inputs = next((phase.get("deploymentInput") or {} for phase in phases), {})
    demands = [_demand(demand) for demand in inputs.get("demands") or []]
    return {"queueId": inputs.get("queueId") or 0, "demands": demands}


def _demand(demand: Any) -> str:
    """`name` or `name -equals value`; demands used to be text."""
    if not isinstance(demand, Mapping):
        return str(demand)
    name, value = demand.get("name"), demand.get("value")
    return f"{name} -equals {value}" if value else str(name)


def _run_options(stage: Mapping[str, Any]) -> dict[str, str]:
    options = stage.get("environmentOptions") or {}
    return {
        "EnvironmentOwnerEmailNotificationType": str(
            options.get("emailNotificationType") or "Always"
        ),
        "skipArtifactsDownload": str(bool(options.get("skipArtifactsDownload"))),
        "TimeoutInMinutes": str(options.get("timeoutInMinutes") or 0),
    }


def _release(body: Document) -> Document:
    made = _without(body, NOT_YET_IN_RELEASE)
    if isinstance(body.get("environments"), list):
        made["environments"] = [_environment(stage) for stage in body["environments"]]
    if isinstance(body.get("artifacts"), list):
        made["artifacts"] = _numbered(body["artifacts"])
    if isinstance(body.get("releaseDefinition"), dict):
        made["releaseDefinition"] = _reference(body["releaseDefinition"])
    return made


def _environment(body: Document) -> Document:
    made = _without(body, NOT_YET_IN_ENVIRONMENT)
    phases = body.get("deployPhasesSnapshot") or []
    made["workflowTasks"] = _tasks(phases)
    made["deploySteps"] = [_step(step) for step in body.get("deploySteps") or []]
    made["conditions"] = [
        _without(condition, {"result"}) for condition in body.get("conditions") or []
    ]
    for side in ("preDeployApprovals", "postDeployApprovals"):
        made[side] = [_approval(approval) for approval in body.get(side) or []]
    return {**made, **_agent(phases), "runOptions": _run_options(body)}


def _step(step: Document) -> Document:
    """An attempt with the tasks of all its jobs, as it was before there were phases."""
    jobs = [
        job
        for phase in step.get("releaseDeployPhases") or []
        for job in phase.get("deploymentJobs") or []
    ]
    return {
        "id": step.get("id"),
        "attempt": step.get("attempt"),
        "tasks": [task for job in jobs for task in job.get("tasks") or []],
        "runPlanId": step.get("runPlanId"),
    }


def _approval(body: Document) -> Document:
    made = _without(body, {"url"})
    for key in ("release", "releaseDefinition", "releaseEnvironment"):
        if isinstance(body.get(key), dict):
            made[key] = _reference(body[key])
    return made


def _reference(body: Document) -> Document:
    return {key: body[key] for key in ("id", "name", "url") if key in body}


def _revision(body: Document) -> Document:
    return _without(body, {"apiVersion"})


def _numbered(artifacts: list[Document]) -> list[Document]:
    """Artifacts used to have a number: their place."""
    return [
        {"id": number, **_without(artifact, {"sourceId", "isRetained"})}
        for number, artifact in enumerate(artifacts, 1)
    ]


def _without(body: Mapping[str, Any], keys: frozenset[str] | set[str]) -> Document:
    return {key: value for key, value in body.items() if key not in keys}


def _without_nulls(body: Document) -> Document:
    """Nulls were left out, but for the name of a version that nobody gave."""
    return {key: value for key, value in body.items() if value is not None}
