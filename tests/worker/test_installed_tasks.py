"""A worker runs the tasks that are installed in its home, each in its sections (SEMANTICS 13.4)."""

from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.release import Outcome
from quaymaster.runner.tasks.installed import installing
from quaymaster.runner.tasks.installed.directory import TaskDirectory
from tests import make
from tests.runner.installed_tasks import SESSION, built, libraries
from tests.worker.test_running import text_of
from tests.worker.world import QUEUE, World, shell


async def test_an_installed_task_frames_the_job_with_its_sections(world: World) -> None:
    modules = libraries()
    directory = TaskDirectory(world.home / "tasks")
    installing.install(directory, built("Session", modules, world.home / "built"))
    opened = TaskPlan(SESSION, "1.*", "Session", inputs={"name": "site"})
    tasks = (opened, shell("exit 1", "Break"))
    phase = make.phase(queue_id=QUEUE, tasks=tasks, skip_artifacts=True)
    release = await world.release(make.plan("Dev", Dev={"phases": (phase,)}))
    await world.worker()
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.PHASE_FAILED
    steps = await world.steps(release)
    assert [(step.name, step.result) for step in steps] == [
        ("Initialize job", "Succeeded"),
        ("Pre-job: Session", "Succeeded"),
        ("Session", "Succeeded"),
        ("Break", "Failed"),
        ("Post-job: Session", "Succeeded"),
        ("Finalize job", "Succeeded"),
    ]
    assert {step.version for step in steps if step.task_id == SESSION} == {"1.2.0"}
    assert "closed site 14 while Failed" in await text_of(world, steps[4])
