"""Before 4.0: stages had tasks instead of phases, and far fewer fields (CONTRACT D.2, LEGACY 5).

New documents are brought to the newest shape when they are read (`plans.azure_legacy`); here is
what goes out, and in `v3_updates` what an update means for a stored document.
"""

from typing import Any

from quaymaster.apis.azure.present import completing
from quaymaster.apis.azure.versions import stages
from quaymaster.apis.azure.versions.stages import DEFAULT_DAYS, without

Document = dict[str, Any]

NOT_YET_IN_DEFINITION = frozenset(
    {"_links", "url", "isDeleted", "description", "properties", "comment"}
    | {"variableGroups", "projectReference", "lastRelease", "isDisabled", "pipelineProcess"}
)
NOT_YET_IN_STAGE = frozenset(
    {"deployPhases", "retentionPolicy", "preDeploymentGates", "postDeploymentGates"}
    | {"environmentTriggers", "badgeUrl", "currentRelease", "processParameters", "properties"}
    | {"variableGroups", "schedules"}
)
NOT_YET_IN_OPTIONS = frozenset(
    {"publishDeploymentStatus", "badgeEnabled", "autoLinkWorkItems"}
    | {"pullRequestDeploymentEnabled"}
)
LATE_OPTIONS = ("emailRecipients", "enableAccessToken")  # late 3.0, and where somebody said so
NOT_YET_IN_RELEASE = frozenset(
    {"_links", "url", "projectReference", "tags", "properties", "variableGroups", "createdFor"}
    | {"definitionSnapshotRevision", "releaseDefinitionRevision"}
    | {"triggeringArtifactAlias", "poolName"}
)
NOT_YET_IN_ENVIRONMENT = frozenset(
    {"deployPhasesSnapshot", "preDeploymentGatesSnapshot", "postDeploymentGatesSnapshot"}
    | {"release", "releaseDefinition", "releaseCreatedBy", "triggerReason", "schedules", "url"}
    | {"variableGroups", "processParameters", "timeToDeploy", "lastModifiedOn", "deploymentJobs"}
    | {"queuedOn", "deployedOn", "releaseDescription"}
)
NOT_YET_IN_IDENTITY = frozenset({"_links", "descriptor"})
SHOWN_IN_LIST = frozenset({"id", "name", "rank", "runOptions", "environmentOptions"})
# What was always there, also where nobody had said anything.
IN_EVERY_DEFINITION: Document = {
    "variables": {},
    "artifacts": [],
    "triggers": [],
    "releaseNameFormat": "",
}
IN_EVERY_STAGE: Document = {
    "variables": {},
    "conditions": [],
    "executionPolicy": {"concurrencyCount": 0, "queueDepthCount": 0},
}
OPTIONS: Document = {
    "emailNotificationType": "Always",
    "skipArtifactsDownload": False,
    "timeoutInMinutes": 0,
}


def downgrade(resource: str, body: Any) -> Any:
    """The body as versions before 4.0 have it, without nulls."""
    if not isinstance(body, dict):
        return body
    change = {
        "definition": _whole_definition,
        "definitionInList": _definition_in_list,
        "release": _release,
        "releaseEnvironment": _environment,
        "approval": _approval,
        "releaseDefinitionRevision": _revision,
    }.get(resource)
    return _plain(change(body)) if change else _plain(body)


def _whole_definition(body: Document) -> Document:
    return {**IN_EVERY_DEFINITION, **_definition(body)}


def _definition(body: Document) -> Document:
    made = without(body, NOT_YET_IN_DEFINITION)
    environments = body.get("environments")
    if isinstance(environments, list):
        made["environments"] = [_stage(stage) for stage in environments]
        made["retentionPolicy"] = {"daysToKeep": _days_to_keep(environments)}
    if isinstance(body.get("artifacts"), list):
        made["artifacts"] = _numbered(body["artifacts"])
    return made


def _definition_in_list(body: Document) -> Document:
    """Lists showed only how a stage is called and what its options are (LEGACY 7)."""
    made = _definition(body)
    if "environments" in made:
        made["environments"] = [
            {key: stage[key] for key in stage if key in SHOWN_IN_LIST}
            for stage in made["environments"]
        ]
    return made


def _days_to_keep(environments: list[Document]) -> int:
    """The longest of what the stages say; the definition had one number for all of them."""
    policies = [stage.get("retentionPolicy") or {} for stage in environments]
    return max((policy.get("daysToKeep") or 0 for policy in policies), default=0) or DEFAULT_DAYS


def _stage(stage: Document) -> Document:
    """A stage of a definition with the tasks of its phases, one after the other."""
    made = {**IN_EVERY_STAGE, **without(stage, NOT_YET_IN_STAGE)}
    phases = stage.get("deployPhases") or []
    made["deployStep"] = {**(stage.get("deployStep") or {}), "tasks": stages.tasks(phases)}
    made["queueId"], made["demands"] = stages.queue(phases), stages.demands(phases)
    made["runOptions"] = stages.run_options(stage)
    return _with_old_options(made)


def _with_old_options(stage: Document) -> Document:
    said = stage.get("environmentOptions") or {}
    if said == completing.OPTIONS:  # nobody has said anything
        said = {}
    unsaid = {name for name in LATE_OPTIONS if said.get(name) == completing.OPTIONS[name]}
    options = without(said, NOT_YET_IN_OPTIONS | unsaid)
    return {**stage, "environmentOptions": {**OPTIONS, **options}}


def _release(body: Document) -> Document:
    made = without(body, NOT_YET_IN_RELEASE)
    if isinstance(body.get("environments"), list):
        made["environments"] = [_environment(stage) for stage in body["environments"]]
    if isinstance(body.get("artifacts"), list):
        made["artifacts"] = _numbered(body["artifacts"])
    if not made.get("artifacts") and "environments" not in body:
        made.pop("artifacts", None)  # lists show what was asked for, and nothing empty
    if isinstance(body.get("releaseDefinition"), dict):
        made["releaseDefinition"] = _reference(body["releaseDefinition"])
    return made


def _environment(body: Document) -> Document:
    made = _with_old_options(without(body, NOT_YET_IN_ENVIRONMENT))
    made["deploySteps"] = [_step(step) for step in body.get("deploySteps") or []]
    made["conditions"] = [
        without(condition, {"result"}) for condition in body.get("conditions") or []
    ]
    for side in ("preDeployApprovals", "postDeployApprovals"):
        made[side] = [_approval(approval) for approval in body.get(side) or []]
    return made


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
    made = without(body, {"url"})
    for key in ("release", "releaseDefinition"):
        if isinstance(body.get(key), dict):
            made[key] = _reference(body[key])
    if isinstance(body.get("releaseEnvironment"), dict):
        made["releaseEnvironment"] = without(_reference(body["releaseEnvironment"]), {"url"})
    return made


def _reference(body: Document) -> Document:
    return {key: body[key] for key in ("id", "name", "url") if key in body}


def _revision(body: Document) -> Document:
    return without(body, {"apiVersion"})


def _numbered(artifacts: list[Document]) -> list[Document]:
    """Artifacts used to have a number: their place."""
    return [
        {"id": number, **without(artifact, {"sourceId", "isRetained", "id"})}
        for number, artifact in enumerate(artifacts, 1)
    ]


def _plain(value: Any) -> Any:
    """Without nulls and without what people's references have gained since."""
    match value:
        case dict():
            known = without(value, NOT_YET_IN_IDENTITY) if "displayName" in value else value
            return {key: _plain(entry) for key, entry in known.items() if entry is not None}
        case list():
            return [_plain(entry) for entry in value]
        case _:
            return value
