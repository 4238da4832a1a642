"""Which builds are a definition's latest, and after which day it was built (SEMANTICS 22.5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from quaymaster.actions.builds import happening
from quaymaster.actions.call import Call
from quaymaster.domain.build import BuildId
from quaymaster.domain.events import JobClaimed, JobFinished
from quaymaster.domain.release import JobId
from quaymaster.domain.statuses import JobStatus
from tests.apis.azure.build.asking import asked, made, names, queued
from tests.apis.azure.server import Server

TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
GOOD, BAD = JobStatus.SUCCEEDED, JobStatus.FAILED


def hours(count: int) -> datetime:
    return TOMORROW + timedelta(hours=count)


async def ends(server: Server, build: Any, at: datetime, status: JobStatus = GOOD) -> None:
    """The build's newest job is taken and ends at this time."""
    async with server.database.read() as connection:
        job = JobId(
            await connection.fetchval("SELECT max(id) FROM jobs WHERE build_id = $1", build["id"])
        )
    call = Call(server.installation, now=at)
    for event in (JobClaimed(job, "w", "t"), JobFinished(job, "t", status)):
        await happening.happen(call, BuildId(build["id"]), event)


async def latest(server: Server) -> tuple[int | None, int | None]:
    """The only definition's latest build, and the latest that is completed."""
    [entry] = (await asked(server, "GET", "definitions?includeLatestBuilds=true"))["value"]
    completed = entry.get("latestCompletedBuild")
    if completed:
        assert completed["status"] == "completed"
    newest = entry.get("latestBuild")
    return newest and newest["id"], completed and completed["id"]


async def built_since(server: Server, at: datetime) -> list[str]:
    """What was built after this time; all else was not."""
    day = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    found = await names(server, f"builtAfter={day}")
    others = await names(server, f"notBuiltAfter={day}")
    assert sorted(found + others) == sorted(await names(server))
    return found


async def test_a_build_that_runs_again_is_not_the_latest_that_completed(server: Server):
    web = await made(server, "Web")
    first, second = await queued(server, web), await queued(server, web)
    await ends(server, first, hours(1))
    await ends(server, second, hours(2), BAD)
    assert await latest(server) == (second["id"], second["id"])
    await asked(server, "PATCH", f"builds/{second['id']}?retry=true", json={})
    assert await latest(server) == (second["id"], first["id"])
    assert await built_since(server, hours(1) - timedelta(minutes=1)) == ["Web"]
    assert await built_since(server, hours(1)) == []
    await ends(server, second, hours(3))
    assert await latest(server) == (second["id"], second["id"])
    assert await built_since(server, hours(2)) == ["Web"]


async def test_the_only_build_of_a_definition_runs_again(server: Server):
    build = await queued(server, await made(server, "Web"))
    await ends(server, build, hours(1), BAD)
    await asked(server, "PATCH", f"builds/{build['id']}?retry=true", json={})
    assert await latest(server) == (build["id"], None)


async def test_the_latest_that_completed_is_the_one_that_ended_last(server: Server):
    """Whichever was the last to be written."""
    web = await made(server, "Web")
    first, second = await queued(server, web), await queued(server, web)
    await ends(server, first, hours(2))
    await ends(server, second, hours(1))
    assert await latest(server) == (second["id"], first["id"])


async def test_builds_that_are_deleted_count_no_more(server: Server):
    web, api = await made(server, "Web"), await made(server, "Api")
    old, new = await queued(server, web), await queued(server, web)
    await ends(server, old, hours(1))
    await ends(server, new, hours(3))
    await ends(server, await queued(server, api), hours(2))
    assert await built_since(server, hours(0)) == ["Web", "Api"]
    assert await built_since(server, hours(2)) == ["Web"]
    await asked(server, "DELETE", f"builds/{new['id']}", 204)
    assert await built_since(server, hours(1)) == ["Api"]
    assert await built_since(server, hours(1) - timedelta(minutes=1)) == ["Web", "Api"]
    assert await built_since(server, hours(2)) == []
    await asked(server, "DELETE", f"definitions/{api['id']}", 204)
    assert await latest(server) == (old["id"], old["id"])
    await asked(server, "DELETE", f"builds/{old['id']}", 204)
    assert await latest(server) == (None, None)
    assert await built_since(server, datetime(2020, 1, 1, tzinfo=UTC)) == []


async def test_a_definition_that_is_restored_has_its_builds_but_those_deleted_before(
    server: Server,
):
    """SEMANTICS 22.2."""
    web = await made(server, "Web")
    kept, gone = await queued(server, web), await queued(server, web)
    await ends(server, kept, hours(1))
    await ends(server, gone, hours(2))
    await asked(server, "DELETE", f"builds/{gone['id']}", 204)
    await asked(server, "DELETE", f"definitions/{web['id']}", 204)
    assert (await asked(server, "GET", "builds"))["count"] == 0
    await asked(server, "PATCH", f"definitions/{web['id']}?deleted=false", json={})
    assert [one["id"] for one in (await asked(server, "GET", "builds"))["value"]] == [kept["id"]]
    assert await latest(server) == (kept["id"], kept["id"])


async def test_metrics_count_a_day_s_builds_by_how_they_ended(server: Server):
    """SEMANTICS 22.6, in the list and of one definition."""
    web = await made(server, "Web")
    for status in (GOOD, GOOD, BAD):
        await ends(server, await queued(server, web), hours(1), status)
    canceled = await queued(server, web)
    await asked(server, "PATCH", f"builds/{canceled['id']}", json={"status": "cancelling"})
    await queued(server, web)
    day = f"minMetricsTime={hours(-48):%Y-%m-%d}"
    [entry] = (await asked(server, "GET", f"definitions?{day}"))["value"]
    one = (await asked(server, "GET", f"definitions/{web['id']}/metrics?{day}"))["value"]
    counted: dict[str, int] = {}
    for metric in entry["metrics"]:
        counted[metric["name"]] = counted.get(metric["name"], 0) + metric["intValue"]
    assert counted == {
        "TotalBuilds": 4,
        "SuccessfulBuilds": 2,
        "FailedBuilds": 1,
        "CanceledBuilds": 1,
        "CurrentBuildsInQueue": 1,
    }
    several = [(metric["name"], metric["intValue"]) for metric in entry["metrics"]]
    assert [(metric["name"], metric["intValue"]) for metric in one] == several


async def test_the_order_of_change_is_that_of_the_newest_revision(server: Server):
    first = await made(server, "First")
    await made(server, "Second")
    await asked(server, "PUT", f"definitions/{first['id']}", json={**first, "description": "x"})
    assert await names(server, "queryOrder=lastModifiedAscending") == ["Second", "First"]
    assert await names(server, "queryOrder=lastModifiedDescending") == ["First", "Second"]
