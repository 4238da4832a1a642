"""What a request to queue a build says reaches its jobs, and how lists find it (SEMANTICS 23.3)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.jobs import build_jobs
from quaymaster.actions.jobs.takers import Taker
from quaymaster.domain.build import BuildId
from quaymaster.plans.job_message import Place
from quaymaster.store.builds import builds as rows
from tests.apis.azure.build.asking import asked, made, queued
from tests.apis.azure.server import Server


async def ids(server: Server, query: str) -> list[int]:
    return [one["id"] for one in (await asked(server, "GET", f"builds?{query}"))["value"]]


async def is_taken(server: Server, build: Any, offers: Mapping[str, str]) -> bool:
    """Whether a worker that offers this may run the build's job."""
    call = Call(server.installation)
    async with call.database.read() as connection:
        found = await rows.load(connection, build["id"])
    assert found
    taker = Taker("one", Place("/somewhere/1", "one", 1), "token", offers)
    [job] = found.jobs
    return await build_jobs.claim(call, BuildId(build["id"]), job.id, taker) is not None


@pytest.mark.parametrize(
    "demand", ["region -equals north", {"name": "region", "value": "north"}], ids=["text", "object"]
)
async def test_only_a_worker_that_meets_the_demands_of_the_request_gets_the_build(
    server: Server, demand: Any
) -> None:
    web = await made(server, "Web")
    build = await queued(server, web, demands=[demand, "docker"])
    assert build["demands"] == ["region -equals north", "docker"]
    for offers in ({}, {"docker": "1"}, {"docker": "1", "region": "south"}, {"region": "north"}):
        assert not await is_taken(server, build, offers)
    assert await is_taken(server, build, {"docker": "1", "region": "north"})
    assert await is_taken(server, await queued(server, web), {})


async def test_a_build_is_queued_again_as_it_was(server: Server) -> None:
    variables = {"color": {"value": "blue", "allowOverride": True}}
    web = await made(server, "Web", variables=variables)
    first = await queued(
        server,
        web,
        sourceBranch="dev",
        sourceVersion="a" * 40,
        parameters='{"color": "red"}',
        demands=["docker"],
        priority="high",
        reason="schedule",
    )
    again = await asked(server, "POST", f"builds?sourceBuildId={first['id']}")
    assert again["id"] > first["id"]
    alike = ("definition", "sourceBranch", "sourceVersion", "parameters", "demands", "priority")
    assert {key: again[key] for key in alike} == {key: first[key] for key in alike}
    assert again["reason"] == "manual"
    await asked(server, "POST", "builds?sourceBuildId=99999", 404)
    assert await ids(server, "") == [again["id"], first["id"]]


async def test_builds_are_found_by_queue_repository_and_whom_they_are_for(server: Server) -> None:
    web = await made(server, "Web")
    sources = {"type": "GitHub", "id": "quay/api", "name": "quay/api"}
    api = await made(server, "Api", repository=sources)
    first, second = await queued(server, web), await queued(server, api)
    both = [second["id"], first["id"]]
    assert await ids(server, f"queues={first['queue']['id']}") == both
    assert await ids(server, "queues=77") == []
    assert await ids(server, "repositoryId=WEB&repositoryType=git") == [first["id"]]
    assert await ids(server, "repositoryId=Quay/API&repositoryType=GitHub") == [second["id"]]
    assert await ids(server, "repositoryId=web&repositoryType=GitHub") == []
    assert await ids(server, "repositoryType=GitHub") == [second["id"]]
    person = first["requestedFor"]
    for name in ("id", "uniqueName", "displayName"):
        assert await ids(server, f"requestedFor={quote(person[name])}") == both


async def test_times_limit_a_list_by_the_time_that_orders_it(server: Server) -> None:
    web = await made(server, "Web")
    old, new = [(await queued(server, web))["id"] for _ in "12"]
    await asked(server, "PATCH", f"builds/{old}", json={"status": "cancelling"})
    async with server.installation.database.transaction() as connection:
        await connection.execute(
            "UPDATE builds SET queued_at = queued_at - $2::interval WHERE id = $1",
            old,
            timedelta(days=2),
        )
        edge = await connection.fetchval("SELECT now() - interval '1 day'")
    day = quote(edge.isoformat())
    assert await ids(server, f"minTime={day}") == [new]
    assert await ids(server, f"maxTime={day}") == [old]
    by_finish = "queryOrder=finishTimeDescending"  # the old one has finished just now
    assert await ids(server, f"minTime={day}&{by_finish}") == [old]
    assert await ids(server, f"maxTime={day}&{by_finish}") == []


async def test_deleted_builds_are_listed_where_that_is_asked(server: Server) -> None:
    web = await made(server, "Web")
    gone, left = [(await queued(server, web))["id"] for _ in "12"]
    await asked(server, "PATCH", f"builds/{gone}", json={"status": "cancelling"})
    await asked(server, "DELETE", f"builds/{gone}", 204)
    assert await ids(server, "") == await ids(server, "deletedFilter=excludeDeleted") == [left]
    assert await ids(server, "deletedFilter=onlyDeleted") == [gone]
    assert await ids(server, "deletedFilter=includeDeleted") == [left, gone]
    assert await ids(server, "deletedFilter=1") == [left, gone]


def _plain(value: Any) -> Any:
    """A property's value, which definitions show with its type."""
    return value["$value"] if isinstance(value, dict) else value


async def test_property_filters_choose_the_properties_that_are_shown(server: Server) -> None:
    said = {"team": "blue", "cost": "3", "note": "x"}
    web = await made(server, "Web", properties=said)
    build = await queued(server, web, properties=said)
    for path in (f"builds/{build['id']}", f"definitions/{web['id']}"):
        for query, expected in (
            ("", said),
            ("propertyFilters=team,cost", {"team": "blue", "cost": "3"}),
            ("propertyFilters=color", {}),
        ):
            found = (await asked(server, "GET", f"{path}?{query}"))["properties"]
            assert {name: _plain(value) for name, value in found.items()} == expected
