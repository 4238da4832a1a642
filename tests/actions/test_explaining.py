"""Why a stage waits, looked up: the queue, approvers by name, and what workers offer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from quaymaster.actions.deployments import explaining
from quaymaster.actions.jobs import jobs
from quaymaster.actions.jobs.jobs import End
from quaymaster.cli import explaining as command
from quaymaster.domain.errors import NotFound
from quaymaster.domain.plan import Demand
from quaymaster.domain.reasons import ReasonKind
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.deployments import environment_deployments
from quaymaster.store.jobs.reports import Report, StepState
from quaymaster.store.jobs.task_runs import StepIssue
from quaymaster.store.releases import releases
from quaymaster.store.resources import workers
from quaymaster.store.resources.workers import NewWorker
from tests import make
from tests.actions.test_jobs import claimed
from tests.worker.world import World, phase


async def test_a_demand_that_nobody_meets_is_named(world: World) -> None:
    async with world.installation.database.transaction() as connection:
        new = NewWorker("one", "dock-1", 1, 1, {"region": "south"})
        await workers.register(connection, new, timedelta(seconds=30))
    stage = phase("true", demands=(Demand("region", "north"),))
    release = await world.release(make.plan("Dev → QA", Dev=stage, QA=phase("true")))
    dev = await explaining.reasons_by_name(world.call(), release, "dev")
    assert dev.stage == "Dev"
    (reason,) = [one for one in dev.reasons if one.kind is ReasonKind.WORKER]
    assert "offers region -equals north" in reason.text
    assert command._row(reason, dev.names)[0] == "now"
    qa = await explaining.reasons_by_name(world.call(), release, "QA")
    assert "waits for Dev" in qa.reasons[0].text


async def test_the_worker_that_runs_a_job_is_called_by_its_name(world: World) -> None:
    async with world.installation.database.transaction() as connection:
        await workers.register(connection, NewWorker("one", "dock-1", 1, 1, {}), timedelta(hours=1))
    release = await world.release(make.plan("Dev", Dev=phase("true")))
    await claimed(world, release)
    dev = await explaining.reasons_by_name(world.call(), release, "Dev")
    (running,) = [one for one in dev.reasons if one.kind is ReasonKind.RUNNING]
    assert running.text == "'Phase 1' runs on dock-1."
    assert running.cleared_by[0] == "dock-1"


async def test_a_queue_nobody_knows_is_that_of_the_first_pool(world: World) -> None:
    async with world.installation.database.transaction() as connection:
        new = NewWorker("two", "dock-2", 1, 1, {"region": "south"})
        await workers.register(connection, new, timedelta(hours=1))
    (odd,) = phase("true", demands=(Demand("region", "north"),))["phases"]
    release = await world.release(make.plan("Dev", Dev={"phases": (replace(odd, queue_id=4711),)}))
    dev = await explaining.reasons_by_name(world.call(), release, "Dev")
    (reason,) = [one for one in dev.reasons if one.kind is ReasonKind.WORKER]
    assert "offers region -equals north" in reason.text


async def test_what_is_not_there_is_said(world: World) -> None:
    release = await world.release(make.plan("Dev", Dev=phase("true")))
    with pytest.raises(NotFound, match="has no stage Prod, but Dev"):
        await explaining.reasons_by_name(world.call(), release, "Prod")
    with pytest.raises(NotFound):
        await explaining.reasons_by_name(world.call(), ReleaseId(4711), "Dev")


async def test_the_step_that_failed_is_named_with_its_first_error(world: World) -> None:
    release = await world.release(make.plan("Dev", Dev=phase("true")))
    taken = await claimed(world, release)
    step = taken.message.steps[-1].id
    issues = (
        StepIssue("warning", "Nearly full."),
        StepIssue("error", "The disk is full."),
        StepIssue("error", "Exit code 1."),
    )
    told = StepState(step, "Copy", "completed", make.NOW, make.NOW, "Failed", issues=issues)
    await jobs.finish(world.call(), taken.held, End(JobStatus.FAILED, "", Report([told])))
    dev = await explaining.reasons_by_name(world.call(), release, "Dev")
    assert "Attempt 1 failed: Copy: The disk is full." in {one.text for one in dev.reasons}
    async with world.installation.database.read() as connection:
        found = await releases.load(connection, release)
        assert found is not None
        shown = await environment_deployments.newest_of_stage(connection, found.stages[0].id)
    assert shown is not None
    assert shown.problem == "Copy: The disk is full."
