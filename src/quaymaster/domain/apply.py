"""What each change does to the records, and nothing else: no decision is taken here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from quaymaster.domain import changes as c
from quaymaster.domain.release import (
    Approval,
    Deployment,
    Job,
    JobId,
    Outcome,
    Phase,
    Reassignment,
    Release,
    Stage,
    StageId,
)
from quaymaster.domain.statuses import ApprovalStatus, JobStatus, ReleaseStatus


def apply(release: Release, change: c.Change, now: datetime) -> Release:
    """The release after this change. Everything untouched is shared with the release before."""
    match change:
        case c.Activated(by=by):
            return replace(release, status=ReleaseStatus.ACTIVE, modified_at=now, modified_by=by)
        case c.Abandoned(by=by):
            return replace(release, status=ReleaseStatus.ABANDONED, modified_at=now, modified_by=by)
        case c.DetailsChanged():
            return _details(release, change, now)
        case c.TimeCame():
            return release
        case c.ApprovalGiven() | c.ApprovalRefused() | c.ApprovalReassigned():
            return _answered(release, change, now)
        case c.JobClaimed() | c.JobFinished() | c.JobLost():
            return _reported(release, change, now)
        case c.ConditionsEvaluated(stage=stage, seen=seen):
            return _stage(release, stage, lambda s: replace(s, evaluated=s.evaluated | seen))
        case c.StageTriggered(stage=stage, seen=seen, request=request):
            return _stage(
                release,
                stage,
                lambda s: _requested(replace(s, evaluated=s.evaluated | seen), request, now),
            )
        case c.DeploymentRequested(stage=stage):
            return _stage(release, stage, lambda s: _requested(s, change, now))
        case _:
            return _deployment(
                release, change.stage, lambda deployment: _moved(deployment, change, now), now
            )


def _details(release: Release, change: c.DetailsChanged, now: datetime) -> Release:
    return replace(
        release,
        name=release.name if change.name is None else change.name,
        description=release.description if change.description is None else change.description,
        keep_forever=release.keep_forever if change.keep_forever is None else change.keep_forever,
        modified_at=now,
        modified_by=change.by,
    )


def _stage(release: Release, stage_id: StageId, change: Callable[[Stage], Stage]) -> Release:
    stages = tuple(change(stage) if stage.id == stage_id else stage for stage in release.stages)
    return replace(release, stages=stages)


def _deployment(
    release: Release,
    stage_id: StageId,
    change: Callable[[Deployment], Deployment],
    now: datetime,
) -> Release:
    def changed(stage: Stage) -> Stage:
        if stage.newest is None:
            return stage
        newest = replace(change(stage.newest), modified_at=now)
        return replace(stage, newest=newest, modified_at=now)

    return _stage(release, stage_id, changed)


def _requested(stage: Stage, request: c.DeploymentRequested, now: datetime) -> Stage:
    """A new attempt; a request for a stage that only waits for its time starts it now instead."""
    if stage.active:
        newest = replace(
            stage.active,
            requested_by=request.by,  # whoever starts it may not approve it either (9.6)
            scheduled_for=request.scheduled_for,
            entered_queue_at=None,
            modified_at=now,
            modified_by=request.by,
        )
        return replace(stage, newest=newest, modified_at=now)
    attempt = stage.newest.attempt + 1 if stage.newest else 1
    newest = Deployment(
        attempt=attempt,
        reason=request.reason,
        requested_by=request.by,
        requested_for=request.requested_for,
        queued_at=now,
        modified_at=now,
        modified_by=request.by,
        after_stages=request.after_stages,
        scheduled_for=request.scheduled_for,
        comment=request.comment,
        variables=request.variables,
    )
    return replace(stage, newest=newest, trigger_reason=request.trigger_reason, modified_at=now)


def _moved(deployment: Deployment, change: c.Change, now: datetime) -> Deployment:
    """What a change about one attempt does to it."""
    match change:
        case c.CancelRequested(by=by, comment=comment):
            return replace(deployment, cancel_requested_at=now, modified_by=by, comment=comment)
        case c.DeploymentDeferred(until=until, by=by):
            return replace(deployment, deferred_until=until, modified_by=by)
        case c.QueueEntered():
            return replace(deployment, entered_queue_at=now)
        case c.SlotGranted() | c.SlotTaken():
            return replace(deployment, has_slot=True)
        case c.Superseded(by_release=newer):
            comment = f"Superseded by {newer}."
            return replace(_ended(deployment, Outcome.SUPERSEDED, now), comment=comment)
        case c.ApprovalsAsked(approvals=approvals):
            return replace(deployment, approvals=deployment.approvals + approvals)
        case c.ApprovalExpired(side=side, position=position):
            return _each_approval(
                deployment,
                lambda a: (a.side, a.position) == (side, position),
                lambda a: _closed(a, ApprovalStatus.REJECTED, now, "Nobody answered in time."),
            )
        case c.ApprovalsClosed(status=status):
            return _each_approval(
                deployment,
                lambda a: a.status is ApprovalStatus.PENDING,
                lambda a: _closed(a, status, now, a.comment),
            )
        case c.DeferralEnded():
            return replace(deployment, deferred_until=None)
        case c.PhaseStarted(rank=rank, jobs=jobs):
            return _with_phase(deployment, Phase(rank=rank, started_at=now, jobs=jobs))
        case c.PhaseSkipped(rank=rank):
            return _with_phase(deployment, Phase(rank=rank, started_at=now, is_skipped=True))
        case c.PhaseFailed(rank=rank, problem=problem):
            return _with_phase(deployment, Phase(rank=rank, started_at=now, problem=problem))
        case c.WaitingJobsCanceled():
            return _each_job(
                deployment,
                lambda job: job.status is JobStatus.WAITING,
                lambda job: replace(job, status=JobStatus.CANCELED, ended_at=now),
            )
        case c.JobGivenUp(job=job_id):
            error = "The worker did not confirm in time that the job has stopped."
            return _each_job(
                deployment,
                lambda job: job.id == job_id,
                lambda job: replace(job, status=JobStatus.CANCELED, ended_at=now, error=error),
            )
        case c.DeploymentEnded(outcome=outcome):
            return _ended(deployment, outcome, now)
        case _:
            raise TypeError(change)


def _ended(deployment: Deployment, outcome: Outcome, now: datetime) -> Deployment:
    return replace(deployment, outcome=outcome, completed_at=now)


def _with_phase(deployment: Deployment, phase: Phase) -> Deployment:
    return replace(deployment, phases=(*deployment.phases, phase))


def _each_approval(
    deployment: Deployment,
    concerned: Callable[[Approval], bool],
    change: Callable[[Approval], Approval],
) -> Deployment:
    approvals = tuple(change(a) if concerned(a) else a for a in deployment.approvals)
    return replace(deployment, approvals=approvals)


def _closed(approval: Approval, status: ApprovalStatus, now: datetime, comment: str) -> Approval:
    return replace(
        approval,
        status=status,
        modified_at=now,
        comment=comment,
        revision=approval.revision + 1,
    )


def _answered(
    release: Release,
    event: c.ApprovalGiven | c.ApprovalRefused | c.ApprovalReassigned,
    now: datetime,
) -> Release:
    def answer(approval: Approval) -> Approval:
        if isinstance(event, c.ApprovalReassigned):
            return _reassigned(approval, event, now)
        given = isinstance(event, c.ApprovalGiven)
        status = ApprovalStatus.APPROVED if given else ApprovalStatus.REJECTED
        return replace(_closed(approval, status, now, event.comment), approved_by=event.by.id)

    stage = next(
        stage
        for stage in release.stages
        if stage.newest and any(a.id == event.approval for a in stage.newest.approvals)
    )
    return _deployment(
        release,
        stage.id,
        lambda deployment: replace(
            _each_approval(deployment, lambda a: a.id == event.approval, answer),
            modified_by=event.by.id,
        ),
        now,
    )


def _reassigned(approval: Approval, event: c.ApprovalReassigned, now: datetime) -> Approval:
    earlier = Reassignment(
        approver=approval.approver or "",
        changed_by=event.by.id,
        comment=event.comment,
        revision=approval.revision,
        asked_at=approval.created_at,
        changed_at=now,
    )
    return replace(
        approval,
        approver=event.to,
        revision=approval.revision + 1,
        modified_at=now,
        comment=event.comment,
        earlier=(*approval.earlier, earlier),
    )


def _each_job(
    deployment: Deployment, concerned: Callable[[Job], bool], change: Callable[[Job], Job]
) -> Deployment:
    phases = tuple(
        replace(phase, jobs=tuple(change(job) if concerned(job) else job for job in phase.jobs))
        if any(concerned(job) for job in phase.jobs)
        else phase
        for phase in deployment.phases
    )
    return replace(deployment, phases=phases)


def _reported(
    release: Release, event: c.JobClaimed | c.JobFinished | c.JobLost, now: datetime
) -> Release:
    def report(job: Job) -> Job:
        match event:
            case c.JobClaimed(worker=worker, token=token):
                return replace(
                    job, status=JobStatus.RUNNING, worker=worker, token=token, started_at=now
                )
            case c.JobFinished(status=status, error=error):
                return replace(job, status=status, error=error, ended_at=now)
            case c.JobLost(reason=reason):
                return replace(job, status=JobStatus.FAILED, error=reason, ended_at=now)

    stage = _stage_of_job(release, event.job)
    return _deployment(
        release,
        stage.id,
        lambda deployment: _each_job(deployment, lambda job: job.id == event.job, report),
        now,
    )


def _stage_of_job(release: Release, job_id: JobId) -> Stage:
    return next(
        stage
        for stage in release.stages
        if stage.newest and any(job.id == job_id for job in stage.newest.jobs)
    )
