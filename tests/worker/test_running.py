"""A worker takes waiting jobs, runs them and lets the release go on."""

from quaymaster.domain.release import Outcome
from quaymaster.store import logs
from tests import make
from tests.worker.world import World, phase


async def text_of(world: World, step: int) -> str:
    database, files = world.installation.database, world.installation.files
    return b"".join([part async for part in logs.read(database, files, step)]).decode()


async def test_a_release_goes_through_its_stages(world: World) -> None:
    plan = make.plan("Dev → QA", Dev=phase("echo hello from $SYSTEM_STAGENAME"), QA=phase("true"))
    release = await world.release(plan)
    await world.worker()
    qa = await world.ended(release, "QA")
    assert qa.outcome is Outcome.SUCCEEDED
    steps = await world.steps(release)
    assert [step.kind for step in steps] == ["initialize", "task", "finalize"] * 2
    assert {step.status for step in steps} == {"completed"}
    assert {step.result for step in steps} == {"Succeeded"}
    log = await text_of(world, steps[1].id)
    assert "hello from Dev" in log
    assert steps[1].line_count == log.count("\n")
