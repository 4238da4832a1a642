"""What a changed release asks of the background: wake-ups in the same transaction.

A wake-up carries only ids and is harmless to lose or repeat: the sweeper finds again whatever
waits in rows (decision 0006). What to wake is read off the release before and after, not
remembered.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from quaymaster.domain.announcements import announcements
from quaymaster.domain.commit_statuses import (
    STATES,
    CommitStatus,
    deployment_described,
    state_of_deployment,
    takes_statuses,
)
from quaymaster.domain.due import next_due
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import GateRun, Job, Release, Stage
from quaymaster.domain.statuses import JobStatus, ReleaseReason
from quaymaster.domain.triggers import rollbacks
from quaymaster.domain.workflow_turns import turns
from quaymaster.store.announcements import status_posts, status_sources
from quaymaster.store.candidates import workflow_runs
from quaymaster.store.jobs import jobs
from quaymaster.store.postgres import notify
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.triggers import firing

RELEASE = "release"  # look at a release: something may be due
ENVIRONMENT = "environment"  # look at an environment's queue: somebody may go in
ROLLBACK = "rollback"  # a failed attempt wants its environment's last success back
SCHEDULE = "schedule"  # a definition's schedule is due
GATES = "gates"  # ask the gates of an open sample
DELIVERIES = "deliveries"  # somebody wants to be told
STATUSES = "statuses"  # a repository is to be told how its commit stands
ARTIFACT_EVENT = "artifact event"  # a source told of a version: definitions may want a release
SOURCES = "sources"  # look at the sources that releases are triggered by
PUSH = "push"  # a repository told of a push: definitions may want a build or a release
CUT = "scheduled cut"  # a definition's time to cut a candidate has come
DEPLOYMENTS = "automatic deployments"  # a candidate is to be deployed once it is built
CHERRY_PICK = "cherry-pick"  # commits are to be put on a release
BUILD_SCHEDULE = "build schedule"  # a build definition's schedule is due
WORKFLOW = "workflow"  # a workflow outside is to be asked, or how it stands
JOB = "job"  # a job waits for a worker of a pool

AHEAD = timedelta(minutes=2)  # longer than the time between two sweeps
LOST_AFTER = timedelta(seconds=1)  # by then whoever moved a queue has asked it who is next


def job_kind(pool: int) -> str:
    """The kind under which the workers of a pool hear of waiting jobs."""
    return f"{JOB}:{pool}"


async def wake_deliveries(connection: Connection) -> None:
    """Wake whoever sends what was queued."""
    await enqueue(connection, [Wakeup(DELIVERIES, {"id": 0})])


async def follow_up(
    connection: Connection, before: Release, after: Release, now: datetime
) -> dict[int, QueuePolicy]:
    """Wake whoever has something to do now, and tell those who watch.

    The environments in whose queues somebody has joined or left, with what they allow now.
    """
    moved = _queues(before, after)
    pools = await _pools_of_new_jobs(connection, before, after)
    wakeups = [
        *_due(before, after, now),
        *(Wakeup(ENVIRONMENT, {"id": environment}, LOST_AFTER) for environment in moved),
        *_gates(before, after),
        *(Wakeup(job_kind(pool), {"id": job, "release": after.id}) for job, pool in pools.items()),
        *await _rollbacks(connection, before, after),
        *await _workflows(connection, before, after, now),
        *await _statuses(connection, before, after, now),
    ]
    await enqueue(connection, wakeups)
    called = sorted(set(pools.values()))
    await notify.changed(connection, after.id, canceled=_to_cancel(before, after), pools=called)
    return moved


def _due(before: Release, after: Release, now: datetime) -> Iterator[Wakeup]:
    """What is due later than soon is woken by a sweep in good time: the row says when."""
    due = next_due(after)
    if due and due - now <= AHEAD and due != next_due(before):
        yield Wakeup(RELEASE, {"id": after.id}, max(due - now, timedelta(0)))


def _queues(before: Release, after: Release) -> dict[int, QueuePolicy]:
    """An environment with a limit decides anew when somebody joins its queue or leaves."""
    return {
        new.plan.definition_stage_id: new.plan.queue
        for old, new in zip(before.stages, after.stages, strict=True)
        if new is not old and new.plan.queue.concurrency and _standing(new) != _standing(old)
    }


def _gates(before: Release, after: Release) -> Iterator[Wakeup]:
    """Gates whose sample has just begun: somebody has to ask them."""
    known = {_sample(run) for stage in before.stages for run in _gate_runs(stage)}
    for stage in after.stages:
        for run in _gate_runs(stage):
            if run.open_sample and _sample(run) not in known:
                yield Wakeup(GATES, {"id": run.id, "release": after.id})


def _gate_runs(stage: Stage) -> tuple[GateRun, ...]:
    return stage.newest.gates if stage.newest else ()


def _sample(run: GateRun) -> tuple[int, int]:
    return run.id, run.open_sample.number if run.open_sample else 0


def _standing(stage: Stage) -> tuple[int, bool, bool, int] | None:
    deployment = stage.newest
    if deployment is None:
        return None
    is_in = deployment.entered_queue_at is not None
    return deployment.attempt, is_in, deployment.is_ended, deployment.priority


async def _pools_of_new_jobs(
    connection: Connection, before: Release, after: Release
) -> dict[int, int]:
    """The pool (0: none) of each job that began to wait for a worker."""
    waited = {job.id for job in _all_jobs(before) if job.status is JobStatus.WAITING}
    new = [
        job.id
        for job in _all_jobs(after)
        if job.id not in waited and job.status is JobStatus.WAITING
    ]
    return await jobs.pools_of(connection, new) if new else {}


async def _rollbacks(connection: Connection, before: Release, after: Release) -> list[Wakeup]:
    """Failed attempts to be answered: remembered in their rows, so that no wake-up is needed."""
    stages = set(rollbacks(before, after))
    failed = [s.newest.id for s in after.stages if s.id in stages and s.newest]
    if failed:
        await firing.want_rollback(connection, [int(number) for number in failed])
    return [Wakeup(ROLLBACK, {"id": number}) for number in failed]


async def _workflows(
    connection: Connection, before: Release, after: Release, now: datetime
) -> list[Wakeup]:
    """Workflows outside that are to begin or to stop; what waits for them stands in rows."""
    found = turns(before, after)
    if not found:
        return []
    queued = await workflow_runs.queue(connection, after.id, found.begun, now)
    stopping = await workflow_runs.want_canceled(connection, found.stopped, now)
    await workflow_runs.close(connection, found.closed)
    return [Wakeup(WORKFLOW, {"id": number}) for number in (*queued, *stopping)]


async def _statuses(
    connection: Connection, before: Release, after: Release, now: datetime
) -> list[Wakeup]:
    """What the repository of a pull request is told of its release (SEMANTICS 8.9)."""
    if after.reason is not ReleaseReason.PULL_REQUEST:
        return []
    told = [one for one in announcements(before, after) if one.happening in STATES]
    source = await status_sources.of_release(connection, after.id) if told else None
    if source is None or not takes_statuses(source.repository, source.commit):
        return []
    policies = [one.status_policy for one in after.plan.triggers if one.status_policy]
    for one in told:
        stage = next(stage.name for stage in after.stages if stage.id == one.stage)
        status = CommitStatus(
            type=source.repository.type,
            repository=source.repository.name or source.repository.id,
            url=source.repository.url,
            connection=source.repository.connection.strip(),
            commit=source.commit,
            context=f"{policies[0] if policies else source.definition}/{stage}",
            state=state_of_deployment(one),
            description=deployment_described(source.release, stage, one),
            target_url=f"/{source.organization}/{source.project_id}/_release?releaseId={after.id}",
        )
        about = (None, int(after.id))
        await status_posts.queue(connection, source.project_id, about, status, now)
    return [Wakeup(STATUSES, {"id": 0})]


def _all_jobs(release: Release) -> Iterator[Job]:
    for stage in release.stages:
        yield from stage.newest.jobs if stage.newest else ()


def _to_cancel(before: Release, after: Release) -> list[int]:
    """Running jobs whose deployment was just asked to stop."""
    return [
        job.id
        for old, new in zip(before.stages, after.stages, strict=True)
        if new is not old and new.active and new.active.cancel_requested_at
        if not (old.active and old.active.cancel_requested_at)
        for job in new.active.jobs
        if job.status is JobStatus.RUNNING
    ]
