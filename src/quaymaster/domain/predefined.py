"""The variables that every release job finds set: Release.*, System.*, Build.* (SEMANTICS 17).

Agent.* and the directories are added where the job runs, because only that place knows them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

BUILD_KEYS = (
    "DefinitionId",
    "DefinitionName",
    "BuildNumber",
    "BuildId",
    "BuildURI",
    "SourceBranch",
    "SourceBranchName",
    "SourceVersion",
    "Repository.Provider",
    "RequestedFor",
    "RequestedForID",
    "Type",
)


@dataclass(frozen=True, slots=True)
class Requester:
    """A person as scripts see them; all parts may be empty for the product itself."""

    id: str = ""
    name: str = ""
    email: str = ""


SERVICE_NAME = "Microsoft.VisualStudio.Services.ReleaseManagement"
# As whom scripts and answers see the product itself (SEMANTICS 2.9, 23.10).
SERVICE = Requester("0000000d-0000-8888-8000-000000000000", SERVICE_NAME)


@dataclass(frozen=True, slots=True)
class CarriedArtifact:
    """An artifact version with everything a script may ask of it.

    `reference` holds the flat published keys of SEMANTICS 4.1 (definition, repository.provider,
    requestedFor …), each as text.
    """

    alias: str
    type: str
    version_id: str
    version_name: str
    branch: str = ""
    commit: str = ""
    is_primary: bool = False
    reference: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobContext:
    """All facts about one job of a release that scripts can read."""

    collection_url: str
    collection_id: str
    project_id: str
    project_name: str
    definition_id: int
    definition_name: str
    release_id: int
    release_name: str
    release_description: str
    release_reason: str
    release_web_url: str
    stage_id: int
    stage_name: str
    definition_stage_id: int
    attempt: int
    deployment_id: int
    phase_id: int
    phase_name: str
    job_id: str
    plan_id: str
    release_requester: Requester
    deployment_requester: Requester
    skips_artifacts: bool
    triggering_alias: str = ""
    stage_statuses: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[CarriedArtifact, ...] = ()
    job_position: int = 1
    job_count: int = 1
    deployment_group: int = 0  # whose target runs the job; 0 elsewhere


def predefined(context: JobContext) -> dict[str, str]:
    """Names and values, ready to be laid over everything a user can set (SEMANTICS 5.4)."""
    variables = dict(_release(context))
    variables.update(_system(context))
    for artifact in context.artifacts:
        prefix = f"Release.Artifacts.{artifact.alias}."
        variables.update({prefix + key: value for key, value in _artifact(artifact) if value})
    primary = next((a for a in context.artifacts if a.is_primary), None)
    if primary:
        known = dict(_artifact(primary))
        variables.update({f"Build.{key}": known[key] for key in BUILD_KEYS if known.get(key)})
        variables["Release.PrimaryArtifactSourceAlias"] = primary.alias
    return variables


def _release(context: JobContext) -> Iterator[tuple[str, str]]:
    yield "Release.DefinitionName", context.definition_name
    yield "Release.DefinitionId", str(context.definition_id)
    yield "Release.ReleaseName", context.release_name
    yield "Release.ReleaseId", str(context.release_id)
    yield "Release.ReleaseUri", f"vstfs:///ReleaseManagement/Release/{context.release_id}"
    yield "Release.ReleaseDescription", context.release_description
    yield "Release.ReleaseWebURL", context.release_web_url
    yield "Release.Reason", context.release_reason
    yield "Release.RequestedFor", context.release_requester.name
    yield "Release.RequestedForEmail", context.release_requester.email
    yield "Release.RequestedForId", context.release_requester.id
    yield "Release.EnvironmentName", context.stage_name
    yield "Release.EnvironmentId", str(context.stage_id)
    yield "Release.EnvironmentUri", f"vstfs:///ReleaseManagement/Environment/{context.stage_id}"
    yield "Release.DefinitionEnvironmentId", str(context.definition_stage_id)
    yield "Release.AttemptNumber", str(context.attempt)
    yield "Release.Deployment.RequestedFor", context.deployment_requester.name
    yield "Release.Deployment.RequestedForEmail", context.deployment_requester.email
    yield "Release.Deployment.RequestedForId", context.deployment_requester.id
    yield "Release.DeploymentID", str(context.deployment_id)
    yield "Release.DeployPhaseID", str(context.phase_id)
    yield "Release.SkipArtifactDownload", str(context.skips_artifacts)
    yield "Release.TriggeringArtifact.Alias", context.triggering_alias
    for stage, status in context.stage_statuses.items():
        yield f"Release.Environments.{stage}.Status", status[:1].upper() + status[1:]


def _system(context: JobContext) -> Iterator[tuple[str, str]]:
    url = context.collection_url.rstrip("/") + "/"
    yield "System.TeamFoundationServerUri", url
    yield "System.TeamFoundationCollectionUri", url
    yield "System.CollectionUri", url
    yield "System.CollectionId", context.collection_id
    yield "System.TeamProject", context.project_name
    yield "System.TeamProjectId", context.project_id
    yield "System.HostType", "release"
    yield "System.JobId", context.job_id
    yield "System.PlanId", context.plan_id
    yield "System.TimelineId", context.plan_id
    yield "System.Culture", "en-US"
    yield "System.StageName", context.stage_name
    yield "System.PhaseName", context.phase_name
    yield "System.JobPositionInPhase", str(context.job_position)
    yield "System.TotalJobsInPhase", str(context.job_count)
    if context.deployment_group:
        yield "Agent.DeploymentGroupId", str(context.deployment_group)


def _artifact(artifact: CarriedArtifact) -> Iterator[tuple[str, str]]:
    reference = artifact.reference
    yield "DefinitionId", reference.get("definition", "")
    yield "DefinitionName", reference.get("definition.name", "")
    yield "BuildNumber", artifact.version_name
    yield "BuildId", artifact.version_id
    yield "BuildURI", reference.get("buildUri", "")
    yield "SourceBranch", artifact.branch
    yield "SourceBranchName", artifact.branch.rstrip("/").rpartition("/")[2]
    yield "SourceVersion", artifact.commit
    yield "Repository.Provider", reference.get("repository.provider", "")
    yield "Repository.Name", reference.get("repository.name", "")
    yield "RequestedFor", reference.get("requestedFor.name", "")
    yield "RequestedForID", reference.get("requestedForId", "")
    yield "Type", artifact.type
    yield "PullRequest.TargetBranch", reference.get("pullRequest.targetBranch", "")
