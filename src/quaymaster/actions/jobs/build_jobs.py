"""Jobs of builds as their workers ask for them: the same questions as for those of releases."""

from quaymaster.actions.builds import awaiting, builds, happening
from quaymaster.actions.call import Call
from quaymaster.actions.jobs import build_telling
from quaymaster.actions.jobs.jobs import End, Finished, Taken
from quaymaster.actions.jobs.takers import NOBODY_AFTER, Taker
from quaymaster.actions.people import job_tokens
from quaymaster.domain.build import Build, BuildId, BuildJob
from quaymaster.domain.demands import unmet, written
from quaymaster.domain.errors import Conflict, DomainError, Invalid, NotFound
from quaymaster.domain.events import JobClaimed, JobFinished
from quaymaster.domain.expressions import ExpressionError
from quaymaster.domain.release import JobId, JobKind, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.builds import builds as rows
from quaymaster.store.builds import outputs, views
from quaymaster.store.jobs import reports
from quaymaster.store.jobs.jobs import HeldJob
from quaymaster.store.jobs.reports import Report
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import workers
from quaymaster.store.storage.vault import VaultError

NO_RELEASE = ReleaseId(0)
IS_GONE = "The build is not there any more."
NOT_OURS = "The job is not run by this worker any more."


class _Unfit(Exception):
    """The worker does not offer what the job demands; `is_late` when it has waited for long."""

    def __init__(self, *, is_late: bool) -> None:
        super().__init__()
        self.is_late = is_late


class _NotHeld(Exception):
    """The token is stale: the transaction is to be rolled back."""


async def claim(call: Call, build_id: BuildId, job_id: JobId, taker: Taker) -> Taken | None:
    """Take a waiting job; None when somebody else was first or it waits no longer."""
    event = JobClaimed(job_id, taker.worker, taker.token)

    def check(build: Build) -> None:
        job = found(build, job_id)
        demands = build.plan.job(job.key).work.demands
        if job.kind is not JobKind.AGENT or taker.capabilities is None:
            return
        if unmet(demands, taker.capabilities):
            raise _Unfit(is_late=call.now - job.created_at >= NOBODY_AFTER)

    try:
        async with call.database.transaction() as connection:
            build = await happening.happen_within(connection, call, build_id, event, check)
            return await _told(connection, call, build, job_id, taker)
    except (Conflict, NotFound):
        return None
    except _Unfit as unfit:
        if unfit.is_late:
            await _fail_if_nobody_fits(call, build_id, job_id, taker)
        return None


async def _told(
    connection: Connection, call: Call, build: Build, job_id: JobId, taker: Taker
) -> Taken | None:
    job = found(build, job_id)
    try:
        message = await build_telling.told(connection, call, build, job, taker.place)
    except (VaultError, Invalid, ExpressionError) as error:
        failed = JobFinished(job_id, taker.token, JobStatus.FAILED, str(error))
        await happening.happen_within(connection, call, build.id, failed)
        return None
    held = HeldJob(NO_RELEASE, job_id, taker.token, taker.worker, build.id)
    return Taken(held, message, job.kind is JobKind.AGENT)


async def _fail_if_nobody_fits(call: Call, build_id: BuildId, job_id: JobId, taker: Taker) -> None:
    """Fail a job that no worker of the pool, at work or away, could ever take (12.7)."""
    async with call.database.transaction() as connection:
        build = await rows.locked(connection, build_id)
        offers = await workers.offers_beside(connection, taker.worker)
    if build is None:
        return
    demands = build.plan.job(found(build, job_id).key).work.demands
    lacking = [unmet(demands, offer) for offer in (*offers, taker.capabilities or {})]
    if all(lacking):
        nearest = ", ".join(written(demand) for demand in min(lacking, key=len))
        reason = f"No worker of the pool offers what the job demands: {nearest}."
        await fail_to_start(call, build_id, job_id, taker, reason)


async def fail_to_start(
    call: Call, build_id: BuildId, job_id: JobId, taker: Taker, reason: str
) -> None:
    """Fail a waiting job that cannot be started, so that its build does not wait for ever."""
    claimed = JobClaimed(job_id, taker.worker, taker.token)
    failed = JobFinished(job_id, taker.token, JobStatus.FAILED, reason)
    try:
        async with call.database.transaction() as connection:
            await happening.happen_within(connection, call, build_id, claimed)
            await happening.happen_within(connection, call, build_id, failed)
    except (Conflict, NotFound):
        return  # somebody else took it, or it waits no longer


async def finish(call: Call, held: HeldJob, end: End) -> Finished:
    """End a job with its last report, and let follow what follows, all or nothing."""
    event = JobFinished(held.id, held.token, end.status, end.error)
    try:
        async with call.database.transaction() as connection:
            if end.outputs or end.secret_outputs:
                await _hand_on(connection, call, held, end)
            await happening.happen_within(
                connection, call, held.build_id, event, lambda build: _check_held(build, held)
            )
            await reports.write_last(connection, held.id, held.token, end.report)
            await job_tokens.withdraw_of_build(connection, held.id, held.token)
            return Finished(is_done=True)
    except (_NotHeld, NotFound):
        return Finished(is_done=False)


async def _hand_on(connection: Connection, call: Call, held: HeldJob, end: End) -> None:
    """Keep the outputs of a job before its end lets those begin that wait for them."""
    build = await rows.locked(connection, held.build_id)
    if build is None:
        raise NotFound("build", held.build_id)
    _check_held(build, held)
    await outputs.keep(connection, call.vault, held.id, end.outputs, end.secret_outputs)


async def await_report(call: Call, held: HeldJob, told: Report) -> bool:
    """Let go of a job whose service was asked and reports later; False when it is not held.

    A report that has come meanwhile ends the job at once.
    """
    try:
        async with call.database.transaction() as connection:
            await rows.locked(connection, held.build_id)
            await reports.write_last(connection, held.id, held.token, told)
            return await awaiting.let_go(
                connection, call, held, lambda build: _check_held(build, held)
            )
    except (_NotHeld, NotFound):
        return False


async def change(call: Call, held: HeldJob, number: str, tag: str) -> str:
    """Rename or tag the build as a task of it asks; why not, if that cannot be."""
    try:
        async with call.database.transaction() as connection:
            build = await rows.locked(connection, held.build_id)
            if build is None:
                return IS_GONE
            _check_held(build, held)
            if number:
                await builds.rename_within(connection, call, held.build_id, number)
            if tag:
                view = await views.get(connection, None, held.build_id)
                if view is not None:
                    await builds.tag_within(connection, call, view, [tag], [])
            return ""
    except _NotHeld:
        return NOT_OURS
    except DomainError as problem:
        return problem.message


def _check_held(build: Build, held: HeldJob) -> None:
    try:
        job = found(build, held.id)
    except NotFound as gone:
        raise _NotHeld from gone
    if job.token != held.token or job.status is not JobStatus.RUNNING:
        raise _NotHeld


def found(build: Build, job_id: JobId) -> BuildJob:
    """A job of a build. Raises NotFound."""
    for job in build.jobs:
        if job.id == job_id:
            return job
    raise NotFound("job", job_id)
