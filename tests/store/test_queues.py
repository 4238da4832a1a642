"""The queue of an environment, and the jobs that wait for workers."""

from datetime import timedelta

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import Release
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.deployments import places, queueing
from quaymaster.store.jobs import jobs, task_runs
from quaymaster.store.postgres import due
from quaymaster.store.postgres.database import Connection, Database
from quaymaster.store.releases import releases
from quaymaster.store.resources import pools, workers
from quaymaster.store.resources.workers import NewWorker
from tests import make
from tests.store import build

ONE_AT_A_TIME = QueuePolicy(concurrency=1)
LIMITED = make.plan("Dev", Dev={"queue": ONE_AT_A_TIME})
ACTIVATED = c.Activated(make.CREATOR)
LEASE = timedelta(seconds=30)


async def happened(
    connection: Connection, release: Release, *events: c.Event, now: object = make.NOW
) -> Release:
    for event in events:
        after, _ = decide(release, event, now)
        release = await releases.save(connection, release, after)
    return release


@pytest.fixture
async def definition_id(database: Database) -> int:
    """A definition whose environment has the id that the plans here use."""
    async with database.transaction() as connection:
        definition_id = await build.definition(connection)
        await connection.execute(
            "INSERT INTO environments (id, definition_id, project_id, name, rank)"
            " VALUES (1, $1, $2, 'Dev', 1)",
            definition_id,
            await build.project_id(connection),
        )
    return definition_id


async def test_those_who_wait_stand_in_the_order_of_their_coming(database, definition_id):
    async with database.transaction() as connection:
        made = [await build.release(connection, definition_id, LIMITED) for _ in range(3)]
        for minutes, release in enumerate((made[2], made[0], made[1])):
            now = make.NOW + timedelta(minutes=minutes)
            await happened(connection, release, ACTIVATED, now=now)
        queue = await queueing.locked(connection, 1)
        assert [s.release_name for s in queue.standings] == ["Release-3", "Release-1", "Release-2"]
        assert [s.policy for s in queue.standings] == [ONE_AT_A_TIME] * 3
        assert await queueing.with_standings(connection) == [1]


async def test_who_has_a_slot_still_stands_until_the_end(database, definition_id):
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id, LIMITED)
        release = await happened(connection, release, ACTIVATED)
        stage = release.stages[0]
        release = await happened(connection, release, c.SlotGranted(stage.id, 1))
        assert [s.has_slot for s in (await queueing.locked(connection, 1)).standings] == [True]
        assert await queueing.with_standings(connection) == []
        job = release.stages[0].newest.jobs[0]
        finished = c.JobFinished(job.id, "t", JobStatus.SUCCEEDED)
        await happened(connection, release, c.JobClaimed(job.id, "w", "t"), finished)
        assert (await queueing.locked(connection, 1)).standings == []


async def test_an_environment_that_is_not_there(database):
    async with database.transaction() as connection:
        assert await queueing.locked(connection, 404) is None


async def test_a_waiting_approval_makes_its_release_due(database, definition_id):
    plan = make.plan("Dev", Dev={"pre_approvals": make.asks("ann", timeout=timedelta(hours=1))})
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id, plan)
        await happened(connection, release, ACTIVATED)
        assert await due.releases_due(connection, make.NOW) == []
        assert await due.releases_due(connection, make.NOW + timedelta(hours=2)) == [release.id]


# ---- jobs and workers -----------------------------------------------------------------------


@pytest.fixture
async def waiting(database: Database, definition_id: int) -> Release:
    """A release whose only job waits for a worker of the pool 1."""
    plan = make.plan("Dev", Dev={"phases": (make.phase(queue_id=1),)})
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id, plan)
        return await happened(connection, release, ACTIVATED)


async def test_a_job_waits_in_the_pool_of_its_queue(database, waiting):
    job = waiting.stages[0].newest.jobs[0]
    async with database.read() as connection:
        assert [found.id for found in await jobs.waiting(connection, 1, 10)] == [job.id]
        assert await jobs.waiting(connection, jobs.NO_POOL, 10) == []
        assert await jobs.pools_of(connection, [job.id]) == {job.id: 1}
        place = await places.of_job(connection, None, job.id)
    assert (place.release_id, place.stage_name) == (waiting.id, "Dev")


