"""Releases, their environments and deployments over the wire (CONTRACT B 10, 16-22, 32, E)."""

from typing import Any

import pytest

from tests.apis.azure.server import Server
from tests.documents import asks, definition, stage


def web_stage(**changes: Any) -> dict[str, Any]:
    """A stage that lets every attempt in at once, so that nothing waits for the background."""
    return stage("Dev", executionPolicy={"concurrencyCount": 0, "queueDepthCount": 0}, **changes)


async def three(server: Server, **more: Any) -> list[dict[str, Any]]:
    """Three releases of one definition whose only environment waits for an agent."""
    made = await server.made("definitions", definition("Web", web_stage(), **more))
    start = {"definitionId": made["id"]}
    return [await server.made("releases", start) for _ in range(3)]


def ids(listed: dict[str, Any]) -> list[int]:
    return [one["id"] for one in listed["value"]]


async def test_a_release_shows_both_the_seeds_and_the_services_fields(server: Server):
    (release, *_) = await three(server)
    assert (release["name"], release["status"], release["reason"]) == (
        "Release-1",
        "active",
        "manual",
    )
    assert release["releaseDefinition"]["name"] == "Web"
    assert release["releaseDefinitionRevision"] == 1
    assert release["url"].endswith(f"/_apis/Release/releases/{release['id']}")
    assert release["_links"]["self"]["href"] == release["url"]
    (dev,) = release["environments"]
    assert dev["releaseId"] == release["id"]
    assert dev["deploySteps"][0]["operationStatus"] == "QueuedForAgent"
    assert dev["queuedOn"]
    assert dev["lastModifiedOn"] == dev["modifiedOn"]
    automated = dev["preDeployApprovals"][0]
    assert (automated["isAutomated"], automated["status"], automated["trialNumber"]) == (
        True,
        "approved",
        1,
    )
    (deployment, *_) = (await server.seen("deployments?queryOrder=ascending"))["value"]
    assert deployment["releaseId"] == deployment["release"]["id"] == release["id"]
    assert deployment["releaseEnvironmentId"] == deployment["releaseEnvironment"]["id"] == dev["id"]
    assert deployment["operationStatus"] == "QueuedForAgent"


async def test_a_release_is_made_only_of_what_fits(server: Server):
    made = await server.made(
        "definitions", definition("Web", web_stage(), variables={"v": {"value": "1"}})
    )
    number = made["id"]
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({}, 400, "definitionId"),
        ({"definitionId": number + 99}, 404, "VS402936"),
        ({"definitionId": "many"}, 400, "definitionId"),
        ({"definitionId": number, "manualEnvironments": ["Nope"]}, 400, "Nope"),
        ({"definitionId": number, "variables": {"v": {"value": "2"}}}, 400, "overridden"),
        ({"definitionId": number, "variables": {"w": {"value": "2"}}}, 400, "declares no variable"),
        ({"definitionId": number, "artifacts": [{"alias": "no"}]}, 400, "alias"),
        ({"definitionId": number, "artifacts": "no"}, 400, "artifacts"),
        ({"definitionId": number, "reason": "because"}, 400, "reason"),
        ({"definitionId": number, "isDraft": "perhaps"}, 400, "isDraft"),
        ({"definitionId": number, "properties": [1]}, 400, "properties"),
        ({"definitionId": number, "description": {"a": 1}}, 400, "description"),
    ]
    for body, status, said in refused:
        answer = await server.project("POST", "releases", json=body)
        assert (answer.status_code, said in answer.json()["message"]) == (status, True), answer.text
    assert (await server.seen("releases"))["count"] == 0
    same = {"definitionId": number, "variables": {"V": {"value": "1"}}}
    assert (await server.made("releases", same))["variables"]["v"]["value"] == "1"


async def test_lists_are_light_newest_first_and_page_by_id(server: Server):
    one, two, three_ = await three(server)
    listed = await server.seen("releases")
    assert ids(listed) == [three_["id"], two["id"], one["id"]]
    assert not listed["value"][0].get("environments")
    page = await server.project("GET", "releases?$top=2")
    assert page.headers["x-ms-continuationtoken"] == str(one["id"])
    rest = await server.project("GET", f"releases?top=2&continuationToken={one['id']}")
    assert ids(rest.json()) == [one["id"]]
    assert "x-ms-continuationtoken" not in rest.headers
    up = await server.seen("releases?queryOrder=Ascending&$top=1")
    assert ids(up) == [one["id"]]
    everything = await server.get("/default/_apis/Release/releases?$top=1")
    assert ids(everything.json()) == [three_["id"]]


