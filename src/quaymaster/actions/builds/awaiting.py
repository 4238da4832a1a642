"""Letting go of a job of a build whose service was asked and reports later (SEMANTICS 20.3)."""

from quaymaster.actions.builds import happening
from quaymaster.actions.builds.happening import Check
from quaymaster.actions.call import Call
from quaymaster.domain.events import JobAnswered, JobAwaits
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.builds import builds
from quaymaster.store.jobs import call_backs
from quaymaster.store.jobs.jobs import AbandonedJob, HeldJob
from quaymaster.store.postgres.database import Connection


async def let_go(
    connection: Connection, call: Call, job: HeldJob | AbandonedJob, check: Check | None = None
) -> bool:
    """Nobody holds the job from now on; a report that has come meanwhile ends it at once. False
    for a job on which no service reports. Raises what `check` raises."""
    about = await call_backs.settled(connection, job.id, call.now)
    if about is None:
        return False
    awaits = JobAwaits(job.id, job.token, about.expires_at)
    await happening.happen_within(connection, call, job.build_id, awaits, check)
    if about.answered_at:
        status = JobStatus(about.result)
        error = about.message if status is JobStatus.FAILED else ""
        answer = JobAnswered(job.id, status, error)
        await happening.happen_within(connection, call, job.build_id, answer)
    return True


async def was_reported(call: Call, job: HeldJob | AbandonedJob) -> bool:
    """End a job whose service had reported before its worker was lost by that report."""
    async with call.database.transaction() as connection:
        await builds.locked(connection, job.build_id)
        about = await call_backs.of_job(connection, job.id)
        if about is None or about.answered_at is None:
            return False
        return await let_go(connection, call, job)
