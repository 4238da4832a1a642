"""Jobs as their workers ask for them: take one, report on it, end it, give up lost ones.

A worker shows the token it took the job with. Once somebody else decided about the job, that
token is stale: the report changes nothing, and the answer tells the worker to kill the job.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from quaymaster.actions.builds import awaiting, happening
from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import deciding, happen, happen_within
from quaymaster.actions.definitions import artifact_access, own_builds
from quaymaster.actions.jobs import job_telling
from quaymaster.actions.jobs.takers import Taker, Unfit, check_fit, new_token, why_nobody_fits
from quaymaster.actions.people import job_tokens
from quaymaster.domain.build import BuildId
from quaymaster.domain.changes import (
    DetailsChanged,
    JobAnswered,
    JobAwaits,
    JobClaimed,
    JobFinished,
    JobLost,
)
from quaymaster.domain.errors import Conflict, DomainError, Invalid, NotFound
from quaymaster.domain.finding import found_job
from quaymaster.domain.release import Job, JobId, JobKind, Release, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.protocol.job import RunJob
from quaymaster.store.builds import outputs as build_outputs
from quaymaster.store.deployments import job_facts
from quaymaster.store.jobs import call_backs, jobs, reports
from quaymaster.store.jobs.jobs import NO_BUILD, AbandonedJob, HeldJob
from quaymaster.store.jobs.reports import Report
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import releases
from quaymaster.store.storage.vault import VaultError

__all__ = [
    "End",
    "Finished",
    "Taken",
    "Taker",
    "await_report",
    "claim",
    "fail_lost_jobs",
    "fail_to_start",
    "finish",
    "give_up",
    "new_token",
    "rename_release",
    "report",
]


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that now belongs to the worker that asked, with all it needs to run it."""

    held: HeldJob
    message: RunJob
    needs_agent: bool = True


class _NotHeld(Exception):
    """The token is stale: the transaction is to be rolled back."""


async def claim(call: Call, release_id: ReleaseId, job_id: JobId, taker: Taker) -> Taken | None:
    """Take a waiting job; None when somebody else was first or it waits no longer.

    Asking again with the same token gives the same job again. A job whose secrets cannot be
    opened fails at once, saying so; that is None as well.
    """
    event = JobClaimed(job_id, taker.worker, taker.token)
    try:
        async with call.database.transaction() as connection:
            release = await happen_within(
                connection, call, release_id, event, check_fit(call, job_id, taker)
            )
            return await _told(connection, call, release, job_id, taker)
    except (Conflict, NotFound):
        return None
    except Unfit as unfit:
        reason = await why_nobody_fits(call, release_id, job_id, taker) if unfit.is_late else ""
        if reason:
            await fail_to_start(call, release_id, job_id, taker, reason)
        return None


async def _told(
    connection: Connection, call: Call, release: Release, job_id: JobId, taker: Taker
) -> Taken | None:
    """What the taker must know of the job it has just claimed."""
    found = job_telling.found(release, job_id)
    installation = call.installation
    facts = await job_facts.of_deployment(
        connection, release.id, found.stage.id, found.deployment.id, installation.url
    )
    if facts is None:
        raise NotFound("job", job_id)
    circumstances = facts.circumstances
    try:
        references = (artifact.reference for artifact in circumstances.artifacts)
        endpoints = await artifact_access.opened(
            connection, call, UUID(circumstances.project_id), references
        )
        around = job_telling.Around(
            installation.outside,
            circumstances,
            job_facts.opened(call.vault, facts.secrets),
            taker.place,
        )
        if found.job.kind is JobKind.SERVER:
            handed_on = await build_outputs.of_phase(connection, call.vault, found.phase.id)
            around = replace(around, handed_on=job_telling.read_only(*handed_on))
        named = await job_telling.connections_of(connection, call.vault, found, around)
        around = replace(around, endpoints=named, source_endpoints=endpoints)
        message = await job_telling.told(connection, found, around, call.now)
        message = await own_builds.with_files(connection, call, circumstances.project_id, message)
    except (VaultError, Invalid) as error:
        failed = JobFinished(job_id, taker.token, JobStatus.FAILED, str(error))
        await happen_within(connection, call, release.id, failed)
        return None
    held = HeldJob(release.id, job_id, taker.token, taker.worker)
    return Taken(held, message, found_job(release, job_id).kind is not JobKind.SERVER)


async def fail_to_start(
    call: Call, release_id: ReleaseId, job_id: JobId, taker: Taker, reason: str
) -> None:
    """Fail a waiting job that cannot be started, so that its stage does not wait for ever."""
    claimed = JobClaimed(job_id, taker.worker, taker.token)
    failed = JobFinished(job_id, taker.token, JobStatus.FAILED, reason)
    try:
        async with deciding(call) as connection:
            await happen_within(connection, call, release_id, claimed)
            await happen_within(connection, call, release_id, failed)
    except (Conflict, NotFound):
        return  # somebody else took it, or it waits no longer