async def test_lists_are_filtered(server: Server):
    one, two, last = await three(server)
    await server.project("PATCH", f"releases/{one['id']}", json={"keepForever": True})
    admin = await server.me()
    created = two["createdOn"]
    for query, wanted in {
        f"definitionId={one['releaseDefinition']['id']}": 3,
        "definitionId=999": 0,
        "statusFilter=active": 3,
        "statusFilter=2": 3,
        "statusFilter=draft": 0,
        "environmentStatusFilter=2": 3,
        "environmentStatusFilter=4": 0,
        "searchText=release-1": 1,
        f"createdBy={admin}": 3,
        "createdBy=admin": 3,
        "createdBy=nobody": 0,
        f"minCreatedTime={created}": 2,
        "minCreatedTime=Fri%2C%2015%20Mar%202024%2010%3A00%3A00%20GMT": 3,
        "maxCreatedTime=2024-03-15": 0,
        f"releaseIdFilter={one['id']}%2C{last['id']}": 2,
        "tagFilter=none": 0,
        "isDeleted=true": 0,
        "unknown=parameter": 3,
    }.items():
        assert (await server.seen(f"releases?{query}"))["count"] == wanted, query


async def test_expanding_adds_parts_and_nothing_else(server: Server):
    await three(server)
    for query in ("environments", "2", "environments,artifacts", "all", "126"):
        listed = await server.seen(f"releases?$expand={query}")
        assert listed["value"][0]["environments"][0]["name"] == "Dev", query
    light = (await server.seen("releases?$expand=none"))["value"][0]
    assert not light.get("environments")
    assert (await server.project("GET", "releases?$expand=nonsense")).status_code == 400


async def test_small_changes_in_the_words_of_any_client(server: Server):
    one, two, last = await three(server)
    draft = await server.made(
        "releases", {"definitionId": one["releaseDefinition"]["id"], "isDraft": True}
    )
    loose = await server.project("PATCH", f"releases/{one['id']}", content=b"{keepforever:true,}")
    assert loose.json()["keepForever"] is True
    started = await server.project("PATCH", f"releases/{draft['id']}", json={"Status": "Active"})
    assert started.json()["status"] == "active"
    named = await server.project("PATCH", f"releases/{two['id']}", json={"name": "Gold"})
    assert named.json()["name"] == "Gold"
    taken = await server.project("PATCH", f"releases/{last['id']}", json={"name": "GOLD"})
    assert taken.status_code in (400, 409)
    back = await server.project("PATCH", f"releases/{one['id']}", json={"status": "draft"})
    assert back.status_code == 400
    override = {"X-HTTP-Method-Override": "PATCH"}
    kept = await server.project(
        "POST", f"releases/{one['id']}", json={"keepForever": False}, headers=override
    )
    assert kept.json()["keepForever"] is False


async def test_an_environment_is_started_canceled_and_refused(server: Server):
    made = await server.made("definitions", definition("Web", web_stage()))
    release = await server.made(
        "releases", {"definitionId": made["id"], "manualEnvironments": ["dev"]}
    )
    dev = release["environments"][0]
    assert dev["status"] == "notStarted"
    path = f"releases/{release['id']}/environments/{dev['id']}"
    started = await server.project("PATCH", path, json={"status": 2, "comment": "go"})
    assert started.json()["status"] == "queued"
    again = await server.project("PATCH", path, json={"status": "inprogress"})
    assert again.status_code == 400
    for status in ("succeeded", "rejected", "notStarted"):
        refused = await server.project("PATCH", path, json={"status": status})
        assert refused.status_code == 400
        assert "VS402964" in refused.json()["message"]
    canceled = await server.project("PATCH", path, json={"status": "canceled"})
    assert canceled.json()["status"] == "canceled"
    elsewhere = await server.project(
        "PATCH", f"releases/{release['id']}/environments/9999", json={"status": "inProgress"}
    )
    assert elsewhere.status_code == 404
    assert elsewhere.json()["typeKey"] == "ReleaseEnvironmentNotFoundException"


