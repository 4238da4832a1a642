"""Asking the outside world, again and again, before or after the work (SEMANTICS 10)."""

from datetime import datetime

from quaymaster.domain.changes import (
    Change,
    DeploymentEnded,
    GateSampleGivenUp,
    GateSampleStarted,
    GatesEnded,
    GatesStarted,
)
from quaymaster.domain.gate_run import (
    enabled_gates,
    has_succeeded,
    next_sample_at,
    sample_given_up_at,
    times_out_at,
)
from quaymaster.domain.plan import GatePolicy
from quaymaster.domain.release import Deployment, GateRun, Outcome, Release, Side, Stage
from quaymaster.domain.standstills import blocked
from quaymaster.domain.status import (
    gate_policy,
    has_gates_turn,
    is_failure_overridable,
    side_in_turn,
)
from quaymaster.domain.statuses import GateStatus


def begin_gates(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """The gates of a side begin when it is their turn (9.11)."""
    del now
    if not stage.plan.pre_gates.enabled and not stage.plan.post_gates.enabled:
        return None
    side = side_in_turn(stage, deployment)
    if side is None or not has_gates_turn(stage, deployment, side):
        return None
    if side is Side.PRE and blocked(release, stage, deployment):
        return None  # what they say would be old by the time the work may start
    return None if deployment.gate_run(side) else GatesStarted(stage.id, side)


def end_gates(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """They pass when all agree for long enough, and fail when the time is over."""
    del release
    run = open_run(deployment)
    if run is None:
        return None
    rules = gate_policy(stage, run.side)
    if has_succeeded(rules, run):
        return GatesEnded(stage.id, run.side, GateStatus.SUCCEEDED)
    if times_out_at(rules, run) <= now:
        return GatesEnded(stage.id, run.side, GateStatus.FAILED)
    return None


def give_up_on_sample(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """Answers that are not there when the next sample is due count as failures."""
    del release
    run = open_run(deployment)
    sample = run.open_sample if run else None
    if run is None or sample is None or sample_given_up_at(gate_policy(stage, run.side), run) > now:
        return None
    return GateSampleGivenUp(stage.id, run.side, sample.number)


def take_next_sample(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release
    run = open_run(deployment)
    if run is None or run.open_sample or next_sample_at(gate_policy(stage, run.side), run) > now:
        return None
    number = run.samples[-1].number + 1 if run.samples else 1
    return GateSampleStarted(stage.id, run.side, number)


def end_when_gates_failed(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """Failed gates end the attempt, unless people are asked whatever the gates said."""
    del release, now
    for run in deployment.gates:
        if run.ended_as is GateStatus.FAILED and not is_failure_overridable(stage, run.side):
            return DeploymentEnded(stage.id, Outcome.GATE_FAILED, _last_words(stage, run))
    return None


def open_run(deployment: Deployment) -> GateRun | None:
    """The gates that are being asked, if there are any; there is at most one such side."""
    if not deployment.gates or deployment.cancel_requested_at:
        return None
    newest = deployment.gates[-1]
    return None if newest.ended_as else newest


def due_at(rules: GatePolicy, run: GateRun) -> datetime:
    """When to look at gates that are being asked although nobody answers."""
    if run.open_sample:
        return sample_given_up_at(rules, run)
    return min(next_sample_at(rules, run), times_out_at(rules, run))


def _last_words(stage: Stage, run: GateRun) -> str:
    """Which gates had not agreed at the end, for the history."""
    newest = run.samples[-1] if run.samples else None
    agreed = {result.name for result in newest.results if result.succeeded} if newest else set()
    asked = enabled_gates(gate_policy(stage, run.side))
    names = [name for name in asked if name not in agreed | run.ignored_names]
    if not names:
        return "The gates did not succeed for long enough in time."
    return f"Gates that did not succeed in time: {', '.join(names)}."
