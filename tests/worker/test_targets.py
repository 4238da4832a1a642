"""Phases on deployment groups: real workers that are targets, each with its own job."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quaymaster.actions.resources import deployment_groups
from quaymaster.actions.triggers import target_watch
from quaymaster.domain.changes import CancelRequested, DeploymentRequested
from quaymaster.domain.plan import Demand, PhaseKind, Plan, TargetGroup
from quaymaster.domain.release import Deployment, Outcome, ReleaseId
from quaymaster.domain.statuses import DeploymentReason, JobStatus
from quaymaster.store.jobs import jobs
from quaymaster.store.resources import targets
from quaymaster.store.resources.targets import KeptTarget
from tests import make
from tests.server.waiting import eventually
from tests.worker.test_running import text_of
from tests.worker.world import SHORT_LEASE_SECONDS, WorkerProcess, World, shell

GROUP = "Web servers"


@pytest.fixture
async def group(world: World) -> int:
    now = datetime.now(UTC)
    return await deployment_groups.create_by_operator(
        world.installation.database, GROUP, "Default", "", now
    )


async def target(world: World, name: str, tag: str = "web", **more: Any) -> WorkerProcess:
    """A machine that joins the group, as its operator starts it."""
    given = {"name": name, "tag": tag, "deployment-group": GROUP, "concurrency": 1, **more}
    return await world.worker(**given)


def rollout(group: int, script: str, tags: tuple[str, ...] = ("web",), **rolling: Any) -> Plan:
    """One stage that runs a script on the targets of a group."""
    phase = make.phase(
        kind=PhaseKind.DEPLOYMENT_GROUP,
        queue_id=group,
        tasks=(shell(script),),
        skip_artifacts=True,
        targets=TargetGroup(tags, **rolling),
    )
    return make.plan("Dev", Dev={"phases": (phase,)})


def outcomes(deployment: Deployment) -> dict[str, str]:
    """What came of the attempt on each target."""
    return {job.name: str(job.status) for job in deployment.jobs}


async def kept(world: World, group: int) -> dict[str, KeptTarget]:
    async with world.installation.database.read() as connection:
        return {one.name: one for one in await targets.listed(connection, group)}


async def becomes(world: World, group: int, name: str, *, online: bool) -> None:
    async def has_become() -> bool:
        return (await kept(world, group))[name].is_online is online

    await eventually(has_become, f"{name} to be {'online' if online else 'offline'}")


async def redeploy_failed(world: World, release: ReleaseId) -> None:
    stage = (await world.loaded(release)).stages[0].id
    event = DeploymentRequested(
        stage, make.CREATOR, make.CREATOR, DeploymentReason.MANUAL, only_failed_targets=True
    )
    await world.happen(release, event)


async def test_each_target_with_the_tags_runs_the_phase_once(world: World, group: int) -> None:
    await target(world, "web-1", "web,eu")
    await target(world, "web-2")
    await target(world, "db-1", "db")
    script = 'echo "on $AGENT_NAME in $AGENT_DEPLOYMENTGROUPID"'
    release = await world.release(rollout(group, script))
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.SUCCEEDED
    assert outcomes(dev) == {"web-1": "succeeded", "web-2": "succeeded"}
    tasks = [step for step in await world.steps(release) if step.kind == "task"]
    logs = "".join([await text_of(world, step) for step in tasks])
    assert f"on web-1 in {group}" in logs
    assert f"on web-2 in {group}" in logs
    found = await kept(world, group)
    assert found["web-1"].tags == ("web", "eu")
    assert found["db-1"].is_online


async def test_targets_are_rolled_one_by_one_and_failed_ones_alone_are_repeated(
    world: World, group: int
) -> None:
    await target(world, "web-1")
    await target(world, "web-2")
    busy, broken = world.home / "busy", world.home / "broken"
    broken.touch()
    script = (
        f"mkdir {busy} || exit 7\n"  # somebody else is at it
        f'echo "$AGENT_NAME" >> {world.home / "order"}\n'
        f'[ "$AGENT_NAME" = web-2 ] && [ -e {broken} ] && rmdir {busy} && exit 3\n'
        f"rmdir {busy}"
    )
    release = await world.release(rollout(group, script, one_at_a_time=True))
    first = await world.ended(release, "Dev")
    assert outcomes(first) == {"web-1": "succeeded", "web-2": "failed"}
    assert first.outcome is Outcome.PARTIALLY_SUCCEEDED
    broken.unlink()
    await redeploy_failed(world, release)

    async def is_second() -> bool:
        newest = await world.deployment(release, "Dev")
        return newest is not None and newest.attempt == 2

    await eventually(is_second, "the second attempt")
    second = await world.ended(release, "Dev")
    assert outcomes(second) == {"web-2": "succeeded"}
    assert second.outcome is Outcome.SUCCEEDED
    assert (world.home / "order").read_text().split() == ["web-1", "web-2", "web-2"]


async def test_too_many_failures_stop_the_rollout(world: World, group: int) -> None:
    for number in range(1, 4):
        await target(world, f"web-{number}")
    release = await world.release(rollout(group, "exit 1", healthy_percent=60))
    dev = await world.ended(release, "Dev")
    assert outcomes(dev) == {"web-1": "failed", "web-2": "skipped", "web-3": "skipped"}
    assert dev.outcome is Outcome.PHASE_FAILED


async def test_a_target_that_is_offline_is_passed_over(world: World, group: int) -> None:
    await target(world, "web-1")
    gone = await target(world, "web-2")
    await gone.stop()
    await becomes(world, group, "web-2", online=False)
    release = await world.release(rollout(group, "true"))
    dev = await world.ended(release, "Dev")
    assert outcomes(dev) == {"web-1": "succeeded", "web-2": "skipped"}
    assert dev.outcome is Outcome.SUCCEEDED
    assert "offline" in dev.jobs[1].error


async def test_a_killed_target_fails_its_job_once_and_takes_its_place_again(
    world: World, group: int
) -> None:
    world.lease_seconds = SHORT_LEASE_SECONDS
    first = await target(world, "web-1")
    began = world.home / "began"
    release = await world.release(rollout(group, f"touch {began}; sleep 60"))

    async def runs() -> bool:
        return began.exists()

    await eventually(runs, "the job to begin")
    first.kill()
    await target(world, "web-1")  # waits until the lease of the first is over
    dev = await world.ended(release, "Dev")
    assert outcomes(dev) == {"web-1": "failed"}
    assert "web-1" in dev.jobs[0].error
    assert list(await kept(world, group)) == ["web-1"]
    again = await world.release(rollout(group, "true"))
    assert (await world.ended(again, "Dev")).outcome is Outcome.SUCCEEDED


async def test_a_target_without_what_is_demanded_fails_by_name(world: World, group: int) -> None:
    await target(world, "web-1")
    [stage] = rollout(group, "true").stages
    demanded = replace(stage.phases[0], demands=(Demand("quantum-drive"),))
    release = await world.release(make.plan("Dev", Dev={"phases": (demanded,)}))
    dev = await world.ended(release, "Dev")
    assert dev.jobs[0].status is JobStatus.FAILED
    assert "web-1 does not offer" in dev.jobs[0].error
    assert "quantum-drive" in dev.jobs[0].error


async def test_a_job_whose_target_does_not_come_back_fails(world: World, group: int) -> None:
    await target(world, "web-1")
    world.lease_seconds = SHORT_LEASE_SECONDS
    other = await target(world, "web-2")
    gate = world.home / "gate"
    script = f"until [ -e {gate} ]; do sleep 0.05; done"
    blocking = await world.release(rollout(group, script))

    async def runs() -> bool:
        newest = await world.deployment(blocking, "Dev")
        started = [job.started_at for job in newest.jobs] if newest else [None]
        return all(started)

    await eventually(runs, "both targets to be busy")
    waiting = await world.release(rollout(group, "true"))

    async def waits() -> bool:
        newest = await world.deployment(waiting, "Dev")
        return newest is not None and [job.status for job in newest.jobs] == ["waiting"] * 2

    await eventually(waits, "both jobs to wait")
    other.kill()
    await becomes(world, group, "web-2", online=False)
    assert await target_watch.fail_deserted_jobs(world.call(), timedelta(0)) == 1
    gate.touch()
    dev = await world.ended(waiting, "Dev")
    assert outcomes(dev) == {"web-1": "succeeded", "web-2": "failed"}
    assert "has not come back" in dev.jobs[1].error


async def test_a_worker_of_a_pool_takes_no_job_of_a_target(world: World, group: int) -> None:
    await world.worker()
    first = await target(world, "web-1")
    release = await world.release(rollout(group, "true"))
    dev = await world.ended(release, "Dev")
    async with world.installation.database.read() as connection:
        assert await jobs.pools_of(connection, [dev.jobs[0].id]) == {
            dev.jobs[0].id: await connection.fetchval("SELECT pool_id FROM deployment_groups")
        }
        name = await connection.fetchval(
            "SELECT name FROM workers WHERE id = $1", dev.jobs[0].worker
        )
    assert name == "web-1"
    assert await first.stop() == 0


async def test_a_group_that_does_not_exist_is_said(world: World) -> None:
    process = await world.worker(wait=False, **{"deployment-group": "Nowhere", "name": "web-1"})
    assert await process.process.wait() == 1
    assert "no deployment group named 'Nowhere'" in process.output.read_text()


async def test_a_canceled_rollout_stops_what_runs_and_starts_no_more(
    world: World, group: int
) -> None:
    await target(world, "web-1")
    await target(world, "web-2")
    began = world.home / "began"
    script = f"touch {began}; sleep 60"
    release = await world.release(rollout(group, script, one_at_a_time=True))

    async def runs() -> bool:
        return began.exists()

    await eventually(runs, "the first job to begin")
    stage = (await world.loaded(release)).stages[0].id
    await world.happen(release, CancelRequested(stage, make.CREATOR))
    dev = await world.ended(release, "Dev")
    assert outcomes(dev) == {"web-1": "canceled", "web-2": "canceled"}
    assert dev.outcome is Outcome.CANCELED
