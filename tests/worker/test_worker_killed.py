"""kill -9 of the worker, at any moment: the work goes on or fails once, and never runs twice."""

import os
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from quaymaster.domain.release import Deployment, Outcome, ReleaseId
from quaymaster.domain.statuses import JobStatus
from tests import make
from tests.server.waiting import eventually
from tests.worker.world import SHORT_LEASE_SECONDS, World, phase, processes_with

ROUNDS = int(os.environ.get("QUAYMASTER_KILL_ROUNDS", "1"))
TASKS = 4


def marks(world: World) -> Path:
    """The file into which every run of a task writes `stage task pid`."""
    return world.home / "marks"


def script(world: World, stage: str, task: int, *, lasts: bool = False) -> str:
    """A task that says that it runs and, if told so, goes on until it is killed, with a child."""
    line = f"echo {stage} {task} $$ >> {marks(world)}"
    return f"{line}; sleep 300 & sleep 301" if lasts else line


def two_stages(world: World, *, lasting: int | None = None):
    def stage(name: str) -> dict:
        lasts = lasting if name == "Dev" else None
        return phase(*(script(world, name, n, lasts=n == lasts) for n in range(TASKS)))

    return make.plan("Dev → QA", Dev=stage("Dev"), QA=stage("QA"))


def runs(world: World) -> Counter[str]:
    """How often each task has run."""
    if not marks(world).exists():
        return Counter()
    return Counter(line.rpartition(" ")[0] for line in marks(world).read_text().splitlines())


async def has_claimed(world: World) -> bool:
    return bool(await world.execute("SELECT true FROM jobs WHERE status <> 'waiting'"))


async def check_recovered(world: World, release: ReleaseId) -> None:
    """One legal end, its reason, no task run twice, and no process left."""
    dev = await world.ended(release, "Dev")
    if dev.outcome is Outcome.SUCCEEDED:
        qa = await world.ended(release, "QA")
        check_end(qa)
    check_end(dev)
    assert set(runs(world).values()) <= {1}, "a task ran twice"
    for step in await world.steps(release):
        assert step.status == "completed", f"{step.name} is left {step.status}"
    survivors = [p for p in processes_with(str(world.home)) if p.pid not in living(world)]
    assert survivors == []


def living(world: World) -> set[int]:
    """The workers that have not been killed, and their hosts."""
    workers = [worker for worker in world.workers if worker.process.returncode is None]
    found = {worker.pid for worker in workers}
    for process in processes_with(str(world.home)):
        with suppress(psutil.NoSuchProcess):
            if process.ppid() in found:
                found.add(process.pid)
    return found


def check_end(deployment: Deployment) -> None:
    if deployment.outcome is Outcome.SUCCEEDED:
        assert all(job.status is JobStatus.SUCCEEDED for job in deployment.jobs)
        return
    assert deployment.outcome is Outcome.PHASE_FAILED
    [job] = deployment.jobs
    assert job.status is JobStatus.FAILED
    assert "has not been heard of since" in job.error


async def killed(world: World) -> None:
    """Kill the worker as a power failure does, and start another one once its lease is over."""
    worker = world.workers[-1]
    worker.kill()
    await worker.process.wait()
    await world.execute("UPDATE workers SET lease_until = now()")
    world.lease_seconds = SHORT_LEASE_SECONDS  # so that it soon judges others
    await world.worker()


@pytest.mark.parametrize("_round", range(ROUNDS))
async def test_killed_right_after_it_took_a_job(world: World, _round: int) -> None:
    await world.worker()
    release = await world.release(two_stages(world))
    await eventually(lambda: has_claimed(world), "a claim")
    await killed(world)
    await check_recovered(world, release)


@pytest.mark.parametrize("_round", range(ROUNDS))
async def test_killed_while_a_step_runs(world: World, _round: int) -> None:
    await world.worker()
    release = await world.release(two_stages(world, lasting=1))

    async def runs_the_lasting_one() -> bool:
        return runs(world)["Dev 1"] == 1

    await eventually(runs_the_lasting_one, "the second task")
    await killed(world)
    await check_recovered(world, release)
    dev = await world.deployment(release, "Dev")
    assert dev is not None
    assert dev.outcome is Outcome.PHASE_FAILED
    assert runs(world)["Dev 2"] == 0


@pytest.mark.parametrize("_round", range(ROUNDS))
@pytest.mark.parametrize("task", [0, TASKS - 1])
async def test_killed_between_steps_and_at_the_end(world: World, task: int, _round: int) -> None:
    await world.worker()
    release = await world.release(two_stages(world))

    async def has_run() -> bool:
        return runs(world)[f"Dev {task}"] == 1

    await eventually(has_run, f"task {task}")
    await killed(world)
    await check_recovered(world, release)


@pytest.mark.parametrize("_round", range(ROUNDS))
async def test_killed_at_any_moment(world: World, _round: int) -> None:
    """A moment drawn by lot, told by how many lines of history there are."""
    lines = random.Random().randint(4, 14)
    print(f"killed once the history has {lines} lines")  # noqa: T201 - a failing moment can be seen
    await world.worker()
    release = await world.release(two_stages(world))

    async def is_the_moment() -> bool:
        found = await world.execute("SELECT count(*) FROM history WHERE release_id = $1", release)
        deployment = await world.deployment(release, "QA")
        return found >= lines or (deployment is not None and deployment.is_ended)

    await eventually(is_the_moment, "the moment")
    await killed(world)
    await check_recovered(world, release)


@pytest.mark.parametrize("_round", range(ROUNDS))
async def test_jobs_nobody_took_are_run_by_the_next_worker(world: World, _round: int) -> None:
    release = await world.release(two_stages(world))
    await world.worker()
    await world.ended(release, "QA")
    assert set(runs(world).values()) == {1}
    assert len(runs(world)) == 2 * TASKS