async def report(call: Call, held: HeldJob, told: Report) -> bool:
    """Write down how a running job goes; False when it is not this worker's any more."""
    async with call.database.transaction() as connection:
        return await reports.write(connection, held.id, held.token, told)


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended: the last report of it, and `error` for what no step of it says.

    `outputs` and `secret_outputs` are what a job of a build hands on to later ones.
    """

    status: JobStatus
    error: str = ""
    report: Report = field(default_factory=Report)
    outputs: Mapping[str, str] = field(default_factory=dict)
    secret_outputs: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """Whether the end was taken in, and the job that the same worker goes on with, if any."""

    is_done: bool
    following: Taken | None = None


async def finish(call: Call, held: HeldJob, end: End, taker: Taker | None = None) -> Finished:
    """End a job with its last report, and let follow what follows, all or nothing.

    A job that follows at once in the same release, for the same pool, goes to `taker`. Nothing
    is changed when the job is not this worker's any more.
    """
    event = JobFinished(held.id, held.token, end.status, end.error)
    claimed: list[JobId] = []

    def then(after: Release) -> JobClaimed | None:
        job = _following(after, held.id, taker) if taker else None
        if job is None or taker is None:
            return None
        claimed.append(job.id)
        return JobClaimed(job.id, taker.worker, taker.token)

    try:
        async with deciding(call) as connection:
            release = await happen_within(
                connection, call, held.release_id, event, _check_held(held), then
            )
            await reports.write_last(connection, held.id, held.token, end.report)
            await job_tokens.withdraw(connection, release, held.id, held.token)
            if taker is None or not claimed:
                return Finished(is_done=True)
            following = await _told(connection, call, release, claimed[0], taker)
            return Finished(True, following)
    except _NotHeld:
        return Finished(is_done=False)


async def await_report(call: Call, held: HeldJob, told: Report) -> bool:
    """Let go of a job whose service was asked and reports later; False when it is not held.

    A report that has come meanwhile ends the job at once.
    """
    try:
        async with call.database.transaction() as connection:
            await releases.locked(connection, held.release_id)
            await reports.write_last(connection, held.id, held.token, told)
            await _await_report(connection, call, held)
            return True
    except _NotHeld:
        return False


async def _await_report(connection: Connection, call: Call, held: HeldJob) -> None:
    about = await call_backs.settled(connection, held.id, call.now)
    if about is None:
        raise _NotHeld
    event = JobAwaits(held.id, held.token, about.expires_at)
    status = JobStatus(about.result) if about.answered_at else None
    error = about.message if status is JobStatus.FAILED else ""
    answer = JobAnswered(held.id, status, error) if status else None
    await happen_within(
        connection, call, held.release_id, event, _check_held(held), lambda _: answer
    )


def _following(after: Release, ended: JobId, taker: Taker) -> Job | None:
    """A job that waits for workers of the same queue as the one that has just ended."""
    queues = {
        job.id: (stage.phase_plan(phase), job)
        for stage in after.stages
        for phase in (stage.newest.phases if stage.newest else ())
        for job in phase.jobs
    }
    own = queues[ended][0]  # a deployment group may have the number of a queue
    waiting = (
        job
        for plan, job in queues.values()
        if (plan.kind, plan.queue_id) == (own.kind, own.queue_id)
        if job.status is JobStatus.WAITING
        if job.kind is JobKind.AGENT and not taker.lacks(plan, job)
    )
    return next(waiting, None)


async def rename_release(call: Call, held: HeldJob, name: str) -> str:
    """Give the release the name that a task of this job asks for; why not, if it cannot be."""
    event = DetailsChanged(None, name=name, comment="Renamed by a task.")
    try:
        async with call.database.transaction() as connection:
            await happen_within(connection, call, held.release_id, event, _check_held(held))
            return ""
    except _NotHeld:
        return "The job is not run by this worker any more."
    except DomainError as problem:
        return problem.message


def _check_held(held: HeldJob) -> Callable[[Release], None]:
    def check(release: Release) -> None:
        try:
            job = found_job(release, held.id)
        except NotFound as gone:
            raise _NotHeld from gone
        if job.token != held.token or job.status is not JobStatus.RUNNING:
            raise _NotHeld

    return check


async def fail_lost_jobs(call: Call) -> int:
    """Fail every job whose worker is not heard of any more; how many there were."""
    async with call.database.read() as connection:
        lost = await jobs.lost(connection)
    for job in lost:
        await give_up(call, job, what_happened(job))
    return len(lost)


async def give_up(call: Call, job: AbandonedJob | HeldJob, reason: str) -> None:
    """Fail a running job that nobody will report on; nothing happens if it has been decided."""
    event = JobLost(job.id, job.token, reason)
    try:
        if job.build_id:
            if not await awaiting.was_reported(call, job):
                await happening.happen(call, job.build_id, event)
        elif not await _was_reported(call, job):
            await happen(call, job.release_id, event)
    except (Conflict, NotFound):
        return  # somebody else has decided about it meanwhile


async def _was_reported(call: Call, job: AbandonedJob | HeldJob) -> bool:
    """End a job whose service had reported before its worker was lost by that report."""
    held = HeldJob(job.release_id, job.id, job.token, job.worker)
    try:
        async with call.database.transaction() as connection:
            await releases.locked(connection, job.release_id)
            about = await call_backs.of_job(connection, job.id)
            if about is None or about.answered_at is None:
                return False
            await _await_report(connection, call, held)
            return True
    except _NotHeld:
        return False


def again(build: BuildId) -> str:
    """How a job that was lost is run again, in a build or (NO_BUILD) in a release."""
    return "redeploy the stage" if build == NO_BUILD else "queue the build again"


def what_happened(lost: AbandonedJob) -> str:
    """Why the job of a worker that is not heard of ended, and what to do."""
    if lost.silent_since is None:
        return f"The worker {lost.worker} that ran this job is not known any more."
    since = lost.silent_since.strftime("%Y-%m-%d %H:%M:%S UTC")
    if lost.has_stopped:
        return f"The worker {lost.worker} stopped at {since} without finishing this job."
    return (
        f"The worker {lost.worker} that ran this job has not been heard of since {since}. "
        f"What the job did last is not known; look at its log, and {again(lost.build_id)} if it is "
        "safe to run again."
    )
