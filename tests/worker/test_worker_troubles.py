"""What can go wrong around a worker: rivals, lost or doubled wake-ups, cancel, silence."""

import asyncio
import signal
from collections import Counter

from quaymaster.actions.decisions.follow_up import ENVIRONMENT, RELEASE, job_kind
from quaymaster.actions.jobs.jobs import Taker, claim, new_token
from quaymaster.domain.changes import Activated, CancelRequested
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.plans.job_message import Place
from quaymaster.store.postgres.queue import Wakeup, enqueue
from tests import make
from tests.server.waiting import eventually, until
from tests.worker.world import SHORT_LEASE_SECONDS, World, names_with, phase


def marking(world: World, script: str = "") -> dict:
    """A stage of one task that notes that it runs, and then runs the script."""
    return phase(f"echo $RELEASE_RELEASEID >> {world.home / 'marks'}\n{script}")


def runs(world: World) -> Counter[str]:
    marks = world.home / "marks"
    return Counter(marks.read_text().split()) if marks.exists() else Counter()


def sleeping(world: World) -> bool:
    return "sleep" in names_with(str(world.home))


async def started(world: World, release: ReleaseId) -> None:
    """Return once the task of this release is running."""

    async def has_begun() -> bool:
        return bool(runs(world)[str(release)])

    await eventually(has_begun, "the task")


async def cancel(world: World, release: ReleaseId) -> None:
    [stage] = (await world.loaded(release)).stages
    await world.happen(release, CancelRequested(stage.id, make.CREATOR))


# ---- rivals ---------------------------------------------------------------------------------


async def test_two_workers_never_run_the_same_job_also_while_one_is_replaced(world: World) -> None:
    """R-29: whoever is told to stop ends what it runs, and the rest is done by the other."""
    leaving, _ = await asyncio.gather(world.worker(concurrency=3), world.worker(concurrency=3))
    plan = make.plan("Dev", Dev=marking(world))
    drafts = [await world.draft(plan) for _ in range(12)]
    await asyncio.gather(*(world.happen(r, Activated(make.CREATOR)) for r in drafts))
    until(lambda: len(runs(world)) >= 3, "jobs to run")
    leaving.process.send_signal(signal.SIGTERM)
    for release in drafts:
        assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert runs(world) == {str(release): 1 for release in drafts}
    assert await leaving.process.wait() == 0


async def test_slots_of_one_home_are_never_shared(world: World) -> None:
    await asyncio.gather(world.worker(concurrency=2), world.worker(concurrency=2))
    plan = make.plan("Dev", Dev=phase(f"pwd >> {world.home / 'places'}\nsleep 1"))
    releases = [await world.release(plan) for _ in range(4)]
    for release in releases:
        await world.ended(release, "Dev")
    places = (world.home / "places").read_text().split()
    assert len(set(places)) == 4, places


async def test_a_busy_worker_leaves_waiting_jobs_to_an_idle_one(world: World) -> None:
    await world.worker(concurrency=1, name="first")
    plan = make.plan("Dev", Dev=marking(world, "sleep 300"))
    long = await world.release(plan)
    await started(world, long)
    await world.worker(concurrency=1, name="second")
    quick = await world.release(make.plan("Dev", Dev=marking(world)))
    assert (await world.ended(quick, "Dev")).outcome is Outcome.SUCCEEDED
    await cancel(world, long)
    await world.ended(long, "Dev")


# ---- wake-ups -------------------------------------------------------------------------------


async def test_an_emptied_queue_heals_itself(world: World) -> None:
    release = await limited_release(world)
    await world.execute("TRUNCATE pgqueuer")
    await world.worker()

    async def waits_for_its_turn() -> bool:
        qa = await world.deployment(release, "QA")
        await world.execute("TRUNCATE pgqueuer")
        return qa is not None and qa.entered_queue_at is not None

    await eventually(waits_for_its_turn, "QA to enter its queue")
    assert (await world.ended(release, "QA")).outcome is Outcome.SUCCEEDED


async def limited_release(world: World) -> ReleaseId:
    """Dev → QA, where one release at a time may go to QA; its definition has its environments."""
    limited = {**marking(world), "queue": QueuePolicy(concurrency=1)}
    release = await world.draft(make.plan("Dev → QA", Dev=marking(world), QA=limited))
    await world.execute(
        "INSERT INTO environments (id, definition_id, project_id, name, rank)"
        " SELECT n, (SELECT min(id) FROM definitions), (SELECT id FROM projects LIMIT 1),"
        " 'Stage ' || n, n FROM generate_series(1, 2) n"
    )
    await world.happen(release, Activated(make.CREATOR))
    return release


async def test_wakeups_that_come_too_often_do_no_harm(world: World) -> None:
    release = await limited_release(world)
    async with world.installation.database.transaction() as connection:
        kinds = ((RELEASE, release), (job_kind(1), 1), (ENVIRONMENT, 2), (RELEASE, 4711))
        repeated = [Wakeup(kind, {"id": int(about)}) for kind, about in kinds * 25]
        await enqueue(connection, repeated)
    await world.worker()
    assert (await world.ended(release, "QA")).outcome is Outcome.SUCCEEDED
    assert runs(world)[str(release)] == 2

    async def all_are_taken() -> bool:
        return not await world.execute("SELECT count(*) FROM pgqueuer")

    await eventually(all_are_taken, "every wake-up to be taken")
    assert "a wake-up could not be followed" not in world.workers[0].output.read_text()


