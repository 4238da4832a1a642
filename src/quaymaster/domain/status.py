"""How things stand, derived from the leaves: the table of SEMANTICS 7.2 written as folds."""

from quaymaster.domain.plan import ApprovalOrder, ApprovalPolicy, GatePolicy
from quaymaster.domain.release import Approval, Deployment, JobKind, Outcome, Phase, Side, Stage
from quaymaster.domain.statuses import (
    ApprovalStatus,
    DeploymentStatus,
    GateStatus,
    JobStatus,
    OperationStatus,
    PhaseStatus,
    ReportedStatus,
    StageStatus,
)

ENDED_OPERATION = {
    Outcome.SUCCEEDED: OperationStatus.APPROVED,
    Outcome.PARTIALLY_SUCCEEDED: OperationStatus.APPROVED,
    Outcome.REJECTED: OperationStatus.REJECTED,
    Outcome.PHASE_FAILED: OperationStatus.PHASE_FAILED,
    Outcome.GATE_FAILED: OperationStatus.GATE_FAILED,
    Outcome.CANCELED: OperationStatus.CANCELED,
    Outcome.SUPERSEDED: OperationStatus.CANCELED,
    Outcome.ERROR: OperationStatus.PHASE_FAILED,
    Outcome.UNKNOWN: OperationStatus.UNDEFINED,
}

ENDED_STAGE = {
    Outcome.SUCCEEDED: StageStatus.SUCCEEDED,
    Outcome.PARTIALLY_SUCCEEDED: StageStatus.PARTIALLY_SUCCEEDED,
    Outcome.REJECTED: StageStatus.REJECTED,
    Outcome.PHASE_FAILED: StageStatus.REJECTED,
    Outcome.GATE_FAILED: StageStatus.REJECTED,
    Outcome.CANCELED: StageStatus.CANCELED,
    Outcome.SUPERSEDED: StageStatus.CANCELED,
    Outcome.ERROR: StageStatus.REJECTED,
    Outcome.UNKNOWN: StageStatus.UNDEFINED,
}

# While it is under way; an end that was reported becomes the attempt's outcome (AVIATOR 9).
REPORTED_OPERATION = {
    ReportedStatus.PENDING: OperationStatus.QUEUED_FOR_AGENT,
    ReportedStatus.IN_PROGRESS: OperationStatus.PHASE_IN_PROGRESS,
    ReportedStatus.CANCELING: OperationStatus.CANCELLING,
}

WAITING_STAGE = {
    OperationStatus.SCHEDULED: StageStatus.SCHEDULED,
    OperationStatus.DEFERRED: StageStatus.SCHEDULED,
    OperationStatus.QUEUED: StageStatus.QUEUED,
}

# From best to worst; a phase is as bad as its worst job, a deployment as its worst phase.
JOB_TO_PHASE = {
    JobStatus.SUCCEEDED: PhaseStatus.SUCCEEDED,
    JobStatus.WITH_ISSUES: PhaseStatus.PARTIALLY_SUCCEEDED,
    JobStatus.FAILED: PhaseStatus.FAILED,
    JobStatus.CANCELED: PhaseStatus.CANCELED,
    JobStatus.SKIPPED: PhaseStatus.SKIPPED,
}
JOB_STATUS_SO_FAR = {  # as conditions ask for it
    PhaseStatus.SUCCEEDED: "Succeeded",
    PhaseStatus.PARTIALLY_SUCCEEDED: "SucceededWithIssues",
    PhaseStatus.FAILED: "Failed",
    PhaseStatus.CANCELED: "Canceled",
}
BADNESS = (
    PhaseStatus.SKIPPED,
    PhaseStatus.SUCCEEDED,
    PhaseStatus.PARTIALLY_SUCCEEDED,
    PhaseStatus.FAILED,
    PhaseStatus.CANCELED,
)


def worst(statuses: list[PhaseStatus]) -> PhaseStatus:
    """The worst of these ended phases' statuses; SUCCEEDED when there are none."""
    return max(statuses, key=BADNESS.index, default=PhaseStatus.SUCCEEDED)


def phase_status(phase: Phase) -> PhaseStatus:
    """In progress until every job has ended, then as bad as the worst job (SEMANTICS 12.4)."""
    if phase.is_skipped:
        return PhaseStatus.SKIPPED
    if phase.problem:
        return PhaseStatus.FAILED
    for job in phase.jobs:
        if not job.status.is_ended:
            return PhaseStatus.IN_PROGRESS
    ran = [JOB_TO_PHASE[job.status] for job in phase.jobs if job.status is not JobStatus.SKIPPED]
    result = worst(ran)
    if phase.is_tolerant and result is PhaseStatus.FAILED and set(ran) != {PhaseStatus.FAILED}:
        return PhaseStatus.PARTIALLY_SUCCEEDED
    return result


