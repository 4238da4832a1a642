"""The token with which the tasks of a job, and scripts where asked for, may call this server."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from quaymaster.actions.people.people import TOKEN_BYTES, digest
from quaymaster.domain.build import BuildJob
from quaymaster.domain.plan import PhaseKind, PhasePlan
from quaymaster.domain.release import Job, JobId, Release
from quaymaster.plans.features import RUNNABLE_TASKS, can_run
from quaymaster.store.people import job_tokens
from quaymaster.store.postgres.database import Connection

UNLIMITED = timedelta(hours=48)  # how long the token of a job without a time limit is good for
GRACE = timedelta(hours=1)  # for the steps that run after the limit


async def issue(
    connection: Connection, project: str, phase: PhasePlan, job: Job | BuildJob, now: datetime
) -> str:
    """A token for this job, "" when neither its scripts nor its tasks may have one.

    It sees this project only, as the project's service identity, and ends with the job. Installed
    tasks find it in the connection to this server, scripts only where their phase says so (12.10).
    """
    if not has_token(phase):
        return ""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = now + (phase.timeout or UNLIMITED) + GRACE
    name = _name(job.id, job.token)
    await job_tokens.add(
        connection, UUID(project), name, digest(token), now=now, expires_at=expires_at
    )
    return token


async def withdraw(connection: Connection, release: Release, job: JobId, held_with: str) -> None:
    """End the token of a job that has ended; `held_with` is what its worker took it with."""
    if any(has_token(phase) for stage in release.stages for phase in stage.plan.phases):
        await job_tokens.withdraw(connection, _name(job, held_with))


async def withdraw_of_build(connection: Connection, job: JobId, held_with: str) -> None:
    """The same for a job of a build."""
    await job_tokens.withdraw(connection, _name(job, held_with))


def has_token(phase: PhasePlan) -> bool:
    """Whether jobs of this phase have a token: where it says so, or for installed tasks."""
    if phase.kind is PhaseKind.SERVER:
        return False
    return phase.access_token or any(
        task.enabled and not can_run(RUNNABLE_TASKS, task.task_id, task.version)
        for task in phase.tasks
    )


def _name(job: JobId, held_with: str) -> str:
    return f"job {job} {held_with}"