# ---- jobs that cannot be taken --------------------------------------------------------------


async def test_a_claim_whose_answer_was_lost_is_found_again(world: World) -> None:
    """As when the connection breaks while the claim is committed: the rows say that it is ours."""
    world.lease_seconds = SHORT_LEASE_SECONDS
    await world.worker(concurrency=1)
    gate = world.home / "gate"
    script = f"until [ -e {gate} ]; do sleep 0.05; done"
    first = await world.release(make.plan("Dev", Dev=marking(world, script)))
    await started(world, first)
    second = await world.release(make.plan("Dev", Dev=marking(world)))
    dev = await world.deployment(second, "Dev")
    assert dev is not None
    taker = Taker(await world.execute("SELECT id FROM workers"), Place("", ""), new_token())
    assert await claim(world.call(), second, dev.jobs[0].id, taker)
    gate.touch()
    dev = await world.ended(second, "Dev")
    assert dev.outcome is Outcome.SUCCEEDED
    assert runs(world)[str(second)] == 1


async def test_a_job_that_cannot_be_started_fails_and_says_so(world: World) -> None:
    release = await world.release(make.plan("Dev", Dev=marking(world)))
    unreadable = '[{"alias": "site", "type": 5}]'
    await world.execute("UPDATE releases SET artifacts = $1", unreadable)
    worker = await world.worker()
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.PHASE_FAILED
    assert dev.jobs[0].error.startswith("The job could not be started: ValidationError.")
    assert worker.process.returncode is None


# ---- cancel and stop ------------------------------------------------------------------------


async def test_a_canceled_deployment_stops_what_runs(world: World) -> None:
    await world.worker()
    release = await world.release(make.plan("Dev", Dev=marking(world, "sleep 300 & sleep 301")))
    await started(world, release)
    await cancel(world, release)
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.CANCELED
    assert dev.jobs[0].status is JobStatus.CANCELED
    until(lambda: not sleeping(world), "no process left")
    assert {s.result for s in await world.steps(release) if s.kind == "task"} == {"Canceled"}


async def test_a_cancel_is_noticed_without_a_notice(world: World) -> None:
    world.lease_seconds = SHORT_LEASE_SECONDS
    await world.worker()
    release = await world.release(make.plan("Dev", Dev=marking(world, "sleep 300")))
    await started(world, release)
    await world.execute("UPDATE deployments SET cancel_requested_at = now()")
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.CANCELED


async def test_a_stopped_worker_lets_its_job_end_and_takes_no_other(world: World) -> None:
    worker = await world.worker(concurrency=1)
    gate = world.home / "gate"
    script = f"until [ -e {gate} ]; do sleep 0.05; done"
    running = await world.release(
        make.plan("Dev → QA", Dev=marking(world, script), QA=phase("true"))
    )
    await started(world, running)
    worker.process.send_signal(signal.SIGTERM)
    until(lambda: "worker stops" in worker.output.read_text(), "the worker to stop")
    later = await world.release(make.plan("Dev", Dev=marking(world)))
    gate.touch()
    assert await worker.process.wait() == 0
    assert (await world.ended(running, "Dev")).outcome is Outcome.SUCCEEDED
    qa = await world.deployment(running, "QA")
    assert qa is not None
    assert qa.jobs[0].status is JobStatus.WAITING
    assert not runs(world)[str(later)]


async def test_a_job_that_outlasts_a_stopping_worker_fails_and_says_so(world: World) -> None:
    worker = await world.worker(drain=0, name="builder")
    release = await world.release(make.plan("Dev", Dev=marking(world, "sleep 300 & sleep 301")))
    await started(world, release)
    assert await worker.stop() == 0
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.PHASE_FAILED
    assert dev.jobs[0].error == "The worker builder was stopped while the job was running."
    until(lambda: not sleeping(world), "no process left")


# ---- silence --------------------------------------------------------------------------------


async def test_a_worker_that_was_frozen_drops_the_job_it_lost(world: World) -> None:
    world.lease_seconds = SHORT_LEASE_SECONDS
    frozen = await world.worker(name="frozen")
    release = await world.release(make.plan("Dev", Dev=marking(world, "sleep 300 & sleep 301")))
    await started(world, release)
    frozen.process.send_signal(signal.SIGSTOP)
    await world.worker(name="other")
    dev = await world.ended(release, "Dev")
    assert "The worker frozen that ran this job has not been heard of" in dev.jobs[0].error
    ended = await world.loaded(release)
    frozen.process.send_signal(signal.SIGCONT)
    until(lambda: not sleeping(world), "the frozen worker to end what it ran")
    assert await world.loaded(release) == ended
    assert runs(world) == {str(release): 1}
    again = await world.release(make.plan("Dev", Dev=marking(world)))
    assert (await world.ended(again, "Dev")).outcome is Outcome.SUCCEEDED