def phases_result(deployment: Deployment) -> PhaseStatus:
    """The result of the phases that are over so far; skipped ones count as succeeded."""
    ended = [status for status in map(phase_status, deployment.phases) if status in BADNESS]
    result = worst(ended)
    return PhaseStatus.SUCCEEDED if result is PhaseStatus.SKIPPED else result


def is_agreed(policy: ApprovalPolicy, approvals: tuple[Approval, ...]) -> bool:
    """Whether one side's approvals let the deployment pass (SEMANTICS 9.1-9.3)."""
    approved = [approval for approval in approvals if approval.status is ApprovalStatus.APPROVED]
    if not policy.approvers:
        return bool(approved)
    if policy.required_count:
        needed = min(policy.required_count, len(policy.approvers))
        return len(approved) >= needed
    return len(approved) == len(policy.approvers)


def policy(stage: Stage, side: Side) -> ApprovalPolicy:
    return stage.plan.pre_approvals if side is Side.PRE else stage.plan.post_approvals


def is_side_agreed(stage: Stage, deployment: Deployment, side: Side) -> bool:
    if not deployment.approvals:
        return False  # even nobody to ask leaves a record (9.1)
    return is_agreed(policy(stage, side), deployment.side(side))


def gate_policy(stage: Stage, side: Side) -> GatePolicy:
    return stage.plan.pre_gates if side is Side.PRE else stage.plan.post_gates


def is_failure_overridable(stage: Stage, side: Side) -> bool:
    """Whether people are asked, and decide, even when the gates failed (SEMANTICS 9.11)."""
    rules = policy(stage, side)
    return rules.order is ApprovalOrder.AFTER_GATES_ALWAYS and bool(rules.approvers)


def are_gates_clear(stage: Stage, deployment: Deployment, side: Side) -> bool:
    """Whether the gates of this side hold nothing up: none, passed, or left to people."""
    if not gate_policy(stage, side).enabled:
        return True
    run = deployment.gate_run(side)
    if run is None or run.ended_as is None:
        return False
    return run.ended_as is GateStatus.SUCCEEDED or (
        run.ended_as is GateStatus.FAILED and is_failure_overridable(stage, side)
    )


def is_side_clear(stage: Stage, deployment: Deployment, side: Side) -> bool:
    """Whether people and gates of this side let the deployment pass (DESIGN 6, I2)."""
    return is_side_agreed(stage, deployment, side) and are_gates_clear(stage, deployment, side)


def side_in_turn(stage: Stage, deployment: Deployment) -> Side | None:
    """The side whose people and gates are to be asked now."""
    if not deployment.has_slot or deployment.cancel_requested_at:
        return None
    if not deployment.phases and not is_side_clear(stage, deployment, Side.PRE):
        return Side.PRE
    if deployment.deferred_until or not is_work_over(stage, deployment):
        return None
    succeeded = (PhaseStatus.SUCCEEDED, PhaseStatus.PARTIALLY_SUCCEEDED)
    if phases_result(deployment) not in succeeded:
        return None
    return None if is_side_clear(stage, deployment, Side.POST) else Side.POST


def has_approvals_turn(stage: Stage, deployment: Deployment, side: Side) -> bool:
    """Whether people are to be asked now, before or after the gates (SEMANTICS 9.11)."""
    if is_side_agreed(stage, deployment, side):
        return False
    first = policy(stage, side).order is ApprovalOrder.BEFORE_GATES
    return first or are_gates_clear(stage, deployment, side)


def has_gates_turn(stage: Stage, deployment: Deployment, side: Side) -> bool:
    if are_gates_clear(stage, deployment, side):
        return False
    first = policy(stage, side).order is not ApprovalOrder.BEFORE_GATES
    return first or is_side_agreed(stage, deployment, side)


def is_work_over(stage: Stage, deployment: Deployment) -> bool:
    """Whether every phase of the plan has been run or skipped."""
    if len(deployment.phases) < len(stage.plan.phases):
        return False
    # only the newest can be under way: a phase starts when the one before it is over
    return not deployment.phases or phase_status(deployment.phases[-1]) in BADNESS


def has_work_left(deployment: Deployment) -> bool:
    """Whether a job of the phases begun so far has not ended; only the newest has such."""
    jobs = deployment.phases[-1].jobs if deployment.phases else ()
    return any([not job.status.is_ended for job in jobs])  # noqa: C419 - quicker