async def test_approvals_wait_are_answered_and_passed_on(server: Server):
    boss = await server.user("boss", groups=("Contributors",))
    peer = await server.user("peer", groups=("Readers",))
    me = await server.me(boss)
    made = await server.made(
        "definitions", definition("Web", web_stage(preDeployApprovals=asks(me)))
    )
    await server.made("releases", {"definitionId": made["id"]})
    (asked,) = (await server.seen("approvals"))["value"]
    path = f"approvals/{asked['id']}"
    assert asked["approver"]["uniqueName"] == "boss"
    stranger = await server.project("PATCH", path, json={"status": "approved"}, token=peer)
    assert stranger.status_code == 403
    assert stranger.json()["message"].startswith("VS402904")
    passed = await server.project(
        "PATCH",
        path,
        token=boss,
        json={"status": "reassigned", "approver": {"uniqueName": "peer"}, "comments": "yours"},
    )
    assert (passed.json()["status"], passed.json()["approver"]["uniqueName"]) == ("pending", "peer")
    history = (await server.seen(f"{path}?includeHistory=true"))["history"]
    assert history[0]["approver"]["uniqueName"] == "boss"
    stale = await server.project(
        "PATCH", path, json={"status": "approved", "revision": 1}, token=peer
    )
    assert stale.status_code in (400, 409)
    given = await server.project("PATCH", path, json={"status": 2, "comments": "ok"}, token=peer)
    assert given.json()["approvedBy"]["uniqueName"] == "peer"
    twice = await server.project("PATCH", path, json={"status": "rejected"}, token=peer)
    assert twice.status_code == 400
    assert (await server.seen("approvals"))["count"] == 0
    assert (await server.seen("approvals?statusFilter=approved&typeFilter=preDeploy"))["count"] == 1
    assert (await server.seen("approvals?assignedToFilter=boss"))["count"] == 0


async def test_deployments_are_filtered(server: Server):
    one, *_ = await three(server)
    for query, wanted in {
        "": 3,
        f"definitionId={one['releaseDefinition']['id']}&latestAttemptsOnly=true": 3,
        "deploymentStatus=inProgress": 3,
        "deploymentStatus=4": 0,
        "operationStatus=QueuedForAgent": 3,
        "operationStatus=64": 3,
        "operationStatus=approved": 0,
        "createdFor=admin": 3,
        "createdFor=nobody": 0,
        "projectName=Other": 0,
        "projectName=default": 3,
        "minModifiedTime=2024-03-15T00%3A00%3A00.000Z": 3,
        "maxModifiedTime=2024-03-15": 0,
        "$top=2": 2,
    }.items():
        assert (await server.seen(f"deployments?{query}"))["count"] == wanted, query


async def test_a_release_for_somebody_else_is_no_way_around_the_creator_rule(server: Server):
    await server.user("ann", groups=("Contributors",))
    rule = asks(await server.me(), releaseCreatorCanBeApprover=False)
    made = await server.made(
        "definitions", definition("Mine", stage("Dev", preDeployApprovals=rule))
    )
    for named in ("ann", {"uniqueName": "ANN"}):
        body = {"definitionId": made["id"], "createdFor": named}
        release = await server.made("releases", body)
        assert release["createdFor"]["uniqueName"] == "ann"
        assert release["createdBy"]["uniqueName"] == "admin"
    (approval, *_) = (await server.seen("approvals"))["value"]
    path = f"approvals/{approval['id']}"
    answer = await server.project("PATCH", path, json={"status": "approved"})
    assert answer.status_code == 403, answer.text


async def test_an_environment_tells_the_jobs_of_its_newest_attempt(server: Server):
    one, *_ = await three(server)
    (dev, *_) = one["environments"]
    jobs = (await server.seen(f"releases/{one['id']}/environments/{dev['id']}"))["deploymentJobs"]
    (step,) = dev["deploySteps"]
    assert jobs == step["releaseDeployPhases"][0]["deploymentJobs"]
    assert len(jobs) == 1


async def test_logs_of_a_release_that_has_none_are_an_empty_zip(server: Server):
    one, *_ = await three(server)
    answer = await server.project("GET", f"releases/{one['id']}/logs")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.content.startswith(b"PK")
    missing = f"releases/{one['id']}/environments/{one['environments'][0]['id']}/tasks/99/logs"
    assert (await server.project("GET", missing)).status_code == 404


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x\u202ey", "n" * 257])
async def test_a_release_cannot_be_given_a_name_that_is_none(server: Server, name: str):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    release = await server.made("releases", {"definitionId": made["id"], "isDraft": True})
    for method, body in (("PATCH", {"name": name}), ("PUT", {**release, "name": name})):
        answer = await server.project(method, f"releases/{release['id']}", json=body)
        assert answer.status_code == 400, (method, answer.text)
    assert (await server.seen(f"releases/{release['id']}"))["name"] == release["name"]


async def test_only_the_properties_that_are_asked_for_come(server: Server):
    both = {"p": "1", "q": "2"}
    made = await server.made("definitions", definition("Web", stage("Dev"), properties=both))
    release = await server.made("releases", {"definitionId": made["id"], "properties": both})
    for path in ("definitions", "releases"):
        number = made["id"] if path == "definitions" else release["id"]
        one = await server.seen(f"{path}/{number}?propertyFilters=q")
        [listed] = (await server.seen(f"{path}?propertyFilters=q"))["value"]
        for found in (one, listed):
            assert list(found["properties"]) == ["q"], (path, found["properties"])
        assert (await server.seen(f"{path}/{number}?propertyFilters=zz"))["properties"] == {}
