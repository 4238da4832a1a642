"""A worker takes waiting jobs, runs them and lets the release go on."""

from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.jobs import logs
from quaymaster.store.jobs.task_runs import TaskRun
from tests import make
from tests.server.waiting import eventually
from tests.worker.world import QUEUE, World, phase


async def text_of(world: World, step: TaskRun) -> str:
    database, files = world.installation.database, world.installation.files
    return b"".join([part async for part in logs.read(database, files, step.id)]).decode()


async def task_of(world: World, release: ReleaseId) -> TaskRun:
    """The one task of a release's first job."""
    return next(step for step in await world.steps(release) if step.kind == "task")


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
    log = await text_of(world, steps[1])
    assert "hello from Dev" in log
    assert steps[1].line_count == log.count("\n")


async def test_a_failing_script_fails_its_stage_and_nothing_follows(world: World) -> None:
    plan = make.plan("Dev → QA", Dev=phase("echo broken >&2; exit 3"), QA=phase("true"))
    release = await world.release(plan)
    await world.worker()
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.PHASE_FAILED
    task = await task_of(world, release)
    assert (task.result, task.error_count) == ("Failed", 1)
    assert "3" in task.issues[0].message
    assert await world.deployment(release, "QA") is None


async def test_a_task_nobody_knows_fails_its_job_and_says_so(world: World) -> None:
    unknown = TaskPlan("00000000-0000-0000-0000-000000000009", "1.*", "Mystery")
    made = make.phase(queue_id=QUEUE, tasks=(unknown,), skip_artifacts=True)
    release = await world.release(make.plan("Dev", Dev={"phases": (made,)}))
    await world.worker()
    dev = await world.ended(release, "Dev")
    assert dev.jobs[0].status is JobStatus.FAILED
    told = " ".join(issue.message for step in await world.steps(release) for issue in step.issues)
    assert "this runner has no such task" in told + dev.jobs[0].error


async def test_a_log_can_be_read_while_it_is_written(world: World) -> None:
    gate = world.home / "gate"
    script = f"echo early; until [ -e {gate} ]; do sleep 0.05; done; echo late"
    release = await world.release(make.plan("Dev", Dev=phase(script)))
    await world.worker()

    async def shows_the_beginning() -> bool:
        if not await world.steps(release):
            return False
        task = await task_of(world, release)
        return task.status == "inProgress" and "early" in await text_of(world, task)

    await eventually(shows_the_beginning, "the first line of the log")
    gate.touch()
    await world.ended(release, "Dev")
    assert "late" in await text_of(world, await task_of(world, release))


async def test_a_long_log_is_kept_whole_and_in_order(world: World) -> None:
    release = await world.release(make.plan("Dev", Dev=phase("seq -f 'line %.0f' 1 120000")))
    await world.worker()
    await world.ended(release, "Dev")
    task = await task_of(world, release)
    log = await text_of(world, task)
    printed = [line.partition(" ")[2] for line in log.splitlines()]
    numbered = [line for line in printed if line.startswith("line ")]
    assert numbered == [f"line {number}" for number in range(1, 120001)]
    assert task.line_count == len(printed)
    assert task.log_bytes == len(log)


async def test_a_secret_reaches_the_script_and_no_log(world: World) -> None:
    script = f"printf '%s' '$(key)' > {world.home / 'told'}; echo the key is '$(key)'"
    release = await world.release(make.plan("Dev", Dev=phase(script)), secrets={"key": "s3cret!"})
    await world.worker()
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert (world.home / "told").read_text() == "s3cret!"
    log = await text_of(world, await task_of(world, release))
    assert "the key is ***" in log
    assert "s3cret" not in log + world.workers[0].output.read_text()


async def test_a_task_renames_its_release(world: World) -> None:
    script = "echo '##vso[release.updatereleasename]Spring 7'"
    release = await world.release(make.plan("Dev", Dev=phase(script)))
    await world.worker()
    await world.ended(release, "Dev")
    assert (await world.loaded(release)).name == "Spring 7"


async def test_text_that_no_row_can_hold_does_not_stop_the_report(world: World) -> None:
    script = r"""printf '##vso[task.logissue type=error]half\000empty\n'; exit 1"""
    release = await world.release(make.plan("Dev", Dev=phase(script)))
    await world.worker()
    assert (await world.ended(release, "Dev")).outcome is Outcome.PHASE_FAILED


async def test_a_worker_for_a_pool_that_does_not_exist_says_so(world: World) -> None:
    worker = await world.worker(pool="Nowhere", wait=False)
    assert await worker.process.wait() == 1
    assert "There is no agent pool named 'Nowhere'" in worker.output.read_text()
