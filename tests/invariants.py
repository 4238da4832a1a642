"""What must hold of every settled release, and of every step from one to the next (DESIGN 6)."""

from datetime import datetime

from quaymaster.domain.due import next_due
from quaymaster.domain.explain import explain
from quaymaster.domain.reasons import Surroundings
from quaymaster.domain.release import Deployment, Outcome, Release, Side, Stage
from quaymaster.domain.reports import silent_after
from quaymaster.domain.rules import first_due
from quaymaster.domain.standstills import blocked
from quaymaster.domain.status import (
    deployment_status,
    is_side_clear,
    operation_status,
    phase_status,
    stage_status,
)
from quaymaster.domain.statuses import (
    ApprovalStatus,
    JobStatus,
    PhaseStatus,
)
from quaymaster.domain.statuses import (
    DeploymentStatus as D,
)
from quaymaster.domain.statuses import (
    OperationStatus as O,
)
from quaymaster.domain.statuses import (
    StageStatus as S,
)

# SEMANTICS 7.2: every combination of the three words that may be shown.
SHOWN_TOGETHER = {
    (S.SCHEDULED, D.NOT_DEPLOYED, O.SCHEDULED),
    (S.QUEUED, D.NOT_DEPLOYED, O.QUEUED),
    (S.IN_PROGRESS, D.NOT_DEPLOYED, O.PENDING),
    (S.SCHEDULED, D.NOT_DEPLOYED, O.DEFERRED),
    (S.IN_PROGRESS, D.NOT_DEPLOYED, O.EVALUATING_GATES),
    (S.IN_PROGRESS, D.IN_PROGRESS, O.QUEUED_FOR_AGENT),
    (S.IN_PROGRESS, D.IN_PROGRESS, O.PHASE_IN_PROGRESS),
    (S.IN_PROGRESS, D.IN_PROGRESS, O.PHASE_SUCCEEDED),
    (S.IN_PROGRESS, D.IN_PROGRESS, O.PHASE_PARTIALLY_SUCCEEDED),
    (S.IN_PROGRESS, D.IN_PROGRESS, O.MANUAL_INTERVENTION_PENDING),
    (S.IN_PROGRESS, D.IN_PROGRESS, O.EVALUATING_GATES),
    (S.IN_PROGRESS, D.IN_PROGRESS, O.PENDING),
    (S.IN_PROGRESS, D.IN_PROGRESS, O.CANCELLING),
    (S.SUCCEEDED, D.SUCCEEDED, O.APPROVED),
    (S.PARTIALLY_SUCCEEDED, D.PARTIALLY_SUCCEEDED, O.APPROVED),
    (S.REJECTED, D.FAILED, O.PHASE_FAILED),
    (S.REJECTED, D.NOT_DEPLOYED, O.PHASE_FAILED),
    (S.REJECTED, D.NOT_DEPLOYED, O.REJECTED),
    (S.REJECTED, D.FAILED, O.REJECTED),
    (S.REJECTED, D.NOT_DEPLOYED, O.GATE_FAILED),
    (S.REJECTED, D.FAILED, O.GATE_FAILED),
    (S.CANCELED, D.NOT_DEPLOYED, O.CANCELED),
    (S.CANCELED, D.FAILED, O.PHASE_CANCELED),
    # AVIATOR 9: told from outside
    (S.IN_PROGRESS, D.NOT_DEPLOYED, O.QUEUED_FOR_AGENT),
    (S.UNDEFINED, D.UNDEFINED, O.UNDEFINED),
}


def check(release: Release, now: datetime) -> None:
    """Raise AssertionError unless the settled release holds what DESIGN 6 promises."""
    due = next_due(release)
    assert due is None or due > now, f"overdue since {due}"
    for stage in release.stages:
        assert first_due(release, stage, now) is None, f"{stage.name} is not settled"
        _check_explained(release, stage, now)
        if stage.newest is None:
            continue
        shown = (
            stage_status(stage),
            deployment_status(stage, stage.newest),
            operation_status(stage, stage.newest),
        )
        assert shown in SHOWN_TOGETHER, f"{stage.name} shows {shown}"
        if stage.newest.is_ended:
            _check_ended(stage, stage.newest)
        else:
            _check_under_way(release, stage, stage.newest)


