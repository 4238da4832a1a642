"""What each change does to one attempt; no decision is taken here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from quaymaster.domain import changes as c
from quaymaster.domain import pauses
from quaymaster.domain.gate_run import gates_after
from quaymaster.domain.records import changed, rewritten
from quaymaster.domain.release import (
    Approval,
    Deployment,
    Job,
    JobKind,
    Outcome,
    Phase,
    Reassignment,
    Report,
)
from quaymaster.domain.statuses import ApprovalStatus, JobStatus, ReportedStatus


def moved(
    deployment: Deployment, change: c.Change, now: datetime, *, is_own: bool = False
) -> Deployment:
    """The attempt after a change that is about it, or about one of its approvals or jobs.

    `is_own`: nobody but the caller holds the record, so that no copy of it is made.
    """
    after = partial(rewritten if is_own else changed, deployment, modified_at=now)
    match change:
        # what every attempt goes through comes first: it is looked at one after the other
        case c.QueueEntered():
            return after(entered_queue_at=now)
        case c.SlotGranted() | c.SlotTaken():
            return after(has_slot=True)
        case c.ApprovalsAsked(approvals=approvals):
            return after(approvals=deployment.approvals + approvals)
        case c.PhaseStarted(rank=rank, jobs=jobs, is_tolerant=tolerant):
            phase = Phase(rank, started_at=now, jobs=jobs, is_tolerant=tolerant)
            return after(phases=(*deployment.phases, phase))
        case c.CancelRequested(by=by, comment=comment):
            return after(cancel_requested_at=now, modified_by=by, comment=comment)
        case c.DeploymentDeferred(until=until, by=by):
            return after(deferred_until=until, modified_by=by)
        case c.PriorityChanged(priority=priority, by=by):
            return after(priority=priority, modified_by=by)
        case c.FreezeOverridden(by=by, reason=reason):
            return after(override=reason, modified_by=by)
        case c.Superseded(by_release=newer):
            comment = f"Superseded by {newer}."
            return after(outcome=Outcome.SUPERSEDED, completed_at=now, comment=comment)
        case c.ApprovalGiven() | c.ApprovalRefused() | c.ApprovalReassigned():
            approvals = _answered(deployment, change, now)
            return after(approvals=approvals, modified_by=change.by.id)
        case c.ApprovalExpired() | c.ApprovalsClosed():
            return after(approvals=_without_answer(deployment, change, now))
        case (
            c.GatesStarted()
            | c.GateSampleStarted()
            | c.GateSampled()
            | c.GateSampleGivenUp()
            | c.GatesIgnored()
            | c.GatesEnded()
        ):
            return after(gates=gates_after(deployment, change, now))
        case c.DeferralEnded():
            return after(deferred_until=None)
        case c.PhaseSkipped(rank=rank):
            phase = Phase(rank, started_at=now, is_skipped=True)
            return after(phases=(*deployment.phases, phase))
        case c.PhaseFailed(rank=rank, problem=problem):
            phase = Phase(rank, started_at=now, problem=problem)
            return after(phases=(*deployment.phases, phase))
        case (
            c.JobClaimed()
            | c.JobFinished()
            | c.JobLost()
            | c.JobGivenUp()
            | c.JobAwaits()
            | c.JobAnswered()
        ):
            phases = _each_job(deployment, lambda job: job.id == change.job, _report(change, now))
            return after(phases=phases)
        case c.WaitingJobsCanceled():
            phases = _each_job(
                deployment,
                lambda job: job.status in (JobStatus.HELD, JobStatus.WAITING),
                lambda job: replace(job, status=JobStatus.CANCELED, ended_at=now),
            )
            return after(phases=phases)
        case c.HeldJobsReleased() | c.PauseStarted() | c.JobSettled() | c.InterventionAnswered():
            return replace(pauses.after(deployment, change, now), modified_at=now)
        case c.ReportMissed(problem=problem):
            first = deployment.report.first_at if deployment.report else now
            return after(report=Report(ReportedStatus.ERROR, now, first), problem=problem)
        case c.DeploymentEnded(outcome=outcome, reason=reason):
            ended_at = None if outcome is Outcome.UNKNOWN else now
            problem = reason or deployment.problem
            return after(outcome=outcome, completed_at=ended_at, problem=problem)
        case _:
            raise TypeError(change)


# ---- approvals ------------------------------------------------------------------------------


def _each_approval(
    deployment: Deployment,
    concerned: Callable[[Approval], bool],
    change: Callable[[Approval], Approval],
) -> tuple[Approval, ...]:
    return tuple(change(a) if concerned(a) else a for a in deployment.approvals)


def _closed(approval: Approval, status: ApprovalStatus, now: datetime, comment: str) -> Approval:
    """The approval with its final status; only a reassignment is a new revision (LEGACY 4)."""
    return replace(approval, status=status, modified_at=now, comment=comment)


def _without_answer(
    deployment: Deployment, change: c.ApprovalExpired | c.ApprovalsClosed, now: datetime
) -> tuple[Approval, ...]:
    if isinstance(change, c.ApprovalsClosed):
        return _each_approval(
            deployment,
            lambda a: a.status is ApprovalStatus.PENDING,
            lambda a: _closed(a, change.status, now, a.comment),
        )
    return _each_approval(
        deployment,
        lambda a: (a.side, a.position) == (change.side, change.position),
        lambda a: _closed(a, ApprovalStatus.REJECTED, now, "Nobody answered in time."),
    )


def _answered(
    deployment: Deployment,
    event: c.ApprovalGiven | c.ApprovalRefused | c.ApprovalReassigned,
    now: datetime,
) -> tuple[Approval, ...]:
    def answer(approval: Approval) -> Approval:
        if isinstance(event, c.ApprovalReassigned):
            return _reassigned(approval, event, now)
        given = isinstance(event, c.ApprovalGiven)
        status = ApprovalStatus.APPROVED if given else ApprovalStatus.REJECTED
        return replace(_closed(approval, status, now, event.comment), approved_by=event.by.id)

    return _each_approval(deployment, lambda a: a.id == event.approval, answer)


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


# ---- jobs -----------------------------------------------------------------------------------


def _each_job(
    deployment: Deployment, concerned: Callable[[Job], bool], change: Callable[[Job], Job]
) -> tuple[Phase, ...]:
    return tuple(
        replace(phase, jobs=tuple(change(job) if concerned(job) else job for job in phase.jobs))
        if any(concerned(job) for job in phase.jobs)
        else phase
        for phase in deployment.phases
    )


def _report(
    event: c.JobClaimed | c.JobFinished | c.JobLost | c.JobGivenUp | c.JobAwaits | c.JobAnswered,
    now: datetime,
) -> Callable[[Job], Job]:
    match event:
        case c.JobClaimed(worker=worker, token=token):
            return lambda job: replace(
                job, status=JobStatus.RUNNING, worker=worker, token=token, started_at=now
            )
        case c.JobAwaits(due_at=due):
            return lambda job: replace(job, kind=JobKind.CALL_BACK, worker="", due_at=due)
        case c.JobFinished(status=status, error=error) | c.JobAnswered(status=status, error=error):
            return lambda job: replace(job, status=status, error=error, ended_at=now)
        case c.JobLost(reason=reason):
            return lambda job: replace(job, status=JobStatus.FAILED, error=reason, ended_at=now)
        case c.JobGivenUp():
            return lambda job: replace(
                job, status=JobStatus.CANCELED, error=_unconfirmed(job), ended_at=now
            )


def _unconfirmed(job: Job) -> str:
    who = "workflow" if job.kind is JobKind.EXTERNAL else "worker"
    return f"The {who} did not confirm in time that the job has stopped."
