"""What the history keeps of each change: who, what, where and why, in words and ids.

Values of variables never get here; a history entry can be shown to everybody who may see the
release (DESIGN 6, I8 and I9).
"""

from dataclasses import dataclass, field

from quaymaster.domain import changes as c
from quaymaster.domain.finding import found_approval, found_intervention
from quaymaster.domain.release import ApprovalId, JobId, PersonId, Release, StageId


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a release's history. `by` None is the product itself."""

    kind: str
    by: PersonId | None = None
    stage: StageId | None = None
    attempt: int | None = None
    comment: str = ""
    details: dict[str, str] = field(default_factory=dict)


def entries(after: Release, changes: list[c.Change]) -> list[Entry]:
    """The history of one decision, in the order in which things happened.

    A look that found nothing leaves no entry.
    """
    return [_entry(after, change) for change in changes if not isinstance(change, c.TimeCame)]


def _entry(after: Release, change: c.Change) -> Entry:
    stage_id = _stage_of(after, change)
    stage = after.stage(stage_id) if stage_id else None
    return Entry(
        kind=type(change).__name__,
        by=_by(change),
        stage=stage_id,
        attempt=stage.newest.attempt if stage and stage.newest else None,
        comment=getattr(change, "comment", ""),
        details=_details(change),
    )


def _by(change: c.Change) -> PersonId | None:
    match change:
        case c.ApprovalGiven(by=person) | c.ApprovalRefused(by=person):
            return person.id
        case c.ApprovalReassigned(by=person):
            return person.id
        case c.StageTriggered():
            return None
        case _:
            by: PersonId | None = getattr(change, "by", None)
            return by


def _stage_of(after: Release, change: c.Change) -> StageId | None:
    match change:
        case c.ApprovalGiven(approval=id) | c.ApprovalRefused(approval=id):
            return _stage_of_approval(after, id)
        case c.ApprovalReassigned(approval=id):
            return _stage_of_approval(after, id)
        case c.InterventionAnswered(intervention=id):
            return found_intervention(after, id)[0].id
        case c.JobClaimed(job=id) | c.JobFinished(job=id) | c.JobLost(job=id):
            return _stage_of_job(after, id)
        case c.JobAwaits(job=id) | c.JobAnswered(job=id):
            return _stage_of_job(after, id)
        case _:
            stage: StageId | None = getattr(change, "stage", None)
            return stage


def _stage_of_approval(after: Release, approval: ApprovalId) -> StageId:
    return found_approval(after, approval)[0].id


def _stage_of_job(after: Release, job_id: JobId) -> StageId | None:
    for stage in after.stages:
        if stage.newest and any(job.id == job_id for job in stage.newest.jobs):
            return stage.id
    return None


def _details(change: c.Change) -> dict[str, str]:
    match change:
        case c.DeploymentRequested():
            return _request(change)
        case c.StageTriggered(request=request):
            return _request(request)
        case c.ApprovalGiven(approval=id) | c.ApprovalRefused(approval=id):
            return {"approval": str(id)}
        case c.ApprovalReassigned(approval=id, to=to):
            return {"approval": str(id), "to": to}
        case c.DeploymentDeferred(until=until):
            return {"until": until.isoformat()}
        case c.PriorityChanged(priority=priority):
            return {"priority": priority.name.lower()}
        case c.FreezeOverridden(reason=reason):
            return {"override": reason}
        case c.Superseded(by_release=newer):
            return {"byRelease": newer}
        case c.JobClaimed(job=id, worker=worker):
            return {"job": str(id), "worker": worker}
        case c.JobAwaits(job=id, due_at=due):
            return {"job": str(id), "until": due.isoformat()}
        case c.JobAnswered(job=id, status=status, error=error):
            return {"job": str(id), "status": status, "error": error}
        case c.JobFinished(job=id, status=status, error=error):
            return {"job": str(id), "status": status, "error": error}
        case c.JobLost(job=id, reason=reason):
            return {"job": str(id), "reason": reason}
        case c.InterventionAnswered(intervention=id, resumes=resumes):
            return {"intervention": str(id), "answer": "resumed" if resumes else "rejected"}
        case c.HeldJobsReleased(rank=rank, positions=positions):
            return {"phase": str(rank), "jobs": ",".join(map(str, positions))}
        case c.PauseStarted(rank=rank, due_at=due):
            return {"phase": str(rank), "until": due.isoformat()}
        case c.JobSettled(rank=rank, position=position, status=status, error=error):
            return {"phase": str(rank), "job": str(position), "status": status, "error": error}
        case c.JobGivenUp(job=id):
            return {"job": str(id)}
        case c.ApprovalsAsked(side=side, approvals=approvals):
            asked = ",".join(approval.approver or "automated" for approval in approvals)
            return {"side": side, "asked": asked}
        case c.ApprovalExpired(side=side, position=position):
            return {"side": side, "position": str(position)}
        case c.ApprovalsClosed(status=status):
            return {"status": status}
        case c.GatesStarted(side=side):
            return {"side": side}
        case c.GateSampleStarted(side=side, number=number):
            return {"side": side, "sample": str(number)}
        case c.GateSampleGivenUp(side=side, number=number):
            return {"side": side, "sample": str(number)}
        case c.GateSampled(side=side, number=number, results=results):
            failed = [result.name for result in results if not result.succeeded]
            return {"side": side, "sample": str(number), "failed": ", ".join(failed)}
        case c.GatesIgnored(side=side, names=names):
            return {"side": side, "gates": ", ".join(names)}
        case c.GatesEnded(side=side, status=status):
            return {"side": side, "status": status}
        case c.PhaseStarted(rank=rank) | c.PhaseSkipped(rank=rank):
            return {"phase": str(rank)}
        case c.PhaseFailed(rank=rank, problem=problem):
            return {"phase": str(rank), "problem": problem}
        case c.DeploymentEnded(outcome=outcome, reason=reason):
            return {"outcome": outcome, "reason": reason}
        case c.DeploymentReported(status=status, problem=problem):
            return {"status": status, "problem": problem}
        case c.ReportMissed(problem=problem):
            return {"problem": problem}
        case c.DetailsChanged():
            return _renamed(change)
        case _:
            return {}


def _request(request: c.DeploymentRequested) -> dict[str, str]:
    details = {"reason": str(request.reason), "trigger": request.trigger_reason}
    if request.scheduled_for:
        details["scheduledFor"] = request.scheduled_for.isoformat()
    if request.rolls_back:
        details["rollsBack"] = str(request.rolls_back)
    if request.override:
        details["override"] = request.override
    if request.variables:
        details["variables"] = ",".join(sorted(request.variables))
    if request.only_targets:
        details["onlyTargets"] = ",".join(map(str, request.only_targets))
    if request.only_failed_targets:
        details["onlyFailedTargets"] = "true"
    return details


def _renamed(change: c.DetailsChanged) -> dict[str, str]:
    parts = {
        "name": change.name,
        "description": change.description,
        "keepForever": None if change.keep_forever is None else str(change.keep_forever).lower(),
        "manualStages": ", ".join(change.manual_stages) or None,
    }
    return {key: value for key, value in parts.items() if value is not None}
