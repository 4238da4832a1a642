"""What a list of build definitions tells of their builds (SEMANTICS 22.5, 22.6)."""

from datetime import UTC, datetime
from typing import Any

from tests.apis.azure.build.asking import asked, made, names, queued
from tests.apis.azure.server import Server


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


async def canceled(server: Server, build: Any) -> None:
    await asked(server, "PATCH", f"builds/{build['id']}", json={"status": "cancelling"})


async def told(server: Server, query: str) -> dict[str, Any]:
    """The definitions of a list by their names."""
    return {one["name"]: one for one in (await asked(server, "GET", query))["value"]}


async def test_definitions_are_found_by_when_they_were_last_built(server: Server):
    web, api, _ = [await made(server, name) for name in ("Web", "Api", "Never")]
    before = now()
    await canceled(server, await queued(server, web))
    between = now()
    build = await queued(server, api)
    queued_at = now()
    assert await names(server, f"builtAfter={before}") == ["Web", "Api"]
    assert await names(server, f"notBuiltAfter={before}") == ["Never"]
    assert await names(server, f"builtAfter={between}") == ["Api"]
    assert await names(server, f"notBuiltAfter={between}") == ["Web", "Never"]
    assert await names(server, f"builtAfter={queued_at}") == []
    await canceled(server, build)
    assert await names(server, f"builtAfter={queued_at}") == ["Api"], "it has ended since"
    assert await names(server, f"notBuiltAfter={queued_at}") == ["Web", "Never"]
    assert await names(server, f"notBuiltAfter={now()}") == ["Web", "Api", "Never"]


async def test_builds_of_each_definition_are_counted_by_the_day(server: Server):
    web, api = await made(server, "Web"), await made(server, "Api")
    for _ in range(2):
        await canceled(server, await queued(server, web))
    await queued(server, web)
    listed = await told(server, "definitions?minMetricsTime=2020-01-01")
    counted = {(one["name"], one["scope"]): one for one in listed["Web"]["metrics"]}
    assert {key: one["intValue"] for key, one in counted.items()} == {
        ("TotalBuilds", "daily"): 2,
        ("CanceledBuilds", "daily"): 2,
        ("CurrentBuildsInQueue", ""): 1,
    }
    today = counted["TotalBuilds", "daily"]["date"]
    assert today.endswith("T00:00:00Z")
    assert listed["Api"]["metrics"] == []
    assert "metrics" not in (await told(server, "definitions"))["Web"]
    [current] = (await told(server, "definitions?minMetricsTime=2999-01-01"))["Web"]["metrics"]
    assert current["name"] == "CurrentBuildsInQueue"

    async def alone(number: int) -> list[Any]:
        path = f"definitions/{number}/metrics?minMetricsTime=2020-01-01"
        found: list[Any] = (await asked(server, "GET", path))["value"]
        return sorted((one["name"], one["scope"], one["intValue"]) for one in found)

    assert await alone(web["id"]) == sorted((*key, one["intValue"]) for key, one in counted.items())
    assert await alone(api["id"]) == []


async def test_what_was_changed_last_comes_first_whenever_it_was_made(server: Server):
    first, *_ = [await made(server, name) for name in ("a", "b", "c")]
    await asked(server, "PUT", f"definitions/{first['id']}", json={**first, "description": "new"})
    assert await names(server, "queryOrder=lastModifiedDescending") == ["a", "c", "b"]
    assert await names(server, "queryOrder=lastModifiedAscending") == ["b", "c", "a"]


async def test_the_latest_builds_are_those_that_are_left(server: Server):
    web = await made(server, "Web")
    old, new = await queued(server, web), await queued(server, web)

    async def latest() -> list[int | None]:
        [one] = (await told(server, "definitions?includeLatestBuilds=true")).values()
        builds = [one.get(key) for key in ("latestBuild", "latestCompletedBuild")]
        return [build and build["id"] for build in builds]

    assert await latest() == [new["id"], None]
    await canceled(server, new)
    assert await latest() == [new["id"], new["id"]]
    await asked(server, "DELETE", f"builds/{new['id']}", 204)
    assert await latest() == [old["id"], None]
    await canceled(server, old)
    assert await latest() == [old["id"], old["id"]]
    await asked(server, "DELETE", f"builds/{old['id']}", 204)
    assert await latest() == [None, None]
