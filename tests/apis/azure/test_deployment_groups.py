"""Deployment groups and their targets over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

from quaymaster.store.resources import targets, workers
from quaymaster.store.resources.workers import NewWorker
from tests import documents
from tests.apis.azure.server import Server

PATH = "/default/Default/_apis/distributedtask/deploymentgroups"


async def asked(server: Server, method: str, path: str = "", status: int = 200, **more: Any) -> Any:
    answer = await server.ask(method, PATH + path, **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def make(server: Server, name: str = "Web servers") -> int:
    made = await asked(server, "POST", json={"name": name, "description": "all of them"})
    return int(made["id"])


async def join(server: Server, group: int, name: str, *tags: str, online: bool = True) -> int:
    """A machine in the group, with a worker on it unless it is offline."""
    async with server.database.transaction() as connection:
        target = await targets.join(connection, group, name, tags, datetime.now(UTC))
        if online:
            pool = await connection.fetchval(
                "SELECT pool_id FROM deployment_groups WHERE id = $1", group
            )
            new = NewWorker(f"worker-{target}", name, pool, 1, {"Agent.OS": "Linux"}, target)
            await workers.register(connection, new, timedelta(hours=1))
    return target


async def test_a_group_is_made_read_changed_listed_and_deleted(server: Server):
    group = await make(server)
    read = await asked(server, "GET", f"/{group}")
    assert (read["name"], read["description"], read["machineCount"]) == (
        "Web servers",
        "all of them",
        0,
    )
    assert read["pool"]["poolType"] == "deployment"
    changed = await asked(server, "PATCH", f"/{group}", json={"name": "Web"})
    assert (changed["name"], changed["description"]) == ("Web", "all of them")
    await make(server, "Databases")
    assert [g["name"] for g in (await asked(server, "GET"))["value"]] == ["Databases", "Web"]
    assert (await asked(server, "GET", "?name=WEB"))["count"] == 1
    assert (await asked(server, "GET", f"?ids={group}"))["count"] == 1
    answer = await server.ask("GET", f"{PATH}?$top=1")
    assert answer.headers["x-ms-continuationtoken"] == "Databases"
    rest = await asked(server, "GET", "?continuationToken=Databases")
    assert [g["name"] for g in rest["value"]] == ["Web"]
    pools = (await server.get("/default/_apis/distributedtask/pools")).json()
    assert [pool["name"] for pool in pools["value"]] == ["Default"]
    await asked(server, "DELETE", f"/{group}", 204)
    await asked(server, "GET", f"/{group}", 404)


async def test_targets_are_listed_tagged_and_removed(server: Server):
    group = await make(server)
    one = await join(server, group, "web-1", "web", "EU")
    two = await join(server, group, "web-2", "web", online=False)
    listed = (await asked(server, "GET", f"/{group}/targets"))["value"]
    assert [(t["id"], t["tags"], t["agent"]["status"]) for t in listed] == [
        (one, ["web", "EU"], "online"),
        (two, ["web"], "offline"),
    ]

    async def names(query: str) -> list[str]:
        found = await asked(server, "GET", f"/{group}/targets?{query}")
        return [target["agent"]["name"] for target in found["value"]]

    assert await names("tags=eu,WEB") == ["web-1"]
    assert await names("name=WEB-2") == ["web-2"]
    assert await names("name=web&partialNameMatch=true") == ["web-1", "web-2"]
    assert await names("agentStatus=offline") == ["web-2"]
    assert await names("$top=1") == ["web-1"]
    assert await names("continuationToken=web-1") == ["web-2"]
    body = [{"id": one, "tags": ["db"]}, {"id": two, "tags": []}]
    tagged = await asked(server, "PATCH", f"/{group}/targets", json=body)
    assert [target["tags"] for target in tagged["value"]] == [["db"], []]
    expanded = await asked(server, "GET", f"/{group}?$expand=machines")
    assert (expanded["machineCount"], expanded["machineTags"]) == (2, ["db"])
    known = await asked(server, "GET", f"/{group}/targets/{one}?$expand=capabilities")
    assert known["agent"]["systemCapabilities"] == {"Agent.OS": "Linux"}
    await asked(server, "DELETE", f"/{group}/targets/{two}", 204)
    await asked(server, "GET", f"/{group}/targets/{two}", 404)


async def test_bad_requests_change_nothing(server: Server):
    group = await make(server)
    one = await join(server, group, "web-1", "web")
    other = await make(server, "Other")
    assert (
        "there already"
        in (await asked(server, "POST", "", 409, json={"name": "WEB SERVERS"}))["message"]
    )
    for body in ({"name": ""}, {"name": 1}, {"name": "a\nb"}, {"name": "X", "poolId": 1}, [], None):
        await asked(server, "POST", "", 400, json=body)
    wrong = (
        [{"id": one, "tags": ["ok"]}, {"id": one + 1, "tags": ["ok"]}],
        [{"id": one, "tags": ["a,b"]}],
        [{"id": one, "tags": [""]}],
        [{"id": one, "tags": "web"}],
        [{"id": "x"}],
        {"id": one},
    )
    for machines in wrong:
        answer = await server.ask("PATCH", f"{PATH}/{group}/targets", json=machines)
        assert answer.status_code in (400, 404), answer.text
    await asked(server, "GET", f"/{other}/targets/{one}", 404)
    await asked(server, "DELETE", f"/{other}/targets/{one}", 404)
    await asked(server, "GET", f"/{group}/targets?agentStatus=asleep", 400)
    assert (await asked(server, "GET", f"/{group}/targets/{one}"))["tags"] == ["web"]


async def test_only_those_who_may_edit_change_groups(server: Server):
    group = await make(server)
    reader = await server.user("rita", groups=("Readers",))
    assert (await server.ask("GET", PATH, token=reader)).json()["count"] == 1
    for method, path in (("POST", ""), ("PATCH", f"/{group}"), ("DELETE", f"/{group}")):
        answer = await server.ask(method, PATH + path, token=reader, json={"name": "Mine"})
        assert answer.status_code == 403


def rollout(group: int, tag: str = "web", **changes: Any) -> dict[str, Any]:
    """A definition whose one stage, started by hand, deploys to a group."""
    phase = documents.phase(
        [documents.bash("true")],
        phaseType="machineGroupBasedDeployment",
        deploymentInput={"queueId": group, "tags": [tag], "healthPercent": 0},
    )
    stage = documents.stage("Dev", deployPhases=[phase], **changes)
    return documents.definition("Web", {**stage, "conditions": []})


async def explained(server: Server, release: dict[str, Any]) -> list[str]:
    [stage] = release["environments"]
    found = await server.seen(f"releases/{release['id']}/environments/{stage['id']}/explain")
    return [reason["text"] for reason in found["reasons"] if reason["kind"] == "target"]


async def test_explain_and_preview_name_the_targets(server: Server):
    group = await make(server)
    await join(server, group, "web-1", "web")
    await join(server, group, "web-2", "web", online=False)
    stage = documents.asks(await server.me())
    definition = await server.made("definitions", rollout(group, preDeployApprovals=stage))
    release = await server.made("releases", {"definitionId": definition["id"]})
    [environment] = release["environments"]
    path = f"releases/{release['id']}/environments/{environment['id']}"
    await server.project("PATCH", path, json={"status": "inProgress"})
    [text] = await explained(server, release)
    assert text == "Phase Agent job will pass over what is offline: web-2."
    starting = rollout(group, "db")
    starting["environments"][0]["conditions"] = [documents.release_started()]
    nobody = await server.made("definitions", {**starting, "name": "Nobody"})
    foreseen = await server.made(f"definitions/{nobody['id']}/preview", {})
    [problem] = foreseen["canNeverFinish"]
    assert "there is no target with the tags db" in problem


async def test_there_is_nothing_to_repeat_without_a_failed_target(server: Server):
    group = await make(server)
    definition = await server.made("definitions", rollout(group))
    release = await server.made("releases", {"definitionId": definition["id"]})
    [environment] = release["environments"]
    path = f"releases/{release['id']}/environments/{environment['id']}"
    body = {"status": "inProgress", "redeployFailedTargets": True}
    answer = await server.project("PATCH", path, json=body)
    assert (answer.status_code, "no target" in answer.json()["message"]) == (400, True)
    bad = {**body, "redeployFailedTargets": "perhaps"}
    assert (await server.project("PATCH", path, json=bad)).status_code == 400


async def test_pages_leave_nothing_out_whatever_the_case_of_the_names(server: Server):
    group = await make(server, "alpha")
    await make(server, "Zeta")
    for name in ("web-1", "WEB-2"):
        await join(server, group, name)
    for path, names in (("", ["alpha", "Zeta"]), (f"/{group}/targets", ["web-1", "WEB-2"])):
        answer = await server.ask("GET", f"{PATH}{path}?$top=1")
        token = answer.headers["x-ms-continuationtoken"]
        rest = await asked(server, "GET", f"{path}?continuationToken={token}")
        listed = [*answer.json()["value"], *rest["value"]]
        assert [one.get("name") or one["agent"]["name"] for one in listed] == names
