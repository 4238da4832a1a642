"""A worker carries out server phases itself: real calls, real evidence."""

from typing import Any

import pytest

from quaymaster.domain.plan import PhaseKind, TaskPlan
from quaymaster.domain.release import Outcome
from quaymaster.plans.features import INVOKE_REST_API
from tests import make
from tests.connectors.far_side import answering, far_side
from tests.worker.test_running import task_of, text_of
from tests.worker.world import World

pytestmark = pytest.mark.usefixtures("loopback_is_allowed")


def asks(url: str, name: str = "Ask", **inputs: str) -> TaskPlan:
    given = {"serviceConnection": url, "method": "GET", **inputs}
    return TaskPlan(INVOKE_REST_API, "1.*", name, inputs=given)


def on_server(*tasks: TaskPlan) -> dict[str, Any]:
    return {"phases": (make.phase(kind=PhaseKind.SERVER, tasks=tasks),)}


async def test_a_server_task_asks_and_its_evidence_is_its_log(world: World) -> None:
    async with far_side(answering('{"open": 0}')) as far:
        url = far.url + "/alerts/$(Release.EnvironmentName)?key=$(key)"
        plan = on_server(asks(url, successCriteria="eq(root['open'], 0)"))
        release = await world.release(make.plan("Dev", Dev=plan), secrets={"key": "s3cret!"})
        worker = await world.worker()
        dev = await world.ended(release, "Dev")
        assert dev.outcome is Outcome.SUCCEEDED, await text_of(world, await task_of(world, release))
    assert far.asked[0].startswith("GET /alerts/Dev?key=s3cret! ")
    log = await text_of(world, await task_of(world, release))
    assert "Status 200" in log
    assert '{"open": 0}' in log
    assert "?key=***" in log
    assert "s3cret" not in log + worker.output.read_text()


async def test_a_server_task_that_fails_fails_its_stage_and_says_why(world: World) -> None:
    async with far_side(answering("down", "503 Service Unavailable")) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(asks(far.url))))
        await world.worker()
        assert (await world.ended(release, "Dev")).outcome is Outcome.PHASE_FAILED
    (issue,) = (await task_of(world, release)).issues
    assert issue.message == "The answer's status is 503."


async def test_an_agents_task_does_not_run_on_the_server(world: World) -> None:
    script = TaskPlan("6c731c3c-3c68-459a-a5c9-bde6e6595b5b", "3.*", "Script")
    release = await world.release(make.plan("Dev", Dev=on_server(script)))
    await world.worker()
    assert (await world.ended(release, "Dev")).outcome is Outcome.PHASE_FAILED
    assert "without an agent" in (await task_of(world, release)).issues[0].message
