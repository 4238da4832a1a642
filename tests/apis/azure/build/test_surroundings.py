"""What lies around the builds of a project is told as it is (CONTRACT B.1)."""

from typing import Any
from uuid import uuid4

from quaymaster.store.builds import timelines
from quaymaster.store.builds.timelines import BuildChange
from tests.apis.azure.build.asking import asked, made, queued
from tests.apis.azure.server import Server


async def test_builds_of_a_project_are_counted_by_the_day(server: Server):
    for name in ("Web", "Api"):
        build = await queued(server, await made(server, name))
        await asked(server, "PATCH", f"builds/{build['id']}", json={"status": "cancelling"})
    await queued(server, await made(server, "Other"))
    found = (await asked(server, "GET", "metrics/daily"))["value"]
    counts = {one["name"]: one["intValue"] for one in found}
    assert counts == {"TotalBuilds": 2, "CanceledBuilds": 2, "CurrentBuildsInQueue": 1}
    await asked(server, "GET", "metrics/hourly", 400)


async def test_a_tag_is_taken_from_every_build_and_definition(server: Server):
    web = await made(server, "Web", tags=["old", "Kept"])
    build = await queued(server, web, tags=["OLD", "good"])
    left = await asked(server, "DELETE", "tags/Old")
    assert left["value"] == ["good"]
    assert (await asked(server, "GET", f"builds/{build['id']}/tags"))["value"] == ["good"]
    assert (await asked(server, "GET", f"definitions/{web['id']}/tags"))["value"] == ["Kept"]
    reader = await server.user("rita", groups=("Readers",))
    await asked(server, "DELETE", "tags/good", 403, token=reader)


async def test_a_repository_has_the_badge_of_its_newest_build(server: Server):
    web = await made(server, "Web")
    build = await queued(server, web)
    path = "repos/Git/badge?repoId=web"
    await asked(server, "GET", path, 404)
    await asked(server, "GET", "repos/Git/badge", 400)
    await asked(server, "PATCH", f"builds/{build['id']}", json={"status": "cancelling"})
    found = await asked(server, "GET", path)
    assert found["buildId"] == build["id"]
    assert found["imageUrl"].endswith(f"/{web['id']}/badge")
    await asked(server, "GET", f"{path}&branchName=gone", 404)


async def test_work_items_of_commits_that_are_named(server: Server):
    build = await queued(server, await made(server, "Web"))
    async with server.database.transaction() as connection:
        await connection.executemany(
            "INSERT INTO build_changes (build_id, position, id, message) VALUES ($1, $2, $3, $4)",
            [(build["id"], 0, "a1", "Fix #7 and #8"), (build["id"], 1, "b2", "Fix #9")],
        )
    found = await asked(server, "POST", f"builds/{build['id']}/workitems", json=["a1", "c3"])
    assert [one["id"] for one in found["value"]] == ["7", "8"]
    found = await asked(server, "POST", f"builds/{build['id']}/workitems?$top=1", json=["a1"])
    assert [one["id"] for one in found["value"]] == ["7"]
    for top, expected in (("", ["7", "8", "9"]), ("?$top=1", ["7", "8"])):
        found = await asked(server, "POST", f"builds/{build['id']}/workitems{top}", json=[])
        assert [one["id"] for one in found["value"]] == expected, "of the newest commits"
    await asked(server, "POST", f"builds/{build['id']}/workitems", 400, json={"a": 1})


async def test_workers_are_counted_and_there_are_no_controllers(server: Server):
    async with server.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO workers (id, name, pool_id, slots, capabilities, lease_until, started_at)"
            " VALUES ($1, 'one', 1, 4, '{}', now() + interval '1 hour', now())",
            str(uuid4()),
        )
    usage = (await server.get("/default/_apis/build/resourceusage")).json()
    assert (usage["distributedTaskAgents"], usage["paidPrivateAgentSlots"]) == (1, 4)
    assert (await server.get("/default/_apis/build/controllers")).json()["value"] == []
    assert (await server.get("/default/_apis/build/controllers/3")).status_code == 404
    assert (await asked(server, "GET", "options"))["value"] == []


async def test_attachments_of_a_build_are_listed_and_read(server: Server):
    build = await queued(server, await made(server, "Web"))
    plan = build["plans"][0]["planId"] if build.get("plans") else None
    await server.installation.files.put("attachments/0/1/x", b"<b>report</b>")
    async with server.database.transaction() as connection:
        step = await connection.fetchrow(
            "INSERT INTO task_runs (job_id, build_id, rank, kind, name) SELECT id, build_id, 1,"
            " 'task', 'Test' FROM jobs WHERE build_id = $1 RETURNING id, instance_id",
            build["id"],
        )
        await connection.execute(
            "INSERT INTO attachments (task_run_id, type, name, byte_count, object_key, created_at,"
            " modified_at) VALUES ($1, 'Report', 'a.html', 13, 'attachments/0/1/x', now(), now())",
            step["id"],
        )
        plan = await connection.fetchval("SELECT plan_id FROM builds WHERE id = $1", build["id"])
    [one] = (await asked(server, "GET", f"builds/{build['id']}/attachments/report"))["value"]
    assert one["name"] == "a.html"
    path = one["_links"]["self"]["href"].partition("quay.example")[2]
    answer = await server.get(path)
    assert answer.content == b"<b>report</b>"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert str(plan) in path
    other = path.replace(str(plan), str(uuid4()))
    assert (await server.get(other)).status_code == 404


