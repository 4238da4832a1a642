"""Which event is legal when: one table, and the refusals that people read.

`ALLOWED` answers for events about one stage; reports of workers are answered by what became of
their job, because a late or repeated report must change nothing (DESIGN 6, I5).
"""

from dataclasses import replace
from datetime import datetime

from quaymaster.domain.approving import answerable
from quaymaster.domain.changes import (
    Abandoned,
    Activated,
    ApprovalGiven,
    ApprovalReassigned,
    ApprovalRefused,
    CancelRequested,
    DeploymentDeferred,
    DeploymentReported,
    DeploymentRequested,
    DetailsChanged,
    Event,
    FreezeOverridden,
    GateSampled,
    GatesIgnored,
    InterventionAnswered,
    JobAnswered,
    JobAwaits,
    JobClaimed,
    JobFinished,
    JobLost,
    PriorityChanged,
    Quarantined,
    QuarantineLifted,
    SlotGranted,
    SnapshotEdited,
    Superseded,
    TimeCame,
)
from quaymaster.domain.errors import Conflict, Invalid, Refused
from quaymaster.domain.finding import found_intervention, found_job, found_stage, stage_of_job
from quaymaster.domain.gate_run import enabled_gates
from quaymaster.domain.release import (
    GateResult,
    JobKind,
    Release,
    Side,
    Stage,
    StageId,
)
from quaymaster.domain.reports import taken_in
from quaymaster.domain.spreading import missed_targets
from quaymaster.domain.standstills import blocked
from quaymaster.domain.status import gate_policy, operation_status
from quaymaster.domain.statuses import (
    InterventionStatus,
    JobStatus,
    OperationStatus,
    ReleaseStatus,
)

NOT_STARTED = "notStarted"  # the situation of a stage without any attempt

ENDED: frozenset[str] = frozenset(
    {
        OperationStatus.APPROVED,
        OperationStatus.REJECTED,
        OperationStatus.PHASE_FAILED,
        OperationStatus.GATE_FAILED,
        OperationStatus.CANCELED,
        OperationStatus.PHASE_CANCELED,
        OperationStatus.UNDEFINED,
    }
)
ACTIVE: frozenset[str] = frozenset(OperationStatus) - ENDED
BEFORE_WORK: frozenset[str] = frozenset(
    {
        OperationStatus.SCHEDULED,
        OperationStatus.QUEUED,
        OperationStatus.PENDING,
        OperationStatus.DEFERRED,
        OperationStatus.EVALUATING_GATES,
    }
)

# In which situation of its stage an event may happen. SCHEDULED may be requested again: that
# means "start now" (SEMANTICS 7.4).
ALLOWED: dict[type[Event], frozenset[str]] = {
    DeploymentRequested: ENDED | {NOT_STARTED, OperationStatus.SCHEDULED},
    CancelRequested: ACTIVE - {OperationStatus.CANCELLING},
    DeploymentDeferred: BEFORE_WORK,
    PriorityChanged: frozenset({OperationStatus.SCHEDULED, OperationStatus.QUEUED}),
    FreezeOverridden: ACTIVE - {OperationStatus.CANCELLING},
    GatesIgnored: frozenset({OperationStatus.EVALUATING_GATES}),
    SlotGranted: frozenset({OperationStatus.QUEUED}),
    Superseded: frozenset({OperationStatus.QUEUED}),
}


def situation(stage: Stage) -> str:
    """The operation status of the stage's newest attempt, or NOT_STARTED."""
    return operation_status(stage, stage.newest) if stage.newest else NOT_STARTED


def admitted(release: Release, event: Event, now: datetime) -> Event | None:
    """The event if it is legal now, None if it is a repeat that changes nothing.

    Raises what the caller should be told otherwise.
    """
    if release.is_deleted and isinstance(event, Activated | DeploymentRequested):
        raise Refused(f"{release.name} or its release pipeline is deleted. Bring it back first.")
    match event:
        case Activated() | Abandoned() | DetailsChanged() | SnapshotEdited():
            return _about_the_release(release, event)
        case Quarantined() | QuarantineLifted():
            return (
                event if bool(release.quarantine) is isinstance(event, QuarantineLifted) else None
            )
        case DeploymentReported():
            return taken_in(found_stage(release, event.stage), event)
        case (
            DeploymentRequested(stage=stage)
            | CancelRequested(stage=stage)
            | DeploymentDeferred(stage=stage)
            | PriorityChanged(stage=stage)
            | FreezeOverridden(stage=stage)
            | GatesIgnored(stage=stage)
        ):
            return _about_a_stage(release, stage, event, now)
        case SlotGranted(stage=stage, attempt=attempt) | Superseded(stage=stage, attempt=attempt):
            return event if _is_still_queued(release, stage, attempt, event) else None
        case ApprovalGiven() | ApprovalRefused() | ApprovalReassigned():
            return answerable(release, event)
        case InterventionAnswered():
            return _answer_of_intervention(release, event)
        case JobClaimed() | JobFinished() | JobLost() | JobAwaits():
            return _from_a_worker(release, event)
        case JobAnswered():
            return _from_a_service(release, event)
        case GateSampled():
            return _answers_of_gates(release, event)
        case TimeCame():
            return event


