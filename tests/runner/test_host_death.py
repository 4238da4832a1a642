"""What is left when a host or a worker dies in the middle of a job (RELIABILITY R-25)."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from quaymaster.protocol.job import HostMessage, JobEnded, JobResult, LogChunk, StepEnded
from quaymaster.runner import descendants
from quaymaster.runner.pool import HostPool
from tests.runner.make import Watched, eventually, job, run, script

WORKER = """
import asyncio, sys
from pathlib import Path
from quaymaster.runner.pool import HostPool
from tests.runner.make import job, script

async def sink(message):
    pass

async def main():
    pool = HostPool(1, Path(sys.argv[1]))
    hidden = "setsid sleep 1000 > /dev/null 2>&1 &\\n"
    await pool.run(job(script(f"{hidden}echo $PPID $$ > {sys.argv[1]}/started; sleep 1000"),
                       plan_id=sys.argv[2]), sink)

asyncio.run(main())
"""


async def test_a_killed_host_fails_its_job_with_the_reason(tmp_path: Path) -> None:
    pool = HostPool(1, tmp_path)
    message = job(script("echo ready; setsid sleep 1000 & sleep 1000"), script("echo no"))
    watched = Watched(pool, message)
    await watched.until_printed("ready")
    [host] = pool._all
    temporary = tmp_path / "1" / "_temp"
    assert any(temporary.iterdir()), "the script lies there while it runs"
    os.kill(host.pid, signal.SIGKILL)
    outcome = await watched.end()
    assert not any(temporary.iterdir()), "secrets may stand in what is left"
    assert outcome.result is JobResult.FAILED
    assert f"The job host (process {host.pid}) was killed by signal 9." in outcome.end.error
    assert outcome.results() == ["Failed"]
    assert not descendants.marked(descendants.marker_of(message))
    assert (await run(pool, job(script("echo again")))).result is JobResult.SUCCEEDED
    assert not any(temporary.iterdir())
    await pool.close()


async def test_a_script_that_kills_its_host_is_told_apart(tmp_path: Path) -> None:
    pool = HostPool(1, tmp_path)
    killer = "kill -9 `ps -o ppid= -p $PPID`"
    outcome = await run(pool, job(script(killer)))
    assert "was killed by signal 9" in outcome.errors()[0]
    assert (await run(pool, job(script("true")))).result is JobResult.SUCCEEDED
    await pool.close()


async def test_nothing_outlives_a_killed_worker(tmp_path: Path) -> None:
    plan = f"dying-worker-{os.getpid()}"
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, str(tmp_path), plan), cwd=Path(__file__).parents[2]
    )
    started = tmp_path / "started"
    await eventually(lambda: started.exists() and started.read_text().endswith("\n"))
    marker = descendants.marker_of(job(plan_id=plan))
    assert len(descendants.marked(marker)) >= 3
    worker.kill()
    await worker.wait()
    await eventually(lambda: not any(map(descendants.is_alive, descendants.marked(marker))))


async def test_a_sink_that_fails_ends_the_job(tmp_path: Path) -> None:
    pool = HostPool(1, tmp_path)
    message = job(script("echo ready; sleep 1000"))

    async def broken(arrived: HostMessage) -> None:
        if isinstance(arrived, LogChunk) and b"ready" in arrived.body:
            raise ConnectionError("the database is gone")

    with pytest.raises(ConnectionError):
        await pool.run(message, broken)
    assert not descendants.marked(descendants.marker_of(message))
    await pool.close()


async def test_a_worker_that_gives_up_a_job_leaves_nothing(tmp_path: Path) -> None:
    pool = HostPool(1, tmp_path)
    message = job(script("echo ready; sleep 1000"))
    watched = Watched(pool, message)
    await watched.until_printed("ready")
    watched._running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watched.end()
    assert not descendants.marked(descendants.marker_of(message))
    await pool.close()


async def test_jobs_share_the_pool_and_each_has_a_slot_of_its_own(tmp_path: Path) -> None:
    pool = HostPool(2, tmp_path)
    outcomes = await asyncio.gather(*(run(pool, job(script("pwd"))) for _ in range(5)))
    places = {outcome.log().split("\n")[-2] for outcome in outcomes}
    assert places == {str(tmp_path / slot / "r1" / "a") for slot in ("1", "2")}
    await pool.close()


async def test_idle_hosts_end_but_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quaymaster.runner.pool.IDLE_SECONDS", 0.05)
    pool = HostPool(3, tmp_path)
    await asyncio.gather(*(run(pool, job(script("true"))) for _ in range(3)))
    await eventually(lambda: len(pool._all) == 1)
    await pool.close()


async def test_a_host_that_cannot_start_fails_the_job_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    outcome = await run(HostPool(1, tmp_path), job(script("true")))
    assert "A job host could not be started: No such file or directory." in outcome.end.error


async def test_a_job_too_large_to_be_sent_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = HostPool(1, tmp_path)
    monkeypatch.setattr("quaymaster.protocol.frames.LARGEST_FRAME", 100)
    outcome = await run(pool, job(script("true")))
    assert "over the limit of 100" in outcome.end.error
    monkeypatch.undo()
    assert (await run(pool, job(script("true")))).result is JobResult.SUCCEEDED
    await pool.close()


ENDINGS = ("none", "cancel", "kill the host", "give up")


async def one_unlucky_job(pool: HostPool, number: int, chance: random.Random) -> None:
    """Something happens to a job at a random moment; it still ends once and leaves nothing."""
    steps = (
        script("(setsid sleep 777 &); sleep 0.05"),
        script("sleep 0.02", condition="always()"),
    )
    plan = f"unlucky-{os.getpid()}-{number}"
    message = job(*steps, plan_id=plan, timeout_seconds=chance.choice([None, 0.05]))
    watched = Watched(pool, message)
    await asyncio.sleep(chance.random() * 0.2)
    match chance.choice(ENDINGS):
        case "cancel":
            watched.cancelled.set_result("because")
        case "kill the host" if pool.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(pool.pids), signal.SIGKILL)
        case "give up":
            watched._running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        outcome = await watched.end()
        assert len(outcome.of(JobEnded)) == 1
        assert outcome.end is outcome.messages[-1]
    ended = [end.step_id for end in watched.outcome.of(StepEnded)]
    assert len(ended) == len(set(ended))
    assert not descendants.marked(descendants.marker_of(message))


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_whenever_a_job_ends_once_and_leaves_nothing(
    tmp_path: Path, seed: int
) -> None:
    pool, chance = HostPool(4, tmp_path), random.Random(seed)
    await asyncio.gather(*(one_unlucky_job(pool, n, chance) for n in range(12)))
    assert (await run(pool, job(script("true")))).result is JobResult.SUCCEEDED
    await pool.close()
