"""Jobs that no worker holds: held back, waiting for the clock or a person (SEMANTICS 12.5, 21)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from quaymaster.domain import changes as c
from quaymaster.domain.release import Deployment, Intervention, Job, Phase
from quaymaster.domain.statuses import InterventionStatus, JobStatus

PauseChange = c.HeldJobsReleased | c.PauseStarted | c.JobSettled | c.InterventionAnswered

END_OF_QUESTION = {
    JobStatus.SUCCEEDED: InterventionStatus.APPROVED,
    JobStatus.WITH_ISSUES: InterventionStatus.REJECTED,
    JobStatus.FAILED: InterventionStatus.REJECTED,
    JobStatus.CANCELED: InterventionStatus.CANCELED,
}


def after(deployment: Deployment, change: PauseChange, now: datetime) -> Deployment:
    """The attempt after one of these changes."""
    match change:
        case c.HeldJobsReleased(rank=rank, positions=positions):
            phases = _jobs_at(
                deployment, rank, positions, lambda job: replace(job, status=JobStatus.WAITING)
            )
            return replace(deployment, phases=phases)
        case c.PauseStarted(rank=rank, position=position, due_at=due, intervention=asked):
            phases = _jobs_at(
                deployment,
                rank,
                (position,),
                lambda job: replace(job, status=JobStatus.RUNNING, started_at=now, due_at=due),
            )
            questions = (*deployment.interventions, asked) if asked else deployment.interventions
            return replace(deployment, phases=phases, interventions=questions)
        case c.JobSettled():
            return _settled(deployment, change, now)
        case c.InterventionAnswered(by=by, resumes=resumes, comment=comment):
            answer = InterventionStatus.APPROVED if resumes else InterventionStatus.REJECTED
            questions = tuple(
                replace(asked, status=answer, answered_by=by, comment=comment, modified_at=now)
                if asked.id == change.intervention
                else asked
                for asked in deployment.interventions
            )
            return replace(deployment, interventions=questions, modified_by=by)


def _settled(deployment: Deployment, change: c.JobSettled, now: datetime) -> Deployment:
    phases = _jobs_at(
        deployment,
        change.rank,
        (change.position,),
        lambda job: replace(job, status=change.status, error=change.error, ended_at=now),
    )
    questions = tuple(_closed(asked, change, now) for asked in deployment.interventions)
    return replace(deployment, phases=phases, interventions=questions)


def _closed(asked: Intervention, change: c.JobSettled, now: datetime) -> Intervention:
    """A question nobody has answered ends with its pause."""
    is_meant = (asked.phase_rank, asked.position) == (change.rank, change.position)
    if not is_meant or asked.status is not InterventionStatus.PENDING:
        return asked
    status = END_OF_QUESTION[change.status]
    return replace(asked, status=status, comment=change.error, modified_at=now)


def _jobs_at(
    deployment: Deployment, rank: int, positions: tuple[int, ...], change: Callable[[Job], Job]
) -> tuple[Phase, ...]:
    return tuple(
        replace(
            phase,
            jobs=tuple(change(job) if job.position in positions else job for job in phase.jobs),
        )
        if phase.rank == rank
        else phase
        for phase in deployment.phases
    )
