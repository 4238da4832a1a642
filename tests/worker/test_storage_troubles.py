"""The storage for logs fills up under a running job, and is freed again (R-27)."""

from pathlib import Path

from quaymaster.domain.release import Outcome
from tests import make
from tests.server.waiting import until
from tests.worker.test_running import task_of, text_of
from tests.worker.world import World, phase

LINES = 40_000


def fill(storage: Path) -> None:
    """Nothing can be written any more: where the folder of the logs was, a file stands."""
    logs = storage / "logs"
    if logs.exists():
        logs.rename(storage / "kept")
    logs.touch()


def free(storage: Path) -> None:
    logs = storage / "logs"
    logs.unlink()
    if (storage / "kept").exists():
        (storage / "kept").rename(logs)


async def test_a_job_waits_for_the_storage_and_its_log_is_whole(world: World) -> None:
    worker = await world.worker()
    storage = world.home / "storage"
    storage.mkdir(exist_ok=True)
    fill(storage)
    printing = f"seq -f 'line %.0f of a long log' 1 {LINES}"
    release = await world.release(make.plan("Dev", Dev=phase(printing)))
    until(lambda: "has to wait" in worker.output.read_text(), "the worker to notice")
    deployment = await world.deployment(release, "Dev")
    assert deployment is not None
    assert not deployment.is_ended

    free(storage)
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    log = await text_of(world, await task_of(world, release))
    printed = [line.partition(" ")[2] for line in log.splitlines()]
    assert [line for line in printed if line.startswith("line ")] == [
        f"line {number} of a long log" for number in range(1, LINES + 1)
    ]
    assert worker.process.returncode is None, "the worker goes on"