def _about_the_release(
    release: Release, event: Activated | Abandoned | DetailsChanged | SnapshotEdited
) -> Event | None:
    if isinstance(event, DetailsChanged):
        return _details(release, event)
    if isinstance(event, SnapshotEdited):
        return _edit(release, event)
    if isinstance(event, Activated):
        return _activation(release, event)
    if release.status is ReleaseStatus.ABANDONED:
        return None
    running = [
        stage.name
        for stage in release.stages
        if stage.active and any(not job.status.is_ended for job in stage.active.jobs)
    ]
    if running:
        raise Refused(
            f"The release cannot be abandoned while a deployment is in progress "
            f"({', '.join(running)}). Cancel it or wait until it ends."
        )
    return event


def _details(release: Release, event: DetailsChanged) -> Event:
    known = {stage.plan.name.casefold() for stage in release.stages}
    unknown = [name for name in event.manual_stages if name.casefold() not in known]
    if unknown:
        raise Invalid(
            f"Release {release.name} has no stage called {', '.join(unknown)}, which could be "
            "started by hand only."
        )
    return event


def _edit(release: Release, event: SnapshotEdited) -> Event:
    if release.status is ReleaseStatus.ABANDONED:
        raise Refused("An abandoned release cannot be edited. Create a new release.")
    stages = {stage.plan.definition_stage_id for stage in release.stages}
    if stages != {plan.definition_stage_id for plan in event.plan.stages}:
        raise Invalid("The stages of a release cannot be added or removed. Edit its definition.")
    return event


def _activation(release: Release, event: Activated) -> Event | None:
    if release.status is ReleaseStatus.ACTIVE:
        return None
    if release.status is ReleaseStatus.ABANDONED:
        raise Refused("An abandoned release cannot become active again. Create a new release.")
    unchosen = [artifact.alias for artifact in release.artifacts if not artifact.is_chosen]
    if unchosen:
        raise Invalid(
            f"No version is chosen for artifact {', '.join(unchosen)}. "
            "Choose a version of each artifact before starting the release."
        )
    return event


def _about_a_stage(
    release: Release,
    stage_id: StageId,
    event: DeploymentRequested
    | CancelRequested
    | DeploymentDeferred
    | PriorityChanged
    | FreezeOverridden
    | GatesIgnored,
    now: datetime,
) -> Event:
    stage = found_stage(release, stage_id)
    if release.status is not ReleaseStatus.ACTIVE:
        raise Refused(
            f"Release {release.name} is {release.status}; "
            f"stage {stage.name} of it can only change while the release is active."
        )
    present = situation(stage)
    if present not in ALLOWED[type(event)]:
        if (
            isinstance(event, DeploymentRequested)
            and event.override
            and _is_held_by_a_freeze(release, stage)
        ):
            return FreezeOverridden(stage.id, event.by, event.override)
        raise Refused(_transition_refused(stage, present, event), "transition")
    if isinstance(event, DeploymentRequested) and release.quarantine:
        raise Refused(
            f"Release {release.name} is quarantined and cannot be deployed: "
            f"{release.quarantine.reason} Lift the quarantine first."
        )
    if isinstance(event, FreezeOverridden) and not _is_held_by_a_freeze(release, stage):
        raise Refused(f"No freeze holds the deployment of stage {stage.name} back.")
    if isinstance(event, DeploymentDeferred):
        _check_deferral(stage, event, now)
    if isinstance(event, GatesIgnored):
        _check_gate_names(stage, event)
    if isinstance(event, DeploymentRequested):
        _check_targets(stage, event)
    return event


def _is_held_by_a_freeze(release: Release, stage: Stage) -> bool:
    active = stage.active
    if active is None or active.cancel_requested_at:
        return False
    return any(not one.is_hold for one in blocked(release, stage, active))


def _check_targets(stage: Stage, event: DeploymentRequested) -> None:
    if event.only_failed_targets and not (stage.newest and missed_targets(stage.newest)):
        raise Refused(
            f"The last deployment to {stage.name} has left no target of a deployment group out. "
            "Deploy without redeployFailedTargets to run it again everywhere."
        )


