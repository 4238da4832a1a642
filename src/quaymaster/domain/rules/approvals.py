"""Asking people, and what their answers mean (SEMANTICS 9)."""

from datetime import datetime

from quaymaster.domain.changes import (
    ApprovalExpired,
    ApprovalsAsked,
    ApprovalsClosed,
    Change,
    DeploymentEnded,
)
from quaymaster.domain.plan import ApprovalPolicy, Approver
from quaymaster.domain.release import Approval, Deployment, Outcome, PersonId, Release, Side, Stage
from quaymaster.domain.status import has_approvals_turn, is_agreed, policy, side_in_turn
from quaymaster.domain.statuses import ApprovalStatus, DeploymentReason

_QUESTIONS = (ApprovalStatus.PENDING, ApprovalStatus.REJECTED)


def has_questions(deployment: Deployment) -> bool:
    """Whether any approval of the attempt is open, or was refused: all others are settled."""
    return any([approval.status in _QUESTIONS for approval in deployment.approvals])  # noqa: C419


def expire_unanswered(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release
    for approval in deployment.approvals:
        is_open = approval.status is ApprovalStatus.PENDING
        if is_open and approval.due_at and approval.due_at <= now:
            return ApprovalExpired(stage.id, approval.side, approval.position)
    return None


def reject_when_one_says_no(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """One rejection ends the attempt, whatever the others said or would say (9.4)."""
    del release, now
    if not _has(deployment.approvals, ApprovalStatus.REJECTED):
        return None
    if _open(deployment.approvals):
        return ApprovalsClosed(stage.id, ApprovalStatus.CANCELED)
    return DeploymentEnded(stage.id, Outcome.REJECTED)


def close_when_enough_agreed(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """Once enough have agreed, the others need not answer (9.3)."""
    del release, now
    if not _open(deployment.approvals):
        return None
    for side in Side:
        asked = deployment.side(side)
        if _open(asked) and is_agreed(policy(stage, side), asked):
            return ApprovalsClosed(stage.id, ApprovalStatus.SKIPPED)
    return None


def ask_next_approvers(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """Equal ranks are asked together, the next rank when the one before has agreed (9.2)."""
    side = side_in_turn(stage, deployment)
    if side is None or not has_approvals_turn(stage, deployment, side):
        return None
    if _open(deployment.side(side)):
        return None
    approvals = _next_rank(release, stage, deployment, side, now)
    return ApprovalsAsked(stage.id, side, approvals)


def _next_rank(
    release: Release, stage: Stage, deployment: Deployment, side: Side, now: datetime
) -> tuple[Approval, ...]:
    rules = policy(stage, side)
    if not rules.approvers:
        return (_automated(side, now),)
    asked = {approval.position for approval in deployment.side(side)}
    left = [(n, who) for n, who in enumerate(rules.approvers) if n not in asked]
    rank = min(who.rank for _, who in left)
    return tuple(
        _question(release, deployment, side, rules, position, who, now)
        for position, who in left
        if who.rank == rank
    )


def _automated(side: Side, now: datetime) -> Approval:
    """Nobody to ask still leaves one record, approved by itself (9.1)."""
    return Approval(
        side=side,
        position=0,
        rank=1,
        approver=None,
        status=ApprovalStatus.APPROVED,
        created_at=now,
        modified_at=now,
        is_automated=True,
    )


def _question(
    release: Release,
    deployment: Deployment,
    side: Side,
    rules: ApprovalPolicy,
    position: int,
    approver: Approver,
    now: datetime,
) -> Approval:
    skips = side is Side.PRE and rules.skip_if_approved_before
    agreed_before = skips and _approved_previous_stage(release, deployment, approver.identity)
    return Approval(
        side=side,
        position=position,
        rank=approver.rank,
        approver=approver.identity,
        status=ApprovalStatus.APPROVED if agreed_before else ApprovalStatus.PENDING,
        created_at=now,
        modified_at=now,
        due_at=None if agreed_before else now + rules.timeout,
        approved_by=PersonId(approver.identity) if agreed_before else None,
        comment="Approved the previous stage of this release." if agreed_before else "",
    )


def _approved_previous_stage(release: Release, deployment: Deployment, approver: str) -> bool:
    """The same person let the stage before pass, and nobody asked for this attempt (9.9)."""
    if deployment.reason is not DeploymentReason.AUTOMATED:
        return False
    previous = (release.stage_named(name) for name in deployment.after_stages)
    return any(
        approval.approved_by == approver and approval.approver == approver
        for stage in previous
        if stage and stage.newest
        for approval in stage.newest.side(Side.PRE)
        if approval.status is ApprovalStatus.APPROVED
    )


def _open(approvals: tuple[Approval, ...]) -> bool:
    return _has(approvals, ApprovalStatus.PENDING)


def _has(approvals: tuple[Approval, ...], status: ApprovalStatus) -> bool:
    return any([approval.status is status for approval in approvals])  # noqa: C419 - quicker
