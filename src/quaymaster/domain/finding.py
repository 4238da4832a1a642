"""Finding a part of a release by its id: NotFound says which one there is not."""

from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import (
    Approval,
    ApprovalId,
    Deployment,
    Intervention,
    InterventionId,
    Job,
    JobId,
    Release,
    Stage,
    StageId,
)


def found_stage(release: Release, stage_id: StageId) -> Stage:
    stage = release.stage(stage_id)
    if stage is None:
        raise NotFound("stage", stage_id)
    return stage


def found_approval(release: Release, approval_id: ApprovalId) -> tuple[Stage, Deployment, Approval]:
    for stage in release.stages:
        for approval in stage.newest.approvals if stage.newest else ():
            if approval.id == approval_id and stage.newest:
                return stage, stage.newest, approval
    raise NotFound("approval", approval_id)


def found_intervention(
    release: Release, intervention_id: InterventionId
) -> tuple[Stage, Intervention]:
    for stage in release.stages:
        for asked in stage.newest.interventions if stage.newest else ():
            if asked.id == intervention_id:
                return stage, asked
    raise NotFound("manual intervention", intervention_id)


def found_job(release: Release, job_id: JobId) -> Job:
    newest = stage_of_job(release, job_id).newest
    return next(job for job in (newest.jobs if newest else ()) if job.id == job_id)


def stage_of_job(release: Release, job_id: JobId) -> Stage:
    """The stage whose newest attempt holds this job; NotFound when none does."""
    for stage in release.stages:
        for phase in stage.newest.phases if stage.newest else ():
            if any(job.id == job_id for job in phase.jobs):
                return stage
    raise NotFound("job", job_id)
