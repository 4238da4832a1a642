"""Why a stage is not deploying: every reason, in order, and who or what will clear it.

Reads the same records by the same questions as the rules do, so that what it says and what
happens cannot drift apart. It never changes anything.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from quaymaster.domain import explain_start, explain_work
from quaymaster.domain.approving import is_excluded_requester
from quaymaster.domain.gate_run import (
    enabled_gates,
    first_sample_at,
    next_sample_at,
    times_out_at,
)
from quaymaster.domain.plan import ApprovalOrder
from quaymaster.domain.queueing import in_order
from quaymaster.domain.reasons import Reason, ReasonKind, Surroundings
from quaymaster.domain.release import Deployment, GateRun, Release, Side, Stage
from quaymaster.domain.standstills import blocked
from quaymaster.domain.status import (
    are_gates_clear,
    gate_policy,
    is_side_agreed,
    is_side_clear,
    policy,
    side_in_turn,
)
from quaymaster.domain.statuses import ApprovalStatus, ReleaseStatus

ADMINISTRATORS = "release administrators"


def explain(
    release: Release, stage: Stage, around: Surroundings, now: datetime
) -> tuple[Reason, ...]:
    """Every reason why the stage is not deploying now, those that hold it up first.

    Empty only for a stage whose newest attempt has succeeded and that nothing keeps from being
    deployed again.
    """
    around = replace(around, targets=release.targets)
    found = [
        *explain_start.of_release(release, stage),
        *explain_start.of_outside(release, stage, around),
    ]
    if stage.active:
        found += _under_way(release, stage, stage.active, around, now)
    elif release.status is not ReleaseStatus.ABANDONED:
        found += explain_start.of_contents(around)
        found += explain_start.of_stage(release, stage, around)
    return (*(r for r in found if not r.is_ahead), *(r for r in found if r.is_ahead))


def _under_way(
    release: Release,
    stage: Stage,
    deployment: Deployment,
    around: Surroundings,
    now: datetime,
) -> Iterator[Reason]:
    if deployment.cancel_requested_at:
        yield explain_work.of_stopping(stage, deployment, around)
        return
    if deployment.report:
        yield explain_work.of_outside(stage, deployment, around)
        return
    if deployment.entered_queue_at is None:
        if not _is_held_by_freeze_alone(release, stage, deployment, now):
            yield _scheduled(deployment)
    elif not deployment.has_slot:
        yield _queued(stage, deployment, around)
    turn = side_in_turn(stage, deployment)
    if not is_side_clear(stage, deployment, Side.PRE):
        yield from _of_side(release, stage, deployment, Side.PRE, around, now)
    if deployment.deferred_until:
        yield _deferred(deployment, is_ahead=turn is not None or not deployment.has_slot)
    yield from explain_work.of_work(stage, deployment, around)
    yield from _of_side(release, stage, deployment, Side.POST, around, now)


def _is_held_by_freeze_alone(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> bool:
    """Whether its time has come, or it has none: what keeps it out of the queue is told apart."""
    is_due = deployment.scheduled_for is None or deployment.scheduled_for <= now
    return is_due and bool(blocked(release, stage, deployment))


def _scheduled(deployment: Deployment) -> Reason:
    at = deployment.scheduled_for
    return Reason(
        ReasonKind.SCHEDULE,
        f"It waits for its time, {at:%Y-%m-%d %H:%M} UTC." if at else "It waits for its time.",
        cleared_by=("whoever may deploy this stage, by starting it now",),
        clears_at=at,
    )


def _queued(stage: Stage, deployment: Deployment, around: Surroundings) -> Reason:
    """The place in the queue, and who holds what it waits for (SEMANTICS 11)."""
    waiting = in_order(list(around.standings))
    own = [n for n, other in enumerate(waiting, 1) if other.stage == stage.id]
    holders = [f"{s.release_name} (attempt {s.attempt})" for s in around.standings if s.has_slot]
    place = f"place {own[0]} of {len(waiting)} in the queue" if own else "the queue"
    held = f", held by {', '.join(holders)}" if holders else ""
    limit = stage.plan.queue.concurrency
    return Reason(
        ReasonKind.QUEUE,
        f"It waits in {place} of {stage.name}, which takes {limit} at once{held}.",
        cleared_by=(
            *holders,
            "whoever may deploy this stage, by a priority or by canceling others",
        ),
        details={
            "priority": deployment.priority.name.lower(),
            "place": str(own[0]) if own else "",
            "waiting": str(len(waiting)),
            "heldBy": ", ".join(holders),
            "attempt": str(deployment.attempt),
        },
    )


def _deferred(deployment: Deployment, *, is_ahead: bool) -> Reason:
    until = deployment.deferred_until
    return Reason(
        ReasonKind.DEFERRED,
        f"The deployment was put off until {until:%Y-%m-%d %H:%M} UTC.",
        clears_at=until,
        is_ahead=is_ahead,
    )


# ---- people and gates of one side -----------------------------------------------------------


def _of_side(
    release: Release,
    stage: Stage,
    deployment: Deployment,
    side: Side,
    around: Surroundings,
    now: datetime,
) -> Iterator[Reason]:
    """The questions in the order in which they are asked (SEMANTICS 9.11)."""
    is_turn = side_in_turn(stage, deployment) is side
    approvals = list(_of_approvals(release, stage, deployment, side, around))
    gates = list(_of_gates(stage, deployment, side, now, is_turn=is_turn))
    first = policy(stage, side).order is ApprovalOrder.BEFORE_GATES
    yield from (*approvals, *gates) if first else (*gates, *approvals)


def _of_approvals(
    release: Release, stage: Stage, deployment: Deployment, side: Side, around: Surroundings
) -> Iterator[Reason]:
    if is_side_agreed(stage, deployment, side):
        return
    is_turn = side_in_turn(stage, deployment) is side
    asked = {approval.position: approval for approval in deployment.side(side)}
    for position, approver in enumerate(policy(stage, side).approvers):
        approval = asked.get(position)
        if approval and approval.status is not ApprovalStatus.PENDING:
            continue
        who = (approval.approver if approval else None) or approver.identity
        text, cleared_by = _who_answers(release, stage, deployment, side, who, around)
        yield Reason(
            ReasonKind.APPROVAL,
            text,
            cleared_by=cleared_by,
            clears_at=approval.due_at if approval else None,
            is_ahead=not is_turn or approval is None,
            details={
                "approval": str(approval.id) if approval else "",
                "side": side,
                "onTimeout": "rejected",
            },
        )


def _who_answers(
    release: Release,
    stage: Stage,
    deployment: Deployment,
    side: Side,
    who: str,
    around: Surroundings,
) -> tuple[str, tuple[str, ...]]:
    """What an open question says, and who can answer it (SEMANTICS 9.5-9.7)."""
    called = around.names.get(who, who)
    when = f"{'before' if side is Side.PRE else 'after'} the deployment to {stage.name}"
    if who in around.nobody:
        return f"{who}, whom nobody knows here, has to approve {when}.", (ADMINISTRATORS,)
    if is_excluded_requester(release, stage, deployment, side, who):
        why = "but may not, having created the release or requested this deployment"
        return f"{called} has to approve {when}, {why}.", (ADMINISTRATORS,)
    return f"{called} has to approve {when}.", (who, ADMINISTRATORS)


def _of_gates(
    stage: Stage, deployment: Deployment, side: Side, now: datetime, *, is_turn: bool
) -> Iterator[Reason]:
    """Each gate with what it said last."""
    if are_gates_clear(stage, deployment, side):
        return
    rules = gate_policy(stage, side)
    run = deployment.gate_run(side)
    begun = run is not None and is_turn
    for name in enabled_gates(rules):
        if run and name in run.ignored_names:
            continue
        yield Reason(
            ReasonKind.GATE,
            f"Gate {name} of {stage.name} {_last_word(stage, run, name, now)}.",
            cleared_by=("whoever may deploy this stage, by ignoring the gate",),
            clears_at=next_sample_at(rules, run) if run and begun else None,
            is_ahead=not begun,
            details={
                "gate": name,
                "side": side,
                "failsAt": times_out_at(rules, run).isoformat() if run else "",
            },
        )


def _last_word(stage: Stage, run: GateRun | None, name: str, now: datetime) -> str:
    if run is None:
        return "has not been asked"
    first = first_sample_at(gate_policy(stage, run.side), run)
    if now < first and not run.samples:
        return f"is asked for the first time at {first:%Y-%m-%d %H:%M} UTC"
    answered = [sample for sample in run.samples if sample.ended_at]
    if not answered:
        return "is being asked"
    said = next((result for result in answered[-1].results if result.name == name), None)
    if said is None:
        return "did not answer in time"
    if said.succeeded:
        return "agreed when last asked, and has to go on agreeing together with the others"
    return f"did not agree when last asked: {said.message.rstrip('.') or 'it gave no reason'}"