def _check_explained(release: Release, stage: Stage, now: datetime) -> None:
    """Nobody is ever left without a reason for what does not happen."""
    reasons = explain(release, stage, Surroundings(), now)
    ahead = [reason.is_ahead for reason in reasons]
    assert ahead == sorted(ahead), "what holds it up now comes first"
    for reason in reasons:
        assert reason.cleared_by or reason.clears_at, f"nobody can clear {reason.text!r}"
    if stage.active:
        assert False in ahead, f"nothing explains what {stage.name} waits for"
    elif stage_status(stage) not in (S.SUCCEEDED, S.PARTIALLY_SUCCEEDED):
        assert reasons, f"nothing explains why {stage.name} does not start"


def _check_under_way(release: Release, stage: Stage, deployment: Deployment) -> None:
    """I11: something or somebody will move it on; I2: nothing works without consent."""
    assert deployment.completed_at is None or deployment.report, "an end that nobody told"
    freezes = blocked(release, stage, deployment)
    assert waits_for(stage, deployment) or freezes, f"{stage.name} waits for nothing"
    if deployment.report:
        return
    if deployment.phases:
        assert is_side_clear(stage, deployment, Side.PRE), f"{stage.name} works without consent"
        assert deployment.has_slot


def waits_for(stage: Stage, deployment: Deployment) -> list[str]:
    """What may move this attempt: a worker, a person, a clock or the environment's queue."""
    found = [f"job {job.status}" for job in deployment.jobs if not job.status.is_ended]
    if any(a.status is ApprovalStatus.PENDING and a.due_at for a in deployment.approvals):
        found.append("a person, and a clock")
    if any(run.ended_as is None for run in deployment.gates):
        found.append("the outside, and a clock")
    if deployment.deferred_until and is_side_clear(stage, deployment, Side.PRE):
        found.append("its time")
    if deployment.report and silent_after(deployment):
        found.append("news, and a clock")
    elif deployment.entered_queue_at is None:
        found.append("its schedule")
    elif not deployment.has_slot:
        found.append("its turn")
    return found


def _check_ended(stage: Stage, deployment: Deployment) -> None:
    assert deployment.completed_at or deployment.outcome is Outcome.UNKNOWN
    assert all(job.status.is_ended for job in deployment.jobs), "ended with a job under way"
    assert all(run.ended_as for run in deployment.gates), "ended with gates being asked"
    asked = [a for a in deployment.approvals if a.status is ApprovalStatus.PENDING]
    assert not asked, f"{stage.name} has ended and still asks {asked}"
    if deployment.report:
        return  # a fact, whether or not anybody here had agreed
    if deployment.outcome in (Outcome.SUCCEEDED, Outcome.PARTIALLY_SUCCEEDED):
        assert all(is_side_clear(stage, deployment, side) for side in Side)
        good = {PhaseStatus.SUCCEEDED, PhaseStatus.PARTIALLY_SUCCEEDED, PhaseStatus.SKIPPED}
        assert {phase_status(phase) for phase in deployment.phases} <= good
        assert {phase.rank for phase in deployment.phases} == {p.rank for p in stage.plan.phases}


def check_step(before: Release, after: Release) -> None:
    """Raise AssertionError when something final changed between two settled releases (I5, I6)."""
    for old, new in zip(before.stages, after.stages, strict=True):
        assert old.evaluated <= new.evaluated
        if old.newest is None or new.newest is None:
            assert old.newest is None
            continue
        if old.newest.attempt != new.newest.attempt:
            assert new.newest.attempt == old.newest.attempt + 1
            continue
        if old.newest.is_ended and not new.newest.report:
            assert new.newest == old.newest, f"{old.name} changed after its end"
        _check_leaves(old.newest, new.newest)


def _check_leaves(old: Deployment, new: Deployment) -> None:
    approvals = {a.id: a for a in new.approvals}
    for approval in old.approvals:
        assert approval.id in approvals, "an approval vanished"
        if approval.status is not ApprovalStatus.PENDING:
            assert approvals[approval.id] == approval, "a decision was changed"
    runs = {run.id: run for run in new.gates}
    for run in old.gates:
        if run.ended_as:
            assert runs[run.id] == run, "gates that had ended were changed"
    jobs = {job.id: job for job in new.jobs}
    for job in old.jobs:
        if job.status.is_ended:
            assert jobs[job.id] == job, "an ended job was changed"
        if job.status is JobStatus.RUNNING:
            assert jobs[job.id].token == job.token, "a running job changed its worker"
