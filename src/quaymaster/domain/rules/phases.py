"""The work of a deployment: its phases, one after another (SEMANTICS 12)."""

from datetime import datetime
from operator import attrgetter

from quaymaster.domain.attempt_variables import variables_of
from quaymaster.domain.changes import Change, PhaseFailed, PhaseSkipped
from quaymaster.domain.expressions import ExpressionError, evaluate_condition
from quaymaster.domain.plan import PhasePlan
from quaymaster.domain.release import Deployment, Release, Side, Stage
from quaymaster.domain.spreading import begun
from quaymaster.domain.standstills import blocked
from quaymaster.domain.status import (
    BADNESS,
    JOB_STATUS_SO_FAR,
    is_side_clear,
    phase_status,
    phases_result,
)
from quaymaster.domain.statuses import PhaseStatus

GOOD = (PhaseStatus.SUCCEEDED, PhaseStatus.PARTIALLY_SUCCEEDED)
RANK = attrgetter("rank")


def start_next_phase(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """The next phase starts, or is skipped by its condition, when the one before is over."""
    if len(deployment.phases) == len(stage.plan.phases):
        return None
    if not _may_work(release, stage, deployment):
        return None
    done = {phase.rank for phase in deployment.phases}
    plan = min([plan for plan in stage.plan.phases if plan.rank not in done], key=RANK)
    try:
        holds = _condition_holds(release, stage, deployment, plan)
    except ExpressionError as error:
        return PhaseFailed(stage.id, plan.rank, f"Condition of phase {plan.name}: {error}")
    if not holds:
        return PhaseSkipped(stage.id, plan.rank)
    return begun(release, stage, deployment, plan, now)


def _may_work(release: Release, stage: Stage, deployment: Deployment) -> bool:
    if not deployment.has_slot or deployment.cancel_requested_at or deployment.deferred_until:
        return False
    if blocked(release, stage, deployment):
        return False
    if deployment.phases:  # they began when the side before them was clear
        return phase_status(deployment.phases[-1]) in BADNESS
    return is_side_clear(stage, deployment, Side.PRE)


def _condition_holds(
    release: Release, stage: Stage, deployment: Deployment, plan: PhasePlan
) -> bool:
    if not plan.condition and (not deployment.phases or phases_result(deployment) in GOOD):
        return True
    variables = variables_of(release, stage, deployment)
    job_status = JOB_STATUS_SO_FAR[phases_result(deployment)]
    return evaluate_condition(plan.condition, variables, job_status).value