async def test_the_queue_of_another_project_leads_to_the_first_pool_and_to_no_other(
    database, definition_id
):
    async with database.transaction() as connection:
        organization = await connection.fetchval("SELECT id FROM organizations")
        guarded = await pools.add_pool(connection, organization, "Guarded")
        other = await connection.fetchval(
            "INSERT INTO projects (organization_id, name, name_key)"
            " VALUES ($1, 'Other', 'other') RETURNING id",
            organization,
        )
        queue = await connection.fetchval(
            "INSERT INTO queues (project_id, pool_id, name, name_key)"
            " VALUES ($1, $2, 'q', 'q') RETURNING id",
            other,
            guarded,
        )
        for unknown in (queue, 99_999, 0):
            plan = make.plan("Dev", Dev={"phases": (make.phase(queue_id=unknown),)})
            release = await build.release(connection, definition_id, plan)
            release = await happened(connection, release, ACTIVATED)
            job = release.stages[0].newest.jobs[0]
            assert await jobs.pools_of(connection, [job.id]) == {job.id: 1}
        assert await jobs.waiting(connection, guarded, 10) == []


async def claimed(database: Database, release: Release, worker: str, token: str) -> Release:
    job = release.stages[0].newest.jobs[0]
    async with database.transaction() as connection:
        return await happened(connection, release, c.JobClaimed(job.id, worker, token))


async def test_a_job_is_lost_once_the_lease_of_its_worker_is_over(database, waiting):
    async with database.transaction() as connection:
        await workers.register(connection, NewWorker("w1", "one", 1), LEASE)
    release = await claimed(database, waiting, "w1", "t1")
    async with database.transaction() as connection:
        assert await jobs.lost(connection) == []
        await workers.heartbeat(connection, "w1", -LEASE)
    async with database.read() as connection:
        [lost] = await jobs.lost(connection)
    assert (lost.release_id, lost.token, lost.worker) == (release.id, "t1", "one")
    assert not lost.has_stopped


async def test_a_job_of_a_worker_that_stopped_or_never_was_is_lost(database, waiting):
    await claimed(database, waiting, "nobody", "t1")
    async with database.transaction() as connection:
        assert [found.token for found in await jobs.lost(connection)] == ["t1"]
        await workers.register(connection, NewWorker("nobody", "now known", 1), LEASE)
        assert await jobs.lost(connection) == []
        await workers.stop(connection, "nobody")
    async with database.read() as connection:
        assert [found.has_stopped for found in await jobs.lost(connection)] == [True]


async def test_a_heartbeat_tells_what_is_held_and_what_to_stop(database, waiting):
    async with database.transaction() as connection:
        await workers.register(connection, NewWorker("w1", "one", 1, 4, {"os": "Linux"}), LEASE)
    release = await claimed(database, waiting, "w1", "t1")
    job = release.stages[0].newest.jobs[0]
    async with database.transaction() as connection:
        heard = await workers.heartbeat(connection, "w1", LEASE)
        assert (heard.is_known, heard.held, heard.canceled) == (True, {job.id}, set())
        cancel = c.CancelRequested(release.stages[0].id, make.CREATOR)
        await happened(connection, release, cancel)
        assert (await workers.heartbeat(connection, "w1", LEASE)).canceled == {job.id}
        assert not (await workers.heartbeat(connection, "stranger", LEASE)).is_known
        [worker] = await workers.listed(connection, 1)
    assert (worker.name, worker.slots, worker.capabilities) == ("one", 4, {"os": "Linux"})


async def test_a_timeline_is_planned_once_and_only_by_who_holds_the_job(database, waiting):
    release = await claimed(database, waiting, "w1", "t1")
    job = release.stages[0].newest.jobs[0].id
    steps = [
        task_runs.PlannedStep(2, "task", "Deploy"),
        task_runs.PlannedStep(1, "initialize", "Start"),
    ]
    async with database.transaction() as connection:
        assert await task_runs.plan(connection, job, "other", steps) == []
        first = await task_runs.plan(connection, job, "t1", steps)
        again = await task_runs.plan(connection, job, "t1", steps)
        assert [run.name for run in first] == ["Start", "Deploy"]
        assert again == first
        await task_runs.abandon(connection, job, "Failed", make.NOW)
        assert {run.result for run in await task_runs.of_job(connection, job)} == {"Skipped"}
        assert await task_runs.of_release(connection, release.id) == await task_runs.of_job(
            connection, job
        )