def operation_status(stage: Stage, deployment: Deployment) -> OperationStatus:
    """What the attempt is doing now, or how it ended (SEMANTICS 7.2, last column)."""
    if deployment.outcome is not None:
        return _ended_operation(deployment, deployment.outcome)
    if deployment.cancel_requested_at:
        return OperationStatus.CANCELLING
    if deployment.report:
        return REPORTED_OPERATION.get(deployment.report.status, OperationStatus.PHASE_IN_PROGRESS)
    if deployment.entered_queue_at is None:
        return OperationStatus.SCHEDULED
    if not deployment.has_slot:
        return OperationStatus.QUEUED
    if not is_side_clear(stage, deployment, Side.PRE):
        return _asking_operation(deployment, Side.PRE)
    if deployment.deferred_until:
        return OperationStatus.DEFERRED
    if deployment.side(Side.POST) or deployment.gate_run(Side.POST):
        return _asking_operation(deployment, Side.POST)
    return _working_operation(deployment)


def _asking_operation(deployment: Deployment, side: Side) -> OperationStatus:
    gates = deployment.gate_run(side)
    evaluates = gates is not None and gates.ended_as is None
    return OperationStatus.EVALUATING_GATES if evaluates else OperationStatus.PENDING


def _ended_operation(deployment: Deployment, outcome: Outcome) -> OperationStatus:
    if outcome is Outcome.CANCELED and deployment.started_at:
        return OperationStatus.PHASE_CANCELED
    return ENDED_OPERATION[outcome]


def _working_operation(deployment: Deployment) -> OperationStatus:
    if not deployment.phases:
        return OperationStatus.QUEUED_FOR_AGENT
    newest = deployment.phases[-1]
    if phase_status(newest) is PhaseStatus.IN_PROGRESS:
        if any(job.status is JobStatus.RUNNING for job in newest.jobs):
            return _running_operation(newest)
        waits = not any(job.started_at for job in newest.jobs)
        return OperationStatus.QUEUED_FOR_AGENT if waits else OperationStatus.PHASE_IN_PROGRESS
    if phases_result(deployment) is PhaseStatus.PARTIALLY_SUCCEEDED:
        return OperationStatus.PHASE_PARTIALLY_SUCCEEDED
    return OperationStatus.PHASE_SUCCEEDED


def _running_operation(phase: Phase) -> OperationStatus:
    running = [job.kind for job in phase.jobs if job.status is JobStatus.RUNNING]
    if all(kind is JobKind.EXTERNAL for kind in running):
        return OperationStatus.QUEUED_FOR_AGENT  # nobody outside has told of it yet
    asks = any(
        job.kind is JobKind.INTERVENTION and job.status is JobStatus.RUNNING for job in phase.jobs
    )
    return (
        OperationStatus.MANUAL_INTERVENTION_PENDING if asks else OperationStatus.PHASE_IN_PROGRESS
    )


def deployment_status(stage: Stage, deployment: Deployment) -> DeploymentStatus:
    """What became of the target (SEMANTICS 7.2, middle column; UNCERTAIN 12, 19)."""
    match deployment.outcome:
        case Outcome.SUCCEEDED:
            return DeploymentStatus.SUCCEEDED
        case Outcome.PARTIALLY_SUCCEEDED:
            return DeploymentStatus.PARTIALLY_SUCCEEDED
        case Outcome.UNKNOWN:
            return DeploymentStatus.UNDEFINED
        case None if deployment.report:
            waits = deployment.report.status is ReportedStatus.PENDING
            return DeploymentStatus.NOT_DEPLOYED if waits else DeploymentStatus.IN_PROGRESS
        case None:
            reached_work = deployment.has_slot and is_side_clear(stage, deployment, Side.PRE)
            works = reached_work and not deployment.deferred_until
            return DeploymentStatus.IN_PROGRESS if works else DeploymentStatus.NOT_DEPLOYED
        case _:
            ran = deployment.started_at is not None
            return DeploymentStatus.FAILED if ran else DeploymentStatus.NOT_DEPLOYED


def stage_status(stage: Stage) -> StageStatus:
    """What the stage shows: that of its newest attempt (SEMANTICS 7.2, first column)."""
    if stage.newest is None:
        return StageStatus.NOT_STARTED
    if stage.newest.outcome is not None:
        return ENDED_STAGE[stage.newest.outcome]
    operation = operation_status(stage, stage.newest)
    return WAITING_STAGE.get(operation, StageStatus.IN_PROGRESS)
