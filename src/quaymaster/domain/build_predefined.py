"""The variables that every job of a build finds set: Build.*, System.* (SEMANTICS 17, 23.10).

Agent.* and the directories are added where the job runs, because only that place knows them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from quaymaster.domain.build_plan import RepositoryPlan
from quaymaster.domain.predefined import Requester


@dataclass(frozen=True, slots=True)
class BuildContext:
    """All facts about one job of a build that scripts can read."""

    collection_url: str
    collection_id: str
    project_id: str
    project_name: str
    definition_id: int
    definition_name: str
    definition_revision: int
    definition_path: str
    build_id: int
    number: str
    reason: str
    source_branch: str
    source_version: str
    repository: RepositoryPlan
    queued_by: Requester = field(default_factory=Requester)
    requested_for: Requester = field(default_factory=Requester)
    stage: str = ""
    job: str = ""
    job_name: str = ""
    attempt: int = 1
    job_id: str = ""
    plan_id: str = ""


def predefined(context: BuildContext) -> dict[str, str]:
    """Names and values, ready to be laid over everything a user can set."""
    return {**dict(_build(context)), **dict(_system(context))}


def _build(context: BuildContext) -> Iterator[tuple[str, str]]:
    branch, repository = context.source_branch, context.repository
    yield "Build.BuildId", str(context.build_id)
    yield "Build.BuildNumber", context.number
    yield "Build.BuildUri", f"vstfs:///Build/Build/{context.build_id}"
    yield "Build.ContainerId", str(context.build_id)
    yield "Build.DefinitionId", str(context.definition_id)
    yield "Build.DefinitionName", context.definition_name
    yield "Build.DefinitionVersion", str(context.definition_revision)
    yield "Build.DefinitionFolderPath", context.definition_path
    yield "Build.Reason", context.reason[:1].upper() + context.reason[1:]
    yield "Build.QueuedBy", context.queued_by.name
    yield "Build.QueuedById", context.queued_by.id
    yield "Build.RequestedFor", context.requested_for.name
    yield "Build.RequestedForId", context.requested_for.id
    yield "Build.RequestedForEmail", context.requested_for.email
    yield "Build.SourceBranch", branch
    yield "Build.SourceBranchName", branch.rpartition("/")[2]
    yield "Build.SourceVersion", context.source_version
    yield "Build.Repository.ID", repository.id
    yield "Build.Repository.Name", repository.name
    yield "Build.Repository.Provider", repository.type
    yield "Build.Repository.Uri", repository.url
    yield "Build.Repository.Clean", str(repository.clean)
    yield "Build.Repository.Git.SubmoduleCheckout", str(repository.submodules)


def _system(context: BuildContext) -> Iterator[tuple[str, str]]:
    url = context.collection_url.rstrip("/") + "/"
    yield "System", "build"
    yield "System.TeamFoundationServerUri", url
    yield "System.TeamFoundationCollectionUri", url
    yield "System.CollectionUri", url
    yield "System.CollectionId", context.collection_id
    yield "System.TeamProject", context.project_name
    yield "System.TeamProjectId", context.project_id
    yield "System.DefinitionId", str(context.definition_id)
    yield "System.DefinitionName", context.definition_name
    yield "System.HostType", "build"
    yield "System.JobId", context.job_id
    yield "System.JobName", context.job
    yield "System.JobDisplayName", context.job_name
    yield "System.JobAttempt", str(context.attempt)
    yield "System.PhaseName", context.job
    yield "System.PhaseDisplayName", context.job_name
    yield "System.StageName", context.stage
    yield "System.StageAttempt", "1"
    yield "System.PlanId", context.plan_id
    yield "System.TimelineId", context.plan_id
    yield "System.Culture", "en-US"
    yield "TF_BUILD", "True"
