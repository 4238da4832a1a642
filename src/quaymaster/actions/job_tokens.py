"""The token with which the tasks of a job may call this server, where its phase asks for one."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from quaymaster.actions.people import TOKEN_BYTES, digest
from quaymaster.domain.build import BuildJob
from quaymaster.domain.plan import PhasePlan
from quaymaster.domain.release import Job, JobId, Release
from quaymaster.store import job_tokens
from quaymaster.store.database import Connection

UNLIMITED = timedelta(hours=48)  # how long the token of a job without a time limit is good for
GRACE = timedelta(hours=1)  # for the steps that run after the limit


async def issue(
    connection: Connection, project: str, phase: PhasePlan, job: Job | BuildJob, now: datetime
) -> str:
    """A token for this job, "" when its phase does not let scripts have one.

    It sees this project only, as the project's service identity, and ends with the job.
    """
    if not phase.access_token:
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
    if any(phase.access_token for stage in release.stages for phase in stage.plan.phases):
        await job_tokens.withdraw(connection, _name(job, held_with))


async def withdraw_of_build(connection: Connection, job: JobId, held_with: str) -> None:
    """The same for a job of a build."""
    await job_tokens.withdraw(connection, _name(job, held_with))


def _name(job: JobId, held_with: str) -> str:
    return f"job {job} {held_with}"