def _check_gate_names(stage: Stage, event: GatesIgnored) -> None:
    run = stage.active.gate_run(event.side) if stage.active else None
    if run is None or run.ended_as:
        raise Refused(f"No gates of stage {stage.name} are being evaluated on that side.")
    known = enabled_gates(gate_policy(stage, event.side))
    unknown = [name for name in event.names if name not in known]
    if unknown or not event.names:
        raise Invalid(
            f"Stage {stage.name} has no gate {', '.join(unknown) or 'without a name'}. "
            f"Its gates are {', '.join(known)}."
        )


def _answers_of_gates(release: Release, event: GateSampled) -> Event | None:
    """Answers to the open sample; a gate that did not answer counts as failed."""
    stage = found_stage(release, event.stage)
    deployment = stage.active
    run = deployment.gate_run(event.side) if deployment else None
    if not deployment or deployment.attempt != event.attempt or not run or not run.open_sample:
        return None
    if run.open_sample.number != event.number or deployment.cancel_requested_at:
        return None
    said = {result.name: result for result in event.results}
    asked = enabled_gates(gate_policy(stage, event.side))
    silent = "The gate did not answer in time."
    results = tuple(said.get(name) or GateResult(name, False, silent) for name in asked)
    return replace(event, results=results)


def _check_deferral(stage: Stage, event: DeploymentDeferred, now: datetime) -> None:
    """Only work that has not begun can wait, and only for a time to come (SEMANTICS 9.13)."""
    newest = stage.newest
    if newest and (newest.phases or newest.side(Side.POST) or newest.gate_run(Side.POST)):
        raise Refused(
            f"Stage {stage.name} cannot be deferred: its work has begun. "
            "Cancel the deployment and deploy again with a time."
        )
    if event.until <= now:
        raise Invalid(
            f"The deployment time {event.until.isoformat()} is not in the future. "
            "Give a later time, or approve without one."
        )


def _transition_refused(stage: Stage, present: str, event: Event) -> str:
    wanted = {
        DeploymentRequested: "started",
        CancelRequested: "canceled",
        DeploymentDeferred: "deferred",
        PriorityChanged: "given another priority",
        FreezeOverridden: "let go on in a freeze",
        GatesIgnored: "freed from gates",
    }[type(event)]
    return f"Stage {stage.name} cannot be {wanted} while its deployment is {present}."


def _is_still_queued(release: Release, stage_id: StageId, attempt: int, event: Event) -> bool:
    stage = found_stage(release, stage_id)
    deployment = stage.active
    if release.status is not ReleaseStatus.ACTIVE or not deployment or deployment.report:
        return False
    if isinstance(event, SlotGranted) and blocked(release, stage, deployment):
        return False
    return deployment.attempt == attempt and situation(stage) in ALLOWED[type(event)]


def _from_a_service(release: Release, event: JobAnswered) -> Event | None:
    """The first report on a job that is awaited; a failure may be one that its task allows."""
    job = found_job(release, event.job)
    if job.kind is not JobKind.CALL_BACK or job.status is not JobStatus.RUNNING:
        return None
    if not event.status.is_ended:
        raise Invalid(f"{event.status} is not a way in which a job can end.")
    stage = stage_of_job(release, event.job)
    for phase in stage.newest.phases if stage.newest else ():
        if any(each.id == job.id for each in phase.jobs):
            task = stage.phase_plan(phase).tasks[job.position]
            if task.continue_on_error and event.status is JobStatus.FAILED:
                return replace(event, status=JobStatus.WITH_ISSUES)
    return event


def _from_a_worker(
    release: Release, event: JobClaimed | JobFinished | JobLost | JobAwaits
) -> Event | None:
    job = found_job(release, event.job)
    if job.kind.is_pause:
        raise Conflict(
            f"Job {job.id} waits for the clock, a person or a service; no worker runs it."
        )
    if isinstance(event, JobAwaits) and job.kind is not JobKind.SERVER:
        raise Conflict(f"Job {job.id} runs on a worker to its end; it waits for no service.")
    if isinstance(event, JobClaimed):
        if job.status is JobStatus.RUNNING and job.token == event.token:
            return None
        if job.status is not JobStatus.WAITING:
            raise Conflict(f"Job {job.id} is {job.status} and cannot be claimed.")
        return event
    if job.token != event.token:
        raise Conflict(
            f"Job {job.id} is not run by this worker any more; its report is not taken in."
        )
    if isinstance(event, JobFinished) and not event.status.is_ended:
        raise Invalid(f"{event.status} is not a way in which a job can end.")
    return None if job.status.is_ended else event


def _answer_of_intervention(release: Release, event: InterventionAnswered) -> Event:
    stage, asked = found_intervention(release, event.intervention)
    if asked.status is not InterventionStatus.PENDING or not stage.active:
        raise Refused(
            f"Manual intervention {asked.id} of stage {stage.name} is already {asked.status} "
            "and can no longer be changed."
        )
    return event
