"""Builds over HTTP, without any worker: queueing, lists, edits (SEMANTICS 23)."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID

import pytest

from quaymaster.actions.builds import happening, queueing
from quaymaster.actions.builds.own_runs import OwnBuilds
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call, Project
from quaymaster.actions.ports.workflows import Order, WorkflowRefused
from quaymaster.domain.build_events import BuildCanceled
from quaymaster.domain.commit_statuses import CommitState, CommitStatus
from quaymaster.domain.workflows import Method, Workflow
from quaymaster.store.announcements import status_posts
from quaymaster.store.announcements.outboxes import Failure
from quaymaster.store.builds import builds as rows
from tests.apis.azure.build.asking import asked, made, queued, step
from tests.apis.azure.server import Server
from tests.server.locks import waits_for


async def ids(server: Server, query: str) -> list[int]:
    return [one["id"] for one in (await asked(server, "GET", f"builds?{query}"))["value"]]


async def test_a_queued_build_has_a_number_and_waits(server: Server):
    web = await made(server, "Web")
    build = await queued(server, web, sourceBranch="main", reason=1, priority="high")
    assert build["buildNumber"] == str(build["id"])
    assert (build["status"], build["reason"], build["priority"]) == ("notStarted", "manual", "high")
    assert build["sourceBranch"] == "refs/heads/main"
    assert build["queuePosition"] == 1
    assert build["definition"]["name"] == "Web"
    [entry] = (await asked(server, "GET", "definitions?includeLatestBuilds=true"))["value"]
    assert entry["latestBuild"]["id"] == build["id"]
    assert "latestCompletedBuild" not in entry
    assert (await asked(server, "GET", f"builds/{build['id']}"))["id"] == build["id"]


@pytest.mark.parametrize(
    ("number_format", "expected"),
    [
        ("Web-$(Rev:r)", ["Web-1", "Web-2"]),
        ("$(Date:yyyy)$(Rev:.rr)", [r"\d{4}\.01", r"\d{4}\.02"]),
        ("$(SourceBranchName)_$(BuildDefinitionName)$(Rev:-r)", ["main_Web-1", "main_Web-2"]),
        ("", [r"\d+", r"\d+"]),
    ],
)
async def test_numbers_follow_their_format(server: Server, number_format, expected):
    web = await made(server, "Web", buildNumberFormat=number_format)
    numbers = [
        (await queued(server, web, sourceBranch="refs/heads/main"))["buildNumber"] for _ in "12"
    ]
    assert all(re.fullmatch(form, one) for form, one in zip(expected, numbers, strict=True))


async def test_a_format_that_gives_no_new_number_is_refused(server: Server):
    web = await made(server, "Web", buildNumberFormat="fixed")
    await queued(server, web)
    refused = await queued(server, web, 400)
    assert "$(rev:r)" in refused["message"].lower()


async def test_a_disabled_definition_refuses_and_a_paused_one_holds(server: Server):
    off = await made(server, "Off", queueStatus="disabled")
    assert "disabled" in (await queued(server, off, 400))["message"]
    web = await made(server, "Web", queueStatus="paused")
    build = await queued(server, web)
    assert build["status"] == "notStarted"
    timeline = await asked(server, "GET", f"builds/{build['id']}/timeline")
    assert not [one for one in timeline["records"] if one["type"] == "Job"]
    await asked(server, "PUT", f"definitions/{web['id']}", json={**web, "queueStatus": "enabled"})
    timeline = await asked(server, "GET", f"builds/{build['id']}/timeline")
    assert [one["state"] for one in timeline["records"] if one["type"] == "Job"] == ["pending"]


async def test_a_task_that_nobody_can_run_is_named_when_a_build_is_queued(server: Server):
    unknown = {"id": "71a9a2d3-a98a-4caa-96ab-affca411ecda", "versionSpec": "1.*"}
    web = await made(server, "Web", step(task=unknown, displayName="Compile"))
    refused = await queued(server, web, 400)
    assert "Compile" in refused["message"]
    body = {"definition": {"id": web["id"]}}
    build = await asked(server, "POST", "builds?ignoreWarnings=true", json=body)
    assert build["validationResults"][0]["result"] == "warning"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"definition": {"id": 99_999}},
        {"definition": {"id": "x"}},
        {"definition": {"id": 1}, "parameters": "no json"},
        {"definition": {"id": 1}, "parameters": {"a": []}},
        {"definition": {"id": 1}, "parameters": '{"a": "x\\u0000y"}'},
        {"definition": {"id": 1}, "parameters": '{"a\\u0000": "x"}'},
        {"definition": {"id": 1}, "parameters": '{"a": "\\ud800"}'},
        {"definition": {"id": 1}, "parameters": '{"a": "1", "a": "2"}'},
        {"definition": {"id": 1}, "parameters": {"a\0": "x"}},
        {"definition": {"id": 1}, "queue": {"id": 77}},
        {"definition": {"id": 1}, "demands": ["a b c"]},
        {"definition": {"id": 1}, "priority": "soon"},
        {"definition": {"id": 1}, "tags": [""]},
    ],
)
async def test_a_request_that_cannot_be_met_queues_nothing(server: Server, body):
    web = await made(server, "Web")
    if body.get("definition", {}).get("id") == 1:
        body = {**body, "definition": {"id": web["id"]}}
    answer = await server.ask("POST", "/default/Default/_apis/build/builds", json=body)
    assert answer.status_code in (400, 404), answer.text
    assert await ids(server, "") == []


@pytest.mark.parametrize("said", ["doNotRun", "DONOTRUN", 1, "later"])
async def test_a_build_that_is_not_to_run_is_refused_by_name(server: Server, said: object):
    web = await made(server, "Web")
    refused = await queued(server, web, 400, queueOptions=said)
    assert ("queueOptions doNotRun is not supported" in refused["message"]) is (said != "later")
    assert await ids(server, "") == []
    build = await queued(server, web, queueOptions="none")
    again = f"builds?sourceBuildId={build['id']}"
    await asked(server, "POST", again, 400, json={"queueOptions": said})
    assert await ids(server, "") == [build["id"]]


@pytest.mark.parametrize("number", ["--5", "+-5", "+", "9" * 5000, "²"])
async def test_what_is_no_number_is_refused_wherever_one_is_wanted(server: Server, number: str):
    text = quote(number)
    for path in (f"builds/{text}", f"builds?$top={text}", f"definitions?continuationToken={text}"):
        refused = await asked(server, "GET", path, 400)
        assert refused["typeKey"] == "VssPropertyValidationException"
    await queued(server, {"id": number}, 400)


async def test_lists_are_filtered_and_paged(server: Server):
    web, api = await made(server, "Web"), await made(server, "Api")
    first = await queued(server, web, sourceBranch="main", tags=["a", "b"])
    second = await queued(server, api, sourceBranch="dev", reason="schedule")
    third = await queued(server, web, sourceBranch="dev", tags=["A"])
    await asked(server, "PATCH", f"builds/{third['id']}", json={"status": "cancelling"})
    order = [third["id"], second["id"], first["id"]]
    assert await ids(server, "") == order
    assert await ids(server, f"definitions={web['id']}") == [third["id"], first["id"]]
    assert await ids(server, "tagFilters=a") == [third["id"], first["id"]]
    assert await ids(server, "tagFilters=a,B") == [first["id"]]
    assert await ids(server, "branchName=refs/heads/dev") == [third["id"], second["id"]]
    assert await ids(server, "reasonFilter=schedule") == [second["id"]]
    assert await ids(server, "statusFilter=completed") == [third["id"]]
    assert await ids(server, "statusFilter=all&resultFilter=canceled") == [third["id"]]
    assert await ids(server, "statusFilter=33") == [second["id"], first["id"]]
    assert await ids(server, f"buildIds={first['id']},{second['id']}") == order[1:]
    assert await ids(server, f"buildNumber={first['buildNumber']}*") == [first["id"]]
    assert await ids(server, "requestedFor=nobody") == []
    assert await ids(server, "maxBuildsPerDefinition=1") == [third["id"], second["id"]]
    assert await ids(server, "queryOrder=queueTimeAscending") == order[::-1]
    assert await ids(server, "minTime=2999-01-01") == []
    for way in ("queueTimeDescending", "finishTimeDescending", "startTimeAscending", "2"):
        found, token = [], ""
        for _ in order:
            path = f"builds?$top=1&queryOrder={way}&continuationToken={token}"
            answer = await server.get(f"/default/Default/_apis/build/{path}")
            found += [one["id"] for one in answer.json()["value"]]
            token = answer.headers.get("x-ms-continuationtoken", "")
        assert sorted(found) == sorted(order), way
        assert not token


async def test_a_build_is_canceled_kept_renamed_and_deleted(server: Server):
    build = await queued(server, await made(server, "Web"))
    url = f"builds/{build['id']}"
    assert "under way" in (await asked(server, "DELETE", url, 400))["message"]
    done = await asked(server, "PATCH", url, json={"status": "cancelling"})
    assert (done["status"], done["result"]) == ("completed", "canceled")
    await asked(server, "PATCH", url, 400, json={"status": "inProgress"})
    await asked(server, "PATCH", url, 400, json={"buildNumber": "a/b"})
    kept = await asked(server, "PATCH", url, json={"keepForever": True, "buildNumber": "v1"})
    assert (kept["keepForever"], kept["buildNumber"]) == (True, "v1")
    assert "retained" in (await asked(server, "DELETE", url, 400))["message"]
    await asked(server, "PATCH", url, json={"keepForever": False})
    lease = {
        "runId": build["id"],
        "definitionId": build["definition"]["id"],
        "ownerId": "User:ann",
        "daysValid": 3,
    }
    [made_lease] = (await asked(server, "POST", "retention/leases", json=[lease]))["value"]
    assert "lease" in (await asked(server, "DELETE", url, 400))["message"]
    assert (await asked(server, "GET", f"{url}/leases"))["count"] == 1
    await asked(server, "DELETE", f"retention/leases?ids={made_lease['leaseId']}", 204)
    await asked(server, "GET", f"retention/leases/{made_lease['leaseId']}", 404)
    await asked(server, "DELETE", url, 204)
    gone = await asked(server, "GET", url, 404)
    assert gone["typeKey"] == "BuildNotFoundException"
    assert await ids(server, "deletedFilter=onlyDeleted") == [build["id"]]


async def test_tags_and_properties_of_a_build(server: Server):
    build = await queued(server, await made(server, "Web"))
    url = f"builds/{build['id']}"
    assert (await asked(server, "PUT", f"{url}/tags/a%2Fb"))["value"] == ["a/b"]
    assert (await asked(server, "POST", f"{url}/tags", json=["c"]))["value"] == ["a/b", "c"]
    assert (await asked(server, "DELETE", f"{url}/tags/A%2Fb"))["value"] == ["c"]
    assert (await asked(server, "GET", "tags"))["value"] == ["c"]
    patch = [{"op": "add", "path": "/x", "value": 3}]
    await asked(server, "PATCH", f"{url}/properties", json=patch)
    seen = await asked(server, "GET", f"{url}/properties?filter=x")
    assert seen["value"]["x"]["$value"] == 3
    [listed] = (await asked(server, "GET", "builds"))["value"]
    assert "x" in listed["properties"]
    [listed] = (await asked(server, "GET", "builds?properties=y,z"))["value"]
    assert listed["properties"] == {}
    [listed] = (await asked(server, "GET", "builds?properties=y,x"))["value"]
    assert listed["properties"] == {"x": 3}


async def test_badges_are_for_anybody_where_they_are_enabled(server: Server):
    shut, shown = await made(server, "Shut"), await made(server, "Web <b>", badgeEnabled=True)
    path = "/default/_apis/public/build/definitions/Default/{}/badge"
    assert (await server.get(path.format(shut["id"]), token="")).status_code == 404
    answer = await server.get(path.format(shown["id"]), token="")
    assert answer.status_code == 200
    assert "never built" in answer.text
    assert "<b>" not in answer.text
    status = await asked(server, "GET", "status/Shut?label=x")
    assert b"never built" in status


async def test_a_badge_may_be_of_one_branch(server: Server):
    web = await made(server, "Web", badgeEnabled=True)
    ended = {"main": "failed", "dev": "succeeded"}
    for branch, result in ended.items():
        build = await queued(server, web, sourceBranch=branch)
        async with server.database.transaction() as connection:
            await connection.execute(
                "UPDATE builds SET status = 'completed', result = $2, finished_at = now()"
                " WHERE id = $1",
                build["id"],
                result,
            )
    path = f"/default/_apis/public/build/definitions/Default/{web['id']}/badge"
    for branch, shown in {**ended, "refs/heads/main": "failed", "gone": "never built"}.items():
        answer = await server.get(f"{path}?branchName={branch}", token="")
        assert shown in answer.text
        by_name = await asked(server, "GET", f"status/Web?branchName={branch}")
        assert shown.encode() in by_name
    assert b"failed" in await asked(server, "GET", "status/Web"), "that of the default branch"
    assert (await asked(server, "GET", "latest/Web"))["sourceBranch"] == "refs/heads/main"
    assert (await asked(server, "GET", "latest/Web?branchName=dev"))["result"] == "succeeded"
    await asked(server, "GET", "latest/Web?branchName=gone", 404)


async def test_a_status_may_be_of_a_job_or_of_one_of_its_legs(server: Server):
    options = {"type": 1, "multipliers": ["os"], "maxConcurrency": 2, "continueOnError": False}
    phases = [
        {"name": "Compile it", "refName": "Compile", "steps": [step()], "target": {"type": 1}},
        {
            "name": "Test it",
            "refName": "Test",
            "steps": [step()],
            "target": {"type": 1, "executionOptions": options},
        },
    ]
    systems = {"os": {"value": "linux,mac"}}
    process = {"type": 1, "phases": phases}
    build = await queued(server, await made(server, "Web", process=process, variables=systems))
    ended = {"Compile": "withIssues", "Test.linux": "failed", "Test.mac": "succeeded"}
    async with server.database.transaction() as connection:
        for key, result in ended.items():
            sql = "UPDATE jobs SET status = $3 WHERE build_id = $1 AND plan_key = $2"
            assert await connection.execute(sql, build["id"], key, result) == "UPDATE 1"
        await connection.execute(
            "UPDATE builds SET status = 'completed', result = 'failed', finished_at = now()"
        )
    for query, shown in {
        "": b"failed",
        "jobName=compile": b"partially succeeded",
        "jobName=Test it": b"failed",
        "jobName=Test&configuration=mac": b">succeeded",
        "jobName=Test&configuration=Test it linux": b"failed",
        "stageName=__default&configuration=MAC": b">succeeded",
    }.items():
        assert shown in await asked(server, "GET", f"status/Web?{query}"), query
    for part in ("stageName=Deploy", "jobName=Compile&configuration=mac"):
        refused = await asked(server, "GET", f"status/Web?{part}", 404)
        assert part.rpartition("=")[2] in refused["message"]


async def test_who_may_not_queue_or_stop_does_not(server: Server):
    web = await made(server, "Web")
    build = await queued(server, web)
    reader = await server.user("rita", groups=("Readers",))
    url = "/default/Default/_apis/build/builds"
    answer = await server.ask("POST", url, token=reader, json={"definition": {"id": web["id"]}})
    assert answer.status_code == 403
    assert "queue builds" in answer.json()["message"]
    canceled = {"status": "cancelling"}
    answer = await server.ask("PATCH", f"{url}/{build['id']}", token=reader, json=canceled)
    assert answer.status_code == 403
    assert (await server.ask("GET", f"{url}/{build['id']}", token=reader)).status_code == 200


async def test_a_build_says_why_it_waits(server: Server):
    web = await made(server, "Web", queueStatus="paused")
    build = await queued(server, web)
    explained = await asked(server, "GET", f"builds/{build['id']}/explain")
    assert "Web is paused" in explained["reasons"][0]["text"]
    await asked(server, "PUT", f"definitions/{web['id']}", json={**web, "queueStatus": "enabled"})
    explained = await asked(server, "GET", f"builds/{build['id']}/explain")
    [reason] = explained["reasons"]
    assert (reason["kind"], reason["clearedBy"]) == ("worker", ["whoever runs the pool"])


async def test_the_result_of_a_build_cannot_be_set(server: Server):
    build = await queued(server, await made(server, "Web"))
    url = f"builds/{build['id']}"
    await asked(server, "PATCH", url, 400, json={"result": "succeeded"})
    await asked(server, "PATCH", url, json={"status": "cancelling"})
    refused = await asked(server, "PATCH", url, 400, json={"result": "succeeded"})
    assert "cannot be set" in refused["message"]
    assert (await asked(server, "PATCH", url, json={"result": "canceled"}))["result"] == "canceled"


@pytest.mark.parametrize(
    "wrong",
    [{"tags": [""]}, {"tags": "x"}, {"buildNumber": "a/b"}, {"keepForever": "no"}, {"result": "?"}],
)
async def test_a_change_that_is_refused_changes_nothing(server: Server, wrong: dict[str, object]):
    web = await made(server, "Web")
    first, second = await queued(server, web), await queued(server, web)
    for of in (first, second):
        url = f"builds/{of['id']}"
        await asked(server, "PATCH", url, 400, json={"status": "cancelling", **wrong})
        wanted = [{"id": first["id"], "keepForever": True, "status": "Cancelling"}]
        wanted.append({"id": second["id"], **wrong})
        await asked(server, "PATCH", "builds", 400, json=wanted)
        assert await asked(server, "GET", url) == of


async def test_builds_of_a_list_are_changed_at_once(server: Server):
    web = await made(server, "Web")
    first, second = await queued(server, web), await queued(server, web)
    wanted = [
        {"id": second["id"], "status": 4, "result": "canceled", "tags": ["b"]},
        {"id": first["id"], "keepForever": True},
    ]
    found = (await asked(server, "PATCH", "builds", json=wanted))["value"]
    assert [one["id"] for one in found] == [second["id"], first["id"]]
    assert [one["status"] for one in found] == ["completed", "notStarted"]
    assert [one["keepForever"] for one in found] == [False, True]
    assert found[0]["tags"] == ["b"]


async def test_a_build_says_what_its_repository_was_not_told(server: Server):
    web = await made(server, "Web")
    build = await asked(server, "POST", "builds", json={"definition": {"id": web["id"]}})
    project, now = UUID(web["project"]["id"]), datetime.now(UTC)
    told = CommitStatus("Git", "a/b", "", "hub", "a" * 40, "Web", CommitState.PENDING, "", "")
    path = f"builds/{build['id']}/explain"

    async def said() -> list[str]:
        reasons = (await asked(server, "GET", path))["reasons"]
        return [one["text"] for one in reasons if one["kind"] == "untold"]

    async with server.database.transaction() as connection:
        await status_posts.queue(connection, project, (build["id"], None), told, now)
    assert await said() == []
    for again, shown in ((now, "It is asked again."), (None, "It is not asked again.")):
        failure = Failure("hub answered 500.", 500, again, now)
        async with server.database.transaction() as connection:
            [post] = await status_posts.claimed(connection, now, timedelta(0), [], 1)
            await status_posts.failed(connection, post, failure)
        start = "The repository was not told that 'Web' is pending: hub answered 500."
        assert await said() == [f"{start} {shown}"]


async def test_a_queue_that_the_project_does_not_have_is_warned_of_wherever_one_looks(
    server: Server,
):
    elsewhere = {"target": {"type": 1, "queue": {"id": 888}}}
    phases = [
        {"name": "Far", "refName": "Far", "steps": [step()], **elsewhere},
        {"name": "Near", "refName": "Near", "steps": [step()]},
        {"name": "Desk", "refName": "Desk", "target": {"type": 2}},
    ]
    process = {"type": 1, "phases": phases}
    web = await made(server, "Web", process=process, queue={"id": 777, "name": "Gone"})
    build = await queued(server, web)
    far, near = "The phase Far names the queue '888'", "The definition names the queue '777'"
    warned = [(one["result"], one["message"][:34]) for one in build["validationResults"]]
    assert warned == [("warning", near[:34]), ("warning", far[:34])]
    timeline = await asked(server, "GET", f"builds/{build['id']}/timeline")
    jobs = [one for one in timeline["records"] if one["type"] == "Job"]
    said = {one["name"]: [issue["message"] for issue in one["issues"]] for one in jobs}
    assert far in said["Far"][0]
    assert near in said["Near"][0]
    assert said["Desk"] == []
    assert [one["warningCount"] for one in jobs] == [1, 1, 0]
    explained = await asked(server, "GET", f"builds/{build['id']}/explain")
    texts = [one["text"] for one in explained["reasons"] if one["kind"] == "warning"]
    assert [text[:34] for text in texts] == [near[:34], far[:34]]
    elsewhere = await queued(server, web, queue={"id": 1})
    assert len(elsewhere["validationResults"]) == 1


async def test_a_name_with_a_wildcard_means_no_other_pipeline(server: Server):
    web = await made(server, "Web")
    await queued(server, web)
    assert b"never built" in await asked(server, "GET", "status/Web")
    for named in ("W*eb", "We?b", "Web*"):
        await asked(server, "GET", f"status/{quote(named)}", 404)


async def test_a_build_that_ends_while_a_newer_one_supersedes_it_loses_neither(server: Server):
    web = await made(server, "Web")
    project = Project(web["project"]["id"], "Default", "default")
    call = Call(server.installation, project=project)
    wanted = BuildRequest(
        web["id"], "refs/pull/1/merge", reason="pullRequest", lets_pass=True, supersedes=True
    )
    older = await queueing.queue(call, wanted)
    async with server.database.transaction() as connection:
        await rows.locked(connection, older)
        newer = asyncio.create_task(queueing.queue(call, wanted))
        await waits_for(connection, newer)
        await happening.happen_within(connection, call, older, BuildCanceled())
    number = await newer
    assert (await asked(server, "GET", f"builds/{older}"))["result"] == "canceled"
    assert (await asked(server, "GET", f"builds/{number}"))["status"] == "notStarted"


async def test_a_build_of_a_candidate_that_has_ended_is_left_alone(server: Server):
    build = await queued(server, await made(server, "Web"))
    call = Call(server.installation, project=Project(build["project"]["id"], "Default", "default"))
    workflow = Workflow(Method.OWN, str(build["definition"]["id"]))
    order = Order("key", "1", "Build 1.0-rc1", workflow, {}, "", "")
    for _ in range(2):
        await OwnBuilds(call).cancel(order, str(build["id"]))
    assert (await asked(server, "GET", f"builds/{build['id']}"))["result"] == "canceled"
    with pytest.raises(WorkflowRefused, match="There is no"):
        await OwnBuilds(call).cancel(order, "999999")
