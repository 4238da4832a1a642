"""The database goes away under a worker and comes back: restarted, or frozen for a while."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from quaymaster.actions.call import Installation
from quaymaster.actions.ports.outside import Outside
from quaymaster.domain.release import Outcome
from quaymaster.server.postgres.launcher import EmbeddedPostgres, running
from quaymaster.store import migrate
from quaymaster.store.postgres import database as databases
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.storage.object_storage import ObjectStorage
from quaymaster.store.storage.vault import open_vault
from tests import make
from tests.server.waiting import eventually, until
from tests.worker.test_running import task_of, text_of
from tests.worker.test_worker_troubles import marking, runs, sleeping, started
from tests.worker.world import SHORT_LEASE_SECONDS, World


@pytest.fixture
async def server(reachable_folder: Path, tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL of this test's own, to be treated badly."""
    async with running(reachable_folder / tmp_path.name) as started:
        await migrate.upgrade(started.dsn)
        yield started


@pytest.fixture
async def own(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        database = await databases.connect(server.dsn)
        stack.push_async_callback(database.close)
        vault = open_vault(tmp_path / "secret.key")
        files = ObjectStorage.at((tmp_path / "storage").as_uri())
        made = World(Installation(database, vault, files, Outside()), server.dsn, tmp_path)
        yield made
        for worker in made.workers:
            worker.kill()
            await worker.process.wait()


async def restarted(own: World, server: EmbeddedPostgres) -> None:
    """Kill the server as a crash does, and wait until its supervisor has it back."""
    before = server.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)

    async def answers() -> bool:
        try:
            return server.pid != before and await own.execute("SELECT true")
        except DatabaseUnavailable:
            return False

    await eventually(answers, "PostgreSQL to come back")


async def test_a_worker_survives_a_restart_of_the_database(
    own: World, server: EmbeddedPostgres
) -> None:
    worker = await own.worker()
    gate = own.home / "gate"
    counts = "lines=$((lines+1)); echo line $lines"
    waits = marking(own, f"until [ -e {gate} ]; do {counts}; sleep 0.02; done; echo $lines in all")
    release = await own.release(make.plan("Dev → QA", Dev=waits, QA=marking(own)))
    await started(own, release)
    await restarted(own, server)
    gate.touch()
    qa = await own.ended(release, "QA")
    assert qa.outcome is Outcome.SUCCEEDED
    assert runs(own)[str(release)] == 2
    log = await text_of(own, await task_of(own, release))
    printed = [line.partition(" ")[2] for line in log.splitlines()]
    lines = [line for line in printed if line.startswith("line ")]
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)]
    assert f"{len(lines)} in all" in printed, "what was printed meanwhile is there, too (R-30)"
    later = await own.release(make.plan("Dev", Dev=marking(own)))
    assert (await own.ended(later, "Dev")).outcome is Outcome.SUCCEEDED
    assert worker.process.returncode is None


async def test_jobs_under_way_in_many_releases_survive_a_restart(
    own: World, server: EmbeddedPostgres
) -> None:
    await own.worker(concurrency=4)
    stages = {name: marking(own) for name in ("Dev", "QA", "Prod")}
    releases = [await own.release(make.plan("Dev → QA → Prod", **stages)) for _ in range(12)]
    await started(own, releases[3])
    await restarted(own, server)
    for release in releases:
        assert (await own.ended(release, "Prod")).outcome is Outcome.SUCCEEDED
    assert runs(own) == {str(release): 3 for release in releases}


async def test_a_worker_cut_off_for_longer_than_its_lease_ends_its_job(
    own: World, server: EmbeddedPostgres
) -> None:
    own.lease_seconds = SHORT_LEASE_SECONDS
    await own.worker()
    release = await own.release(make.plan("Dev", Dev=marking(own, "sleep 300 & sleep 301")))
    await started(own, release)
    frozen = await everything_of(own, server)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: not sleeping(own), "the worker to end its job by itself")
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    dev = await own.ended(release, "Dev")
    assert dev.outcome is Outcome.PHASE_FAILED
    assert dev.jobs[0].error.startswith("The worker ")
    assert runs(own) == {str(release): 1}


async def everything_of(own: World, server: EmbeddedPostgres) -> list[int]:
    """The postmaster and the backends: with them stopped, nobody is served any more."""
    backends = await own.execute(
        "SELECT array_agg(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )
    assert server.pid is not None
    return [server.pid, *backends]
