"""Services that report later: a worker asks them, nobody waits meanwhile, their report counts."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.jobs.task_runs import StepOutput
from tests import make
from tests.apis.azure.server import Server
from tests.connectors.far_side import answering, far_side
from tests.worker.reporting_service import Service, asked, awaited, waits
from tests.worker.test_gates import MINUTE
from tests.worker.test_running import task_of, text_of
from tests.worker.test_server_tasks import asks, on_server
from tests.worker.world import SHORT_LEASE_SECONDS, World

SECRET = "s3cret-of-the-release"
pytestmark = pytest.mark.usefixtures("loopback_is_allowed")


async def waiting(world: World, server: Server) -> tuple[ReleaseId, Service]:
    """A release whose job awaits the report of its service."""
    async with far_side(answering("{}")) as far:
        release = await world.release(make.plan("Dev", Dev=on_server(waits(far.url))))
        await world.worker()
        service = await asked(server, far)
        await awaited(world, release)
    return release, service


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
    release, service = await waiting(world, server)
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
    release, service = await waiting(world, server)
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


async def test_an_expired_token_is_none(world: World, server: Server) -> None:
    _, service = await waiting(world, server)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    async with world.installation.database.transaction() as connection:
        await connection.execute("UPDATE call_backs SET expires_at = $1", yesterday)
    assert await service.completes() == 401


async def test_many_reports_at_once_are_taken_in_once(world: World, server: Server) -> None:
    release, service = await waiting(world, server)
    answers = await asyncio.gather(*(service.completes() for _ in range(5)))
    assert set(answers) == {204}
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    count = "SELECT count(*) FROM history WHERE kind = 'JobAnswered'"
    assert await world.execute(count) == 1
