"""What workers ask for: one of them gets a job, and only that one is believed."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from asyncpg import UniqueViolationError

from quaymaster.actions.call import Installation
from quaymaster.actions.jobs import jobs
from quaymaster.actions.jobs.jobs import End, Taken, Taker, new_token
from quaymaster.domain.build import BuildId
from quaymaster.domain.changes import CancelRequested
from quaymaster.domain.release import Deployment, Job, JobId, Outcome, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.plans.job_message import Place
from quaymaster.store.jobs import jobs as job_rows
from quaymaster.store.jobs.jobs import AbandonedJob
from quaymaster.store.jobs.logs import Chunk
from quaymaster.store.jobs.reports import Report, StepState, StoredChunk
from quaymaster.store.releases.records import NewStage
from quaymaster.store.resources import workers
from quaymaster.store.resources.workers import NewWorker
from tests import make
from tests.store import build
from tests.worker.world import World, phase

SUCCEEDED = End(JobStatus.SUCCEEDED)


@pytest.fixture
def world(world: World) -> World:
    """The same, with the vault that the builders of releases seal with."""
    before = world.installation
    world.installation = Installation(
        before.database, build.VAULT, before.files, before.outside, "http://here"
    )
    return world


def taker(worker: str = "one", token: str | None = None) -> Taker:
    return Taker(worker, Place("/somewhere/1", f"{worker}-1", 5), token or new_token())


async def waiting(world: World, release: ReleaseId, stage: str = "Dev") -> Job:
    deployment = await world.deployment(release, stage)
    assert deployment is not None
    return next(job for job in deployment.jobs if job.status is JobStatus.WAITING)


async def claimed(world: World, release: ReleaseId, by: Taker | None = None) -> Taken:
    job = await waiting(world, release)
    taken = await jobs.claim(world.call(), release, job.id, by or taker())
    assert taken is not None
    return taken


async def stands(world: World, release: ReleaseId, stage: str = "Dev") -> Deployment:
    deployment = await world.deployment(release, stage)
    assert deployment is not None
    return deployment


def of_two_stages(**changes):
    return make.plan("Dev → QA", Dev=phase("true", **changes), QA=phase("true", **changes))


async def test_only_the_first_worker_gets_a_job(world: World) -> None:
    release = await world.release(of_two_stages())
    job = await waiting(world, release)
    first = await jobs.claim(world.call(), release, job.id, taker("one"))
    second = await jobs.claim(world.call(), release, job.id, taker("two"))
    assert first is not None
    assert second is None
    [row] = (await stands(world, release)).jobs
    assert (row.worker, row.token) == ("one", first.held.token)


async def test_asking_again_with_the_same_token_gives_the_same_job(world: World) -> None:
    release = await world.release(of_two_stages())
    job = await waiting(world, release)
    asked = taker()
    first = await jobs.claim(world.call(), release, job.id, asked)
    again = await jobs.claim(world.call(), release, job.id, asked)
    assert first is not None
    assert first == again


async def test_a_job_that_does_not_exist_is_nobodys(world: World) -> None:
    release = await world.release(of_two_stages())
    assert await jobs.claim(world.call(), release, 4711, taker()) is None
    assert await jobs.claim(world.call(), ReleaseId(4711), 4711, taker()) is None


async def test_a_worker_is_told_everything_about_the_job(world: World) -> None:
    release = await world.release(
        of_two_stages(),
        variables={"color": "red", "size": "1"},
        secrets={"key": "s3cret"},
        stages={1: NewStage(variables={"Color": "blue"}, secrets={"pass": "w0rd"})},
    )
    message = (await claimed(world, release)).message
    told = {v.name.lower(): (v.value, v.is_secret) for v in message.variables}
    assert told["color"] == ("blue", False)
    assert told["key"] == ("s3cret", True)
    assert told["pass"] == ("w0rd", True)
    assert told["release.environmentname"] == ("Dev", False)
    assert told["system.teamproject"] == ("Default", False)
    assert told["system.collectionuri"] == ("http://here/default/", False)
    assert [step.id for step in message.steps] == [s.id for s in await world.steps(release)]
    assert message.agent_name == "one-1"


async def test_secrets_stay_out_of_rows_and_history(world: World) -> None:
    release = await world.release(of_two_stages(), secrets={"key": "s3cret-value"})
    await claimed(world, release)
    for table in ("releases", "stages", "deployments", "jobs", "task_runs", "history"):
        found = await world.execute(
            f"SELECT count(*) FROM {table} t WHERE row_to_json(t)::text LIKE '%s3cret-value%'"
        )
        assert not found, table


async def test_secrets_that_cannot_be_opened_fail_the_job_and_say_so(world: World) -> None:
    release = await world.release(of_two_stages(), secrets={"key": "s3cret-value"})
    await world.execute("UPDATE releases SET secrets = secrets || '\\x00' WHERE id = $1", release)
    job = await waiting(world, release)
    assert await jobs.claim(world.call(), release, job.id, taker()) is None
    dev = await stands(world, release)
    assert dev.outcome is Outcome.PHASE_FAILED
    assert "have been altered" in dev.jobs[0].error
    assert "s3cret" not in dev.jobs[0].error


async def test_a_report_is_written_and_may_come_twice(world: World) -> None:
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    step = taken.message.steps[0].id
    chunk = StoredChunk(step, Chunk(1, 1, 2, b"one\ntwo\n"))
    state = StepState(
        step, "Init", "inProgress", make.NOW, line_count=2, log_bytes=8, last_sequence=1
    )
    told = Report([state], [chunk])
    assert await jobs.report(world.call(), taken.held, told)
    assert await jobs.report(world.call(), taken.held, told)
    [first, *others] = await world.steps(release)
    assert (first.status, first.line_count, first.name) == ("inProgress", 2, "Init")
    assert {other.status for other in others} == {"pending"}
    assert await world.execute("SELECT count(*) FROM log_chunks") == 1


@pytest.mark.parametrize("seed", range(4))
async def test_reports_that_come_late_and_often_change_nothing(world: World, seed: int) -> None:
    """R-31: each is repeated until it is written, and may be written again after any later one."""
    chance = random.Random(seed)
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    step = taken.message.steps[0].id
    told = [Report([StepState(step, "Init")])]
    for number in range(1, 6):
        measures = {"line_count": number, "log_bytes": 2 * number, "last_sequence": number}
        state = StepState(step, "Init", "inProgress", make.NOW, percent=20 * number, **measures)
        told.append(
            Report([state], [StoredChunk(step, Chunk(number, number, 1, b"%d\n" % number))])
        )
    ended = replace(state, status="completed", finished_at=make.NOW, result="Succeeded")
    told.append(Report([ended]))
    for newest in range(1, len(told) + 1):
        late = chance.choices(told[:newest], k=chance.randint(0, 4))
        for one in (told[newest - 1], *late):
            assert await jobs.report(world.call(), taken.held, one)
        first, *_ = await world.steps(release)
        newest_state = told[newest - 1].steps[0]
        assert (first.status, first.result) == (newest_state.status, newest_state.result)
        assert first.line_count == newest_state.line_count
        assert first.log_bytes == newest_state.log_bytes
    log = "SELECT string_agg(body, '' ORDER BY sequence) FROM log_chunks WHERE task_run_id ="
    assert await world.execute(f"{log} {step}") == b"1\n2\n3\n4\n5\n"


async def test_a_stale_token_changes_nothing(world: World) -> None:
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    before = await world.loaded(release)
    stale = replace(taken.held, token=new_token())
    step = taken.message.steps[0].id
    told = Report(
        [StepState(step, "Forged", "completed")], [StoredChunk(step, Chunk(1, 1, 1, b"x\n"))]
    )
    assert not await jobs.report(world.call(), stale, told)
    assert not (await jobs.finish(world.call(), stale, End(JobStatus.FAILED, "no", told))).is_done
    assert await jobs.rename_release(world.call(), stale, "Forged")
    assert await world.loaded(release) == before
    assert {s.name for s in await world.steps(release)} == {
        s.display_name for s in taken.message.steps
    }
    assert await world.execute("SELECT count(*) FROM log_chunks") == 0


async def test_a_late_report_of_a_lost_worker_changes_nothing(world: World) -> None:
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    await jobs.give_up(world.call(), taken.held, "The worker is gone.")
    ended = await world.loaded(release)
    steps = await world.steps(release)
    step = taken.message.steps[0].id
    told = Report([StepState(step, "Late", "completed", result="Succeeded")])
    assert not await jobs.report(world.call(), taken.held, told)
    late = replace(SUCCEEDED, report=told)
    assert not (await jobs.finish(world.call(), taken.held, late)).is_done
    assert await world.loaded(release) == ended
    assert await world.steps(release) == steps
    assert {s.status for s in steps} == {"completed"}


async def test_the_end_comes_with_the_last_report(world: World) -> None:
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    steps = [
        StepState(step.id, "Done", "completed", make.NOW, make.NOW, "Succeeded")
        for step in taken.message.steps
    ]
    finished = await jobs.finish(
        world.call(), taken.held, End(JobStatus.SUCCEEDED, "", Report(steps))
    )
    assert finished.is_done
    assert finished.following is None
    assert (await stands(world, release)).outcome is Outcome.SUCCEEDED
    assert {s.result for s in await world.steps(release)} == {"Succeeded"}
    assert (await waiting(world, release, "QA")).status is JobStatus.WAITING


async def test_the_job_that_follows_goes_to_the_same_worker(world: World) -> None:
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    asked = taker()
    finished = await jobs.finish(world.call(), taken.held, SUCCEEDED, asked)
    assert finished.following is not None
    [job] = (await stands(world, release, "QA")).jobs
    assert (job.status, job.token, job.id) == (
        JobStatus.RUNNING,
        asked.token,
        finished.following.held.id,
    )
    kinds = await world.execute(
        "SELECT array_agg(kind::text ORDER BY id) FROM history WHERE release_id = $1", release
    )
    assert kinds[-1] == "JobClaimed"
    assert kinds.index("JobFinished") < len(kinds) - 1


async def test_a_job_for_another_queue_is_left_to_its_own_workers(world: World) -> None:
    elsewhere = phase("true")["phases"][0]
    plan = make.plan(
        "Dev → QA", Dev=phase("true"), QA={"phases": (replace(elsewhere, queue_id=2),)}
    )
    release = await world.release(plan)
    taken = await claimed(world, release)
    finished = await jobs.finish(world.call(), taken.held, SUCCEEDED, taker())
    assert finished.following is None
    assert await waiting(world, release, "QA")


async def test_a_failed_job_ends_the_stage_with_its_reason(world: World) -> None:
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    failed = End(JobStatus.FAILED, "The disk is full.")
    finished = await jobs.finish(world.call(), taken.held, failed, taker())
    assert finished.following is None
    dev = await stands(world, release)
    assert dev.outcome is Outcome.PHASE_FAILED
    assert dev.jobs[0].error == "The disk is full."


async def test_a_task_may_rename_its_release(world: World) -> None:
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    assert await jobs.rename_release(world.call(), taken.held, "Spring cleaning") == ""
    assert (await world.loaded(release)).name == "Spring cleaning"


# ---- workers that are gone ------------------------------------------------------------------


async def register(world: World, worker: str, lease: timedelta) -> None:
    async with world.installation.database.transaction() as connection:
        new = NewWorker(id=worker, name="builder", pool_id=1, slots=1, capabilities={})
        await workers.register(connection, new, lease)


async def test_a_job_is_lost_when_the_lease_of_its_worker_has_run_out(world: World) -> None:
    await register(world, "one", timedelta(seconds=-1))
    release = await world.release(of_two_stages())
    await claimed(world, release)
    assert await jobs.fail_lost_jobs(world.call()) == 1
    [job] = (await stands(world, release)).jobs
    assert job.status is JobStatus.FAILED
    assert "The worker builder that ran this job has not been heard of since 20" in job.error
    assert await jobs.fail_lost_jobs(world.call()) == 0


def test_who_lost_a_job_is_told_how_to_run_it_again() -> None:
    lost = AbandonedJob(ReleaseId(1), JobId(2), "token", "w1", make.NOW, has_stopped=False)
    assert "redeploy the stage if it is safe" in jobs.what_happened(lost)
    told = jobs.what_happened(replace(lost, build_id=BuildId(7)))
    assert "queue the build again if it is safe" in told
    assert "stage" not in told


async def test_the_database_lets_nobody_into_a_slot_twice(world: World) -> None:
    """R-32: two that both believe it is their turn are told apart by the rows."""
    for _ in range(2):
        await world.release(of_two_stages())
    under_way = "FROM deployments WHERE outcome IS NULL"
    assert await world.execute(f"SELECT count(*) {under_way}") == 2
    place = f"(SELECT definition_stage_id {under_way} LIMIT 1)"
    taken = f"UPDATE deployments SET definition_stage_id = {place}, slot = 1 WHERE outcome IS NULL"
    with pytest.raises(UniqueViolationError, match="deployments_one_per_slot"):
        await world.execute(taken)


async def test_a_job_of_a_living_worker_is_not_lost(world: World) -> None:
    await register(world, "one", timedelta(minutes=1))
    release = await world.release(of_two_stages())
    await claimed(world, release)
    assert await jobs.fail_lost_jobs(world.call()) == 0
    assert (await stands(world, release)).jobs[0].status is JobStatus.RUNNING


async def test_a_worker_that_signed_off_has_lost_its_jobs_at_once(world: World) -> None:
    await register(world, "one", timedelta(minutes=1))
    release = await world.release(of_two_stages())
    await claimed(world, release)
    async with world.installation.database.read() as connection:
        await workers.stop(connection, "one")
    assert await jobs.fail_lost_jobs(world.call()) == 1
    assert "builder stopped at" in (await stands(world, release)).jobs[0].error


async def test_the_heartbeat_names_what_to_stop(world: World) -> None:
    await register(world, "one", timedelta(minutes=1))
    release = await world.release(of_two_stages())
    taken = await claimed(world, release)
    stage = (await world.loaded(release)).stages[0]
    await world.happen(release, CancelRequested(stage.id, make.CREATOR))
    async with world.installation.database.read() as connection:
        heard = await workers.heartbeat(connection, "one", timedelta(minutes=1))
        held = await job_rows.held_by(connection, "one")
    assert heard.is_known
    assert heard.canceled == heard.held == {taken.held.id}
    assert held == [taken.held]


async def test_an_unknown_worker_is_told_to_register(world: World) -> None:
    async with world.installation.database.read() as connection:
        heard = await workers.heartbeat(connection, "nobody", timedelta(minutes=1))
    assert not heard.is_known
