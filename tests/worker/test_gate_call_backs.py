"""Gates whose services report later: their sample is open meanwhile, and no worker waits."""

import pytest

from quaymaster.actions.deployments.gates import asking
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.store.storage.object_storage import ObjectStorage, StorageUnavailable
from tests import make
from tests.apis.azure.server import Server
from tests.connectors import installed
from tests.connectors.far_side import answering, far_side
from tests.server.waiting import eventually
from tests.worker.reporting_service import BODY, asked, awaited, until_asked, waits
from tests.worker.test_connections import connect
from tests.worker.test_gates import MINUTE, asking_call, gated
from tests.worker.test_running import task_of, text_of
from tests.worker.test_server_tasks import asks, on_server
from tests.worker.world import World

SECRET = "s3cret-of-the-release"
pytestmark = pytest.mark.usefixtures("loopback_is_allowed")


async def test_an_installed_task_is_a_gate_and_waits_for_its_service(
    world: World, server: Server
) -> None:
    execute = {**installed.REQUEST["HttpRequest"]["Execute"], "Body": BODY}
    installed.install(world.home / "tasks", {"HttpRequest": {"Execute": execute}})
    gate = TaskPlan(installed.ID, "1.*", "Gate", inputs={"desk": "Site", "change": "gate"})
    waiting = {"desk": "Site", "change": "$(what)", "waitForAnswer": "$(slow)"}
    task = TaskPlan(installed.ID, "1.*", "Ask", inputs=waiting)
    async with far_side(answering('{"state": "open"}')) as far:
        await connect(world, far.url)
        plan = make.plan("Dev", Dev={**gated(gate), **on_server(task)})
        release = await world.release(plan, variables={"slow": "true", "what": "phase"})
        worker = await world.worker()
        service = await asked(server, far, 1)
        await awaited(world, release)
    assert far.asked[0].startswith("PUT /changes/gate ")
    assert far.asked[1].startswith("PUT /changes/phase ")
    assert "Authorization: Basic " in far.asked[1]
    assert await service.completes() == 204
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.SUCCEEDED
    log = await text_of(world, await task_of(world, release))
    assert "Status 200" in log
    assert "reported success" in log
    assert service.told["token"] not in log + worker.output.read_text()


async def evidence(world: World, release: ReleaseId, rank: int) -> str:
    dev = await world.deployment(release, "Dev")
    assert dev is not None
    number = dev.gates[0].samples[-1].number
    return (await asking.evidence(world.installation.files, dev.gates[0], number, rank)).decode()


async def test_a_sample_ends_when_its_last_gate_has_reported(world: World, server: Server) -> None:
    async with far_side(answering("{}")) as quick, far_side(answering("{}")) as far:
        stage = gated(asks(quick.url, "Quick"), waits(far.url, "Slow"), waits(far.url, "Slower"))
        release = await world.release(make.plan("Dev", Dev=stage), secrets={"key": SECRET})
        await world.worker()
        services = [await asked(server, far), await asked(server, far, 1)]
        assert len({one.told["task"] for one in services}) == 2
        await asked_twice(world)
        assert await services[0].says(f"looking, {SECRET}") == 200
        assert await services[0].completes() == 204
        dev = await world.deployment(release, "Dev")
        assert dev is not None
        assert dev.gates[0].open_sample
        assert await services[1].completes() == 204
        dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.SUCCEEDED
    [sample] = dev.gates[0].samples
    assert [result.name for result in sample.results] == ["Quick", "Slow", "Slower"]
    told = [await evidence(world, release, rank) for rank in (2, 3)]
    assert any("looking, ***" in one for one in told)
    assert all("reported success" in one for one in told)
    assert len(quick.asked) == 1
    for service in services:
        assert await service.says("late") == 401


async def asked_twice(world: World) -> None:
    """Wait until both services are known to have been asked."""

    async def are_asked() -> bool:
        count: int = await world.execute(
            "SELECT count(*) FROM call_backs WHERE asked_at IS NOT NULL"
        )
        return count == 2

    await eventually(are_asked, "both services to be asked")


async def test_what_other_gates_said_is_kept_although_the_storage_is_away(
    world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_storage: ObjectStorage, key: str, _body: bytes) -> None:
        raise StorageUnavailable(key)

    async with far_side(answering("{}")) as far:
        stage = gated(waits(far.url), asks(far.url))
        release = await world.release(make.plan("Dev", Dev=stage))
        dev = await world.deployment(release, "Dev")
        assert dev is not None
        with monkeypatch.context() as storage:
            storage.setattr(ObjectStorage, "put", away)
            assert await asking.ask(asking_call(world), dev.gates[0].id)
        assert len(far.asked) == 2
        [waiting] = [place for place, one in enumerate(far.asked) if '"token"' in one]
        service = await asked(server, far, waiting)
        assert await service.completes() == 204
    after = await world.deployment(release, "Dev")
    assert after is not None
    assert [result.succeeded for result in after.gates[0].samples[0].results] == [True, True]


async def test_a_gate_that_reports_failure_fails_its_sample(world: World, server: Server) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=gated(waits(far.url, "Slow"))))
        await world.worker()
        service = await asked(server, far)
        assert await service.completes("failed") == 204
        await world.after(2 * MINUTE, release)
        dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.GATE_FAILED
    [result] = dev.gates[0].samples[0].results
    assert result.message == "The service reported that it has failed."


async def test_a_gate_whose_worker_is_killed_is_not_asked_again_and_its_report_counts(
    world: World, server: Server
) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=gated(waits(far.url, "Slow"))))
        worker = await world.worker()
        service = await asked(server, far)
        await until_asked(world)
        worker.kill()
        await worker.process.wait()
        second = await world.worker()
        assert await service.completes() == 204
        assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
        assert len(far.asked) == 1, second.output.read_text()


async def test_a_gate_that_never_reports_fails_with_its_sample(
    world: World, server: Server
) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=gated(waits(far.url, "Slow"))))
        await world.worker()
        service = await asked(server, far)
        await until_asked(world)
        await world.after(2 * MINUTE, release)
        dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.GATE_FAILED
    assert await service.completes() == 401
