"""A worker takes only jobs whose demands it meets; what nobody could ever take fails (12.7)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.actions.jobs import jobs
from quaymaster.actions.jobs.jobs import Taken
from quaymaster.domain.plan import Demand
from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.settings import SettingError, read
from quaymaster.store.resources import workers
from quaymaster.store.resources.workers import NewWorker
from quaymaster.worker.capabilities import offered
from tests import make
from tests.actions.test_jobs import stands, taker, waiting
from tests.worker.world import World, phase

LATER = timedelta(minutes=2)
NORTH = Demand("region", "north")


async def demanding(world: World, *demands: Demand) -> ReleaseId:
    return await world.release(make.plan("Dev", Dev=phase("true", demands=demands)))


async def asks(
    world: World,
    release: ReleaseId,
    offers: Mapping[str, str],
    after: timedelta = timedelta(0),
) -> Taken | None:
    job = await waiting(world, release)
    call = replace(world.call(), now=datetime.now(UTC) + after)
    return await jobs.claim(call, release, job.id, replace(taker(), capabilities=offers))


async def registered(world: World, name: str, offers: Mapping[str, str]) -> None:
    async with world.installation.database.transaction() as connection:
        new = NewWorker(name, name, 1, 1, offers)
        await workers.register(connection, new, timedelta(seconds=30))


async def test_only_a_worker_that_meets_the_demands_gets_the_job(world: World) -> None:
    release = await demanding(world, NORTH, Demand("git"))
    assert await asks(world, release, {"region": "south", "git": "/usr/bin/git"}) is None
    assert await asks(world, release, {"region": "north"}) is None
    assert await asks(world, release, {"Region": "NORTH", "Git": ""}) is not None


async def test_a_job_waits_while_another_worker_could_take_it(world: World) -> None:
    await registered(world, "one", {})
    await registered(world, "two", {"region": "north"})
    release = await demanding(world, NORTH)
    assert await asks(world, release, {}, LATER) is None
    assert (await stands(world, release)).outcome is None


async def test_a_job_that_nobody_could_ever_take_fails_after_a_while(world: World) -> None:
    await registered(world, "one", {})
    release = await demanding(world, NORTH)
    assert await asks(world, release, {}) is None
    assert (await stands(world, release)).outcome is None
    assert await asks(world, release, {}, LATER) is None
    dev = await stands(world, release)
    assert dev.outcome is Outcome.PHASE_FAILED
    assert dev.jobs[0].error == (
        "No worker of the pool offers what the job demands: region -equals north."
    )


def test_a_worker_offers_its_tools_names_of_its_environment_and_what_is_declared() -> None:
    environment = {"JAVA_HOME": "/opt/secret", "QUAYMASTER_DATABASE_URL": "x"}
    offer = offered("dock-1", environment, {"region": "north"})
    assert offer["Agent.Name"] == "dock-1"
    assert offer["sh"].endswith("/sh")
    assert offer["region"] == "north"
    assert offer["JAVA_HOME"] == ""
    assert "QUAYMASTER_DATABASE_URL" not in offer
    assert offer["Agent.Version"].split(".")[0].isdigit()


def test_declared_capabilities_are_read_from_the_settings() -> None:
    found = read({"QUAYMASTER_CAPABILITIES": "region=north, gpu,"}).capabilities
    assert found == {"region": "north", "gpu": ""}
    with pytest.raises(SettingError, match="names nothing"):
        read({"QUAYMASTER_CAPABILITIES": "=north"})
