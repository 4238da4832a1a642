"""How an attempt ends when it was not stopped (SEMANTICS 12.4, 7.2)."""

from datetime import datetime

from quaymaster.domain.changes import Change, DeploymentEnded
from quaymaster.domain.release import Deployment, Outcome, Release, Side, Stage
from quaymaster.domain.status import is_side_clear, is_work_over, phase_status, phases_result
from quaymaster.domain.statuses import PhaseStatus

FAILED = {
    PhaseStatus.FAILED: Outcome.PHASE_FAILED,
    PhaseStatus.CANCELED: Outcome.CANCELED,
}


def end_when_work_failed(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """Nobody is asked after a failure (SEMANTICS 9, vector apr-027)."""
    del release, now
    if not deployment.phases or not is_work_over(stage, deployment):
        return None
    outcome = FAILED.get(phases_result(deployment))
    if outcome is None:
        return None
    return DeploymentEnded(stage.id, outcome, _problems(deployment))


def end_when_agreed(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release, now
    if not deployment.has_slot or not is_work_over(stage, deployment):
        return None
    if not is_side_clear(stage, deployment, Side.POST):
        return None
    partly = phases_result(deployment) is PhaseStatus.PARTIALLY_SUCCEEDED
    return DeploymentEnded(stage.id, Outcome.PARTIALLY_SUCCEEDED if partly else Outcome.SUCCEEDED)


def _problems(deployment: Deployment) -> str:
    """What went wrong, for the history: the phases' own problems and the jobs' errors."""
    problems = [phase.problem for phase in deployment.phases if phase.problem]
    problems += [
        job.error
        for phase in deployment.phases
        if phase_status(phase) in FAILED
        for job in phase.jobs
        if job.error
    ]
    return " ".join(problems)