async def test_what_is_not_served_says_so(server: Server):
    path = "/default/Default/_apis/sourceProviders/git/webhooks"
    refused = await server.get(path)
    assert refused.status_code == 501
    assert "published address" in refused.json()["message"]


async def logged(server: Server, build: int, *chunks: str) -> int:
    """A step of a build with these chunks of whole lines as its log; its id."""
    async with server.database.transaction() as connection:
        step: int = await connection.fetchval(
            "INSERT INTO task_runs (job_id, build_id, rank, kind, name) SELECT id, build_id, 1,"
            " 'task', 'Test' FROM jobs WHERE build_id = $1 RETURNING id",
            build,
        )
        line = 1
        for sequence, text in enumerate(chunks, 1):
            count = text.count("\n")
            await connection.execute(
                "INSERT INTO log_chunks (task_run_id, sequence, first_line, line_count, byte_count,"
                " body) VALUES ($1, $2, $3, $4, $5, $6)",
                *(step, sequence, line, count, len(text.encode()), text.encode()),
            )
            line += count
        sql = "UPDATE task_runs SET line_count = $2 WHERE id = $1"
        await connection.execute(sql, step, line - 1)
    return step


async def test_a_log_is_sent_as_a_list_of_lines_while_it_is_read(server: Server):
    build = (await queued(server, await made(server, "Web")))["id"]
    step = await logged(server, build, 'one\ntw"o\n', "thrée\r\n\n", "five\n")
    path = f"/default/Default/_apis/build/builds/{build}/logs/{step}"
    as_json = {"Accept": "application/json;api-version=7.1"}
    answer = await server.get(path, headers=as_json)
    assert answer.json() == {"value": ["one", 'tw"o', "thrée\r", "", "five"], "count": 5}
    assert answer.headers["content-type"].startswith("application/json; charset=utf-8; api-version")
    assert "content-length" not in answer.headers, "nobody knows it before all is read"
    cut = await server.get(f"{path}?startLine=2&endLine=3", headers=as_json)
    assert cut.json() == {"value": ['tw"o', "thrée\r"], "count": 2}
    beyond = await server.get(f"{path}?startLine=20", headers=as_json)
    assert beyond.json() == {"value": [], "count": 0}
    assert (await server.get(path)).text == 'one\ntw"o\nthrée\r\n\nfive\n'


async def test_the_logs_of_a_build_come_as_a_zip_where_that_is_asked_for(server: Server):
    build = (await queued(server, await made(server, "Web")))["id"]
    await logged(server, build, "one\n")
    path, as_zip = (
        f"/default/Default/_apis/build/builds/{build}/logs",
        {"Accept": "application/zip"},
    )
    for query, headers in (("?$format=zip", {}), ("?format=ZIP", {}), ("", as_zip)):
        answer = await server.get(path + query, headers=headers)
        assert answer.headers["content-type"] == "application/zip"
    for query, headers in (("?$format=json", as_zip), ("", {})):
        [log] = (await server.get(path + query, headers=headers)).json()["value"]
        assert log["lineCount"] == 1, "what the query says counts more than what is accepted"


async def changed(server: Server, definition: Any, *messages: str) -> int:
    """A build of commits with these messages, newest first."""
    build = await queued(server, definition)
    commits = [
        BuildChange(f"{build['id']}{text}", "Git", text, "Ann", "", "", None, "", "")
        for text in messages
    ]
    async with server.database.transaction() as connection:
        await timelines.add_changes(connection, build["id"], commits)
    number: int = build["id"]
    return number


async def test_what_changed_between_two_builds_is_told(server: Server):
    web, api = await made(server, "Web"), await made(server, "Api")
    first = await changed(server, web, "Begin (#1)")
    second = await changed(server, web, "Fix (#3), not x#4", "Try (#2)")
    other = await changed(server, api, "Elsewhere (#9)")
    third = await changed(server, web, "Fix it again (#3)")

    async def between(what: str, older: int, newer: int, more: str = "") -> list[str]:
        path = f"{what}?fromBuildId={older}&toBuildId={newer}{more}"
        found = (await asked(server, "GET", path))["value"]
        return [one["message"] if what == "changes" else one["id"] for one in found]

    newest = ["Fix it again (#3)", "Fix (#3), not x#4", "Try (#2)"]
    assert await between("changes", first, third) == newest
    assert await between("changes", first, third, "&$top=2") == newest[:2]
    assert await between("changes", first, second) == newest[1:]
    assert await between("changes", second, second) == []
    assert await between("workitems", first, third) == ["3", "2"]
    assert await between("workitems", first, third, "&$top=1") == ["3"]
    many = await changed(server, web, *(f"{number}" for number in range(1001)), "Old (#5)")
    assert await between("workitems", third, many) == ["5"], "however many commits there are"
    for what in ("changes", "workitems"):
        refused = f"{what}?fromBuildId={first}&toBuildId={other}"
        assert "not of one pipeline" in (await asked(server, "GET", refused, 400))["message"]
        await asked(server, "GET", f"{what}?fromBuildId={first}&toBuildId=99999", 404)
        await asked(server, "GET", f"{what}?fromBuildId={first}", 400)
