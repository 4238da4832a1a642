"""The variables of an attempt as the server reads them, before any of its jobs (SEMANTICS 5.4)."""

from quaymaster.domain.circumstances import Circumstances
from quaymaster.domain.ordinal import upper
from quaymaster.domain.predefined import JobContext, predefined
from quaymaster.domain.release import Deployment, Release, Stage
from quaymaster.domain.status import stage_status

# Of a phase or a job, which the server does not read for.
_OF_JOBS = frozenset(
    {
        *("Release.DeployPhaseID", "Release.SkipArtifactDownload", "System.JobId"),
        *("System.PlanId", "System.TimelineId", "System.PhaseName", "System.JobPositionInPhase"),
        "System.TotalJobsInPhase",
    }
)


def variables_of(release: Release, stage: Stage, deployment: Deployment) -> dict[str, str]:
    """The plain variables that conditions, delays and questions on the server see: the nearer
    ones win, and what the product sets wins over all, where it was looked up."""
    merged: dict[str, str] = {}
    names: dict[str, str] = {}
    ours = _predefined(release, stage, deployment)
    for scope in (release.variables, stage.variables, deployment.variables, ours):
        for name, value in scope.items():
            merged.pop(names.get(upper(name), ""), None)
            names[upper(name)] = name
            merged[name] = value
    return merged


def _predefined(release: Release, stage: Stage, deployment: Deployment) -> dict[str, str]:
    around = release.circumstances
    if around is None:
        return {}
    known = predefined(context(around, release, stage, deployment))
    if not deployment.id:
        known.pop("Release.DeploymentID")  # it has none before it is stored
    return {name: value for name, value in known.items() if name not in _OF_JOBS}


def context(
    around: Circumstances, release: Release, stage: Stage, deployment: Deployment
) -> JobContext:
    """What is known of an attempt: whoever asks for a job of it adds its phase and the job."""
    collection = f"{around.url}/{around.organization_name}"
    return JobContext(
        collection_url=collection,
        collection_id=around.organization_id,
        project_id=around.project_id,
        project_name=around.project_name,
        definition_id=around.definition_id,
        definition_name=around.definition_name,
        release_id=release.id,
        release_name=release.name,
        release_description=release.description,
        release_reason=release.reason,
        release_web_url=f"{collection}/{around.project_name}/_release"
        f"?releaseId={release.id}&_a=release-summary",
        stage_id=stage.id,
        stage_name=stage.name,
        definition_stage_id=stage.plan.definition_stage_id,
        attempt=deployment.attempt,
        deployment_id=deployment.id,
        phase_id=0,
        phase_name="",
        job_id="",
        plan_id="",
        release_requester=around.person(release.created_for),
        deployment_requester=around.person(deployment.requested_for),
        skips_artifacts=False,
        triggering_alias=around.triggering_alias,
        stage_statuses={other.name: stage_status(other) for other in release.stages},
        artifacts=around.artifacts,
    )
