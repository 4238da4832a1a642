"""Gates are asked by a worker, all in one sample, and what they said is kept."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.deployments.gates import asking
from quaymaster.connectors.server_tasks.running import WebTasks
from quaymaster.domain.plan import GatePolicy, TaskPlan
from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.store.postgres import sweeping
from quaymaster.store.releases import retention
from tests import make
from tests.connectors.far_side import answering, far_side
from tests.server.waiting import eventually
from tests.worker.test_server_tasks import asks
from tests.worker.world import World, phase

pytestmark = pytest.mark.usefixtures("loopback_is_allowed")

MINUTE = timedelta(minutes=1)


def gated(*tasks: TaskPlan, side: str = "pre_gates", **changes: Any) -> dict[str, Any]:
    """A stage whose one script follows or goes before these gates; no delay."""
    rules = {"interval": MINUTE, "timeout": MINUTE, "delay": timedelta(0)}
    return {**phase("true"), side: GatePolicy(enabled=True, tasks=tasks, **{**rules, **changes})}


async def sampled(world: World, release: ReleaseId, number: int) -> None:
    """Return once all gates have answered in this sample."""

    async def is_answered() -> bool:
        dev = await world.deployment(release, "Dev")
        ended = [sample.number for run in dev.gates for sample in run.samples if sample.ended_at]
        return number in ended

    await eventually(is_answered, f"sample {number}")


@pytest.mark.parametrize("side", ["pre_gates", "post_gates"])
async def test_a_deployment_goes_on_when_all_gates_agree(world: World, side: str) -> None:
    async with far_side(answering('{"alerts": []}')) as far:
        quiet = asks(far.url, "No alerts", successCriteria="eq(count(root['alerts']), 0)")
        stage = gated(quiet, asks(far.url + "/$(Release.ReleaseId)"), side=side)
        release = await world.release(make.plan("Dev", Dev=stage))
        await world.worker()
        dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.SUCCEEDED
    (run,) = dev.gates
    (sample,) = run.samples
    assert [result.name for result in sample.results] == ["No alerts", "Ask"]
    assert sorted(line.split()[1] for line in far.asked) == ["/", f"/{release}"]
    told = (await asking.evidence(world.installation.files, run, 1, 1)).decode()
    assert '{"alerts": []}' in told
    assert "is True" in told


async def test_gates_that_do_not_agree_are_asked_again_until_the_time_is_over(
    world: World,
) -> None:
    async with far_side(answering("busy", "503 Unavailable")) as far:
        stage = gated(asks(far.url, "Ready"), timeout=5 * MINUTE)
        release = await world.release(make.plan("Dev", Dev=stage))
        await world.worker()
        await sampled(world, release, 1)
        await world.after(MINUTE, release)
        await sampled(world, release, 2)
        await world.after(6 * MINUTE, release)
        dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.GATE_FAILED
    (run,) = dev.gates
    assert len(run.samples) == 2
    said = {result.message for sample in run.samples for result in sample.results}
    assert "The answer's status is 503." in said


async def test_a_gate_that_nobody_can_ask_fails_and_says_so(world: World) -> None:
    unknown = TaskPlan("f1e4b0e6-017e-4819-8a48-000000000000", "0.*", "Query")
    release = await world.release(make.plan("Dev", Dev=gated(unknown)))
    await world.worker()
    await sampled(world, release, 1)
    await world.after(2 * MINUTE, release)
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.GATE_FAILED
    assert "without an agent" in dev.gates[0].samples[0].results[0].message


async def test_a_sample_that_nobody_took_is_found_again_and_asked_once(world: World) -> None:
    stage = gated(asks("http://127.0.0.1:1"))
    release = await world.release(make.plan("Dev", Dev=stage))
    dev = await world.deployment(release, "Dev")
    assert dev is not None
    (run,) = dev.gates
    async with world.installation.database.read() as connection:
        assert await sweeping.gates_without_answers(connection, timedelta(0)) == [run.id]
        assert await sweeping.gates_without_answers(connection, timedelta(hours=1)) == []
    call = asking_call(world)
    assert await asking.ask(call, run.id)
    assert not await asking.ask(call, run.id)
    async with world.installation.database.read() as connection:
        assert await sweeping.gates_without_answers(connection, timedelta(0)) == []


def asking_call(world: World) -> Call:
    """A call of a process that can ask gates, as a worker is."""
    tasks = WebTasks(GuardedClient(AllowedAddresses.of(("127.0.0.1",))))
    outside = replace(world.installation.outside, server_tasks=tasks)
    return Call(replace(world.installation, outside=outside))


async def test_a_gate_that_takes_its_time_is_asked_by_nobody_else_meanwhile(world: World) -> None:
    may_answer = asyncio.Event()

    async def slowly(writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        await answering("{}")(writer)

    async with far_side(slowly) as far:
        release = await world.release(make.plan("Dev", Dev=gated(asks(far.url))))
        dev = await world.deployment(release, "Dev")
        assert dev is not None
        first = asyncio.create_task(asking.ask(asking_call(world), dev.gates[0].id))

        async def is_asked() -> bool:
            return bool(far.asked)

        await eventually(is_asked, "the gate to be asked")
        assert not await asking.ask(asking_call(world), dev.gates[0].id)
        may_answer.set()
        assert await first
    assert len(far.asked) == 1


async def test_the_evidence_is_removed_with_its_release(world: World) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=gated(asks(far.url))))
        await world.worker()
        dev = await world.ended(release, "Dev")
    [result] = dev.gates[0].samples[0].results
    async with world.installation.database.read() as connection:
        keys = await retention.object_keys(connection, [release])
    assert keys.count(result.log) == 1
    assert await world.installation.files.get(result.log)
