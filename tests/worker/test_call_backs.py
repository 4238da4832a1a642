"""Services that report later: a worker asks them, nobody waits meanwhile, their report counts."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from quaymaster.actions import gate_asking
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.release import JobKind, Outcome, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.plans.features import INVOKE_REST_API
from quaymaster.store.task_runs import StepOutput
from tests import make
from tests.apis.azure.server import Server, serving
from tests.connectors import installed
from tests.connectors.far_side import answering, far_side
from tests.server.waiting import eventually
from tests.worker.test_connections import connect
from tests.worker.test_gates import MINUTE, gated
from tests.worker.test_running import task_of, text_of
from tests.worker.test_server_tasks import asks, on_server
from tests.worker.world import SHORT_LEASE_SECONDS, World

SECRET = "s3cret-of-the-release"
BODY = json.dumps(
    {
        "hub": "$(system.HostType)",
        "plan": "$(system.PlanId)",
        "job": "$(system.JobId)",
        "timeline": "$(system.TimelineId)",
        "task": "$(system.TaskInstanceId)",
        "project": "$(system.TeamProjectId)",
        "token": "$(system.AuthToken)",
    }
)


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUAYMASTER_ALLOWED_ADDRESSES", "127.0.0.1")


@pytest.fixture
async def server(world: World) -> AsyncIterator[Server]:
    async with serving(world.installation.database, world.home) as running:
        yield running


def waits(url: str, name: str = "Ask", **changes: Any) -> TaskPlan:
    inputs = {"serviceConnection": url, "body": BODY, "waitForCompletion": "true"}
    return TaskPlan(INVOKE_REST_API, "1.*", name, inputs=inputs, **changes)


@dataclass(frozen=True, slots=True)
class Service:
    """What was asked of the far side, and ways to report on it."""

    server: Server
    told: dict[str, str]

    @property
    def plan(self) -> str:
        told = self.told
        return (
            f"/default/{told['project']}/_apis/distributedtask/hubs/{told['hub']}"
            f"/plans/{told['plan']}"
        )

    async def post(self, path: str, *, token: str = "", **more: Any) -> httpx.Response:
        used = token or self.told["token"]
        return await self.server.ask("POST", f"{self.plan}/{path}", token=used, **more)

    async def completes(self, result: object = "succeeded", **more: Any) -> int:
        event = {
            "name": "TaskCompleted",
            "jobId": self.told["job"],
            "taskId": self.told["task"],
            "result": result,
        }
        answer = await self.post("events", json={**event, **more})
        return answer.status_code

    async def says(self, text: str) -> int:
        made = (await self.post("logs", json={"path": "logs\\mine"})).json()
        return (await self.post(f"logs/{made['id']}", content=text)).status_code


async def asked(server: Server, far: Any, number: int = 0) -> Service:
    """The service once it has been asked so often."""

    async def was_asked() -> bool:
        return len(far.asked) > number

    await eventually(was_asked, "the service to be asked")
    return Service(server, json.loads(far.asked[number].partition("\r\n\r\n")[2]))


async def awaited(world: World, release: ReleaseId) -> None:
    """Wait until no worker holds the job any more."""

    async def is_awaited() -> bool:
        dev = await world.deployment(release, "Dev")
        return dev is not None and any(job.kind is JobKind.CALL_BACK for job in dev.jobs)

    await eventually(is_awaited, "the job to await its report")


# ---- jobs of server phases --------------------------------------------------------------------


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


async def test_a_job_ends_as_its_service_reports(world: World, server: Server) -> None:
    async with far_side(answering("", "202 Accepted")) as far:
        plan = make.plan("Dev", Dev=on_server(waits(far.url)))
        release = await world.release(plan, secrets={"key": SECRET})
        worker = await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
    begun = await service.post("events", json={"name": "TaskStarted", "jobId": service.told["job"]})
    assert begun.status_code == 204
    assert await service.says(f"half way with {SECRET}\nand {service.told['token']}") == 200
    feed = f"timelines/{service.told['timeline']}/records/{service.told['task']}/feed"
    lines = {"value": ["from the feed"], "count": 1}
    assert (await service.post(feed, json=lines)).status_code == 204
    records = {"value": [{"id": service.told["task"], "percentComplete": 40}], "count": 1}
    path = f"{service.plan}/timelines/{service.told['timeline']}/records"
    shown = await server.ask("PATCH", path, json=records, token=service.told["token"])
    assert shown.status_code == 200
    assert (await task_of(world, release)).percent == 40
    assert await service.completes() == 204
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.SUCCEEDED
    step = await task_of(world, release)
    log = await text_of(world, step)
    assert (step.result, step.issues) == ("Succeeded", ())
    for expected in ("Status 202", "half way with ***", "from the feed", "reported success"):
        assert expected in log
    assert SECRET not in log
    assert service.told["token"] not in log + worker.output.read_text()
    assert {each.result for each in await world.steps(release)} == {"Succeeded"}


@pytest.mark.parametrize(
    ("result", "outcome", "shown"),
    [
        ("Failed", Outcome.PHASE_FAILED, "Failed"),
        (2, Outcome.PHASE_FAILED, "Failed"),
        ("succeededWithIssues", Outcome.PARTIALLY_SUCCEEDED, "SucceededWithIssues"),
    ],
)
async def test_every_published_result_is_understood(
    world: World, server: Server, result: object, outcome: Outcome, shown: str
) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
    assert await service.completes(result) == 204
    assert (await world.ended(release, "Dev")).outcome is outcome
    assert (await task_of(world, release)).result == shown


async def test_a_report_that_comes_before_the_answer_is_kept(world: World, server: Server) -> None:
    reported = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        await reported.wait()
        await answering("{}")(writer)

    async with far_side(answer) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        await world.worker()
        service = await asked(server, far)
        assert await service.says("early words") == 200
        assert await service.completes() == 204
        assert await service.completes("failed") == 204  # repeated: nothing changes
        assert await service.says("too late") == 401
        reported.set()
        assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    log = await text_of(world, await task_of(world, release))
    assert "early words" in log
    assert "too late" not in log


async def test_a_worker_that_is_killed_loses_no_report(world: World, server: Server) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        worker = await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
        worker.kill()
        await worker.process.wait()
    assert await service.completes() == 204
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED


async def test_a_report_counts_although_its_worker_was_killed_while_it_asked(
    world: World, server: Server
) -> None:
    never = asyncio.Event()

    async def answer(_: asyncio.StreamWriter) -> None:
        await never.wait()

    async with far_side(answer) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        worker = await world.worker()
        service = await asked(server, far)
        worker.kill()
        await worker.process.wait()
        assert await service.completes() == 204
        dev = await world.deployment(release, "Dev")
        assert dev is not None
        assert [job.status for job in dev.jobs] == [JobStatus.RUNNING]
        await world.execute("UPDATE workers SET lease_until = now()")
        world.lease_seconds = SHORT_LEASE_SECONDS
        await world.worker()  # another one finds the job of the one that is gone
        assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
        never.set()


async def test_a_token_is_good_for_its_own_job_and_while_it_runs(
    world: World, server: Server
) -> None:
    async with far_side(answering("{}")) as far:
        plan = make.plan("Dev", Dev=on_server(waits(far.url)))
        first, second = await world.release(plan), await world.release(plan)
        await world.worker()
        one, other = await asked(server, far), await asked(server, far, 1)
        await awaited(world, first)
        await awaited(world, second)
    mixed = Service(server, {**one.told, "token": other.told["token"]})
    assert await mixed.completes() == 401
    assert await Service(server, {**one.told, "hub": "build"}).completes() == 401
    assert await Service(server, {**one.told, "token": "nonsense"}).completes() == 401
    assert await Service(server, {**one.told, "token": server.token}).completes() == 401
    assert await one.completes(jobId=other.told["job"]) == 404
    for wrong in ({"taskId": one.told["task"]}, {"name": "JobStarted"}, {"result": "maybe"}):
        assert await other.completes(**wrong) in (400, 404), wrong
    token = one.told["token"]
    everywhere = ("/default/_apis/projects", "/default/Default/_apis/release/releases")
    assert [(await server.get(path, token=token)).status_code for path in everywhere] == [401, 401]
    assert await one.completes() == 204
    assert await other.completes() == 204
    for release in (first, second):
        assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert await one.says("late") == 401
    assert await one.completes("failed") == 204
    assert (await world.ended(first, "Dev")).outcome is Outcome.SUCCEEDED


async def test_what_a_service_sets_is_known_to_the_next_task_and_no_secret_is_shown(
    world: World, server: Server
) -> None:
    async with far_side(answering("{}")) as far:
        first = waits(far.url, reference_name="desk")
        later = asks(far.url, "Later", urlSuffix="/?a=$(desk.change)&b=$(desk.key)")
        release = await world.release(make.plan("Dev", Dev=on_server(first, later)))
        worker = await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
        for wrong in ({"": "x"}, {"x": {"value": 3}}, {"x": {"value": "y", "isSecret": "no"}}, "x"):
            assert await service.completes(outputVariables=wrong) == 400
        outputs = {"change": {"value": "CHG-7"}, "key": {"value": "hidden-key", "isSecret": True}}
        assert await service.completes(outputVariables=outputs) == 204
        assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert far.asked[1].startswith("GET /?a=CHG-7&b=hidden-key ")
    [shown] = [step.outputs for step in await world.steps(release) if step.outputs]
    assert shown == (StepOutput("desk.change", "CHG-7"), StepOutput("desk.key", "", is_secret=True))
    logs = [await text_of(world, step) for step in await world.steps(release)]
    assert any("set output variables: change, key" in log for log in logs)
    assert "hidden-key" not in "".join(logs) + worker.output.read_text()
    sealed = await world.execute(
        "SELECT encode(secret_outputs, 'escape') FROM jobs WHERE secret_outputs IS NOT NULL"
    )
    assert sealed
    assert "hidden-key" not in str(sealed)


async def test_outputs_of_a_task_without_a_reference_name_are_not_kept(
    world: World, server: Server
) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
        assert await service.completes(outputVariables={"change": "CHG-7"}) == 204
        assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    step = await task_of(world, release)
    assert step.outputs == ()
    assert "no reference name: change" in await text_of(world, step)


async def test_a_service_that_stays_silent_fails_when_its_time_is_over(
    world: World, server: Server
) -> None:
    async with far_side(answering("{}")) as far:
        task = waits(far.url, timeout=MINUTE)
        release = await world.release(make.plan("Dev", Dev=on_server(task)))
        await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
        await world.after(2 * MINUTE, release)
        assert (await world.ended(release, "Dev")).outcome is Outcome.PHASE_FAILED
    [issue] = (await task_of(world, release)).issues
    assert "did not report in time" in issue.message
    assert await service.completes() == 401
    assert (await world.ended(release, "Dev")).outcome is Outcome.PHASE_FAILED


async def test_a_service_that_refuses_fails_at_once(world: World, server: Server) -> None:
    async with far_side(answering("no", "500 Oops")) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        await world.worker()
        assert (await world.ended(release, "Dev")).outcome is Outcome.PHASE_FAILED
        service = await asked(server, far)
    assert await service.completes() == 401


# ---- gates ------------------------------------------------------------------------------------


async def evidence(world: World, release: ReleaseId, rank: int) -> str:
    dev = await world.deployment(release, "Dev")
    assert dev is not None
    number = dev.gates[0].samples[-1].number
    return (
        await gate_asking.evidence(world.installation.files, dev.gates[0], number, rank)
    ).decode()


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


async def until_asked(world: World) -> None:
    async def is_asked() -> bool:
        return await world.execute("SELECT asked_at FROM call_backs") is not None

    await eventually(is_asked, "the service to have been asked")


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


async def test_an_expired_token_is_none(world: World, server: Server) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    async with world.installation.database.transaction() as connection:
        await connection.execute("UPDATE call_backs SET expires_at = $1", yesterday)
    assert await service.completes() == 401


async def test_many_reports_at_once_are_taken_in_once(world: World, server: Server) -> None:
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
    answers = await asyncio.gather(*(service.completes() for _ in range(5)))
    assert set(answers) == {204}
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    count = "SELECT count(*) FROM history WHERE kind = 'JobAnswered'"
    assert await world.execute(count) == 1
