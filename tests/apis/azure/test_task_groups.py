"""Task groups over HTTP: kept, versioned, drafted, published, deleted, and used by releases."""

from typing import Any

from quaymaster.store.releases import releases
from tests import documents
from tests.apis.azure.server import Server

PATH = "/default/Default/_apis/distributedtask/taskgroups"
NOWHERE = "99999999-9999-4999-8999-999999999999"


def body(name: str = "Greet", script: str = "echo $(who)", **changes: Any) -> dict[str, Any]:
    """A task group as clients send it."""
    step = {
        "displayName": "Say hello to $(who)",
        "enabled": True,
        "condition": "succeeded()",
        "inputs": {"targetType": "inline", "script": script},
        "task": {"id": documents.BASH, "versionSpec": "3.*", "definitionType": "task"},
        "unknown": 1,
    }
    parameter = {"name": "who", "label": "Who", "defaultValue": "world", "type": "string"}
    built = {
        "name": name,
        "category": "Deploy",
        "runsOn": ["Agent"],
        "inputs": [parameter],
        "tasks": [step],
        "version": {"major": 1, "minor": 0, "patch": 0, "isTest": False},
    }
    return {**built, **changes}


async def asked(server: Server, method: str, path: str = "", status: int = 200, **more: Any) -> Any:
    answer = await server.ask(method, PATH + path, **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def make(server: Server, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = await asked(server, "POST", json=body(**changes))
    return made


def using(group: str, version: str = "1.*", **inputs: str) -> dict[str, Any]:
    kind = {"definitionType": "metaTask"}
    step: dict[str, Any] = documents.task(group, version, "Greet", inputs, **kind)
    return step


async def test_a_group_is_made_read_changed_listed_and_deleted(server: Server):
    made = await make(server)
    assert (made["revision"], made["definitionType"], made["tasks"][0]["unknown"]) == (
        1,
        "metaTask",
        1,
    )
    assert made["version"] == {"major": 1, "minor": 0, "patch": 0, "isTest": False}
    one = f"/{made['id']}"
    [read] = (await asked(server, "GET", one))["value"]
    assert read == made
    changed = await asked(
        server, "PUT", one, json={**made, "description": "new", "comment": "why", "revision": 1}
    )
    assert (changed["revision"], changed["description"], changed["comment"]) == (2, "new", "why")
    refused = await asked(server, "PUT", one, 400, json=made)
    assert "old copy" in refused["message"]
    history = await asked(server, "GET", f"{one}/revisions")
    assert [(e["revision"], e["changeType"]) for e in history["value"]] == [
        (1, "add"),
        (2, "update"),
    ]
    first = await asked(server, "GET", f"{one}?revision=1")
    assert "description" not in first
    await asked(server, "DELETE", f"{one}?comment=gone", 204)
    assert (await asked(server, "GET"))["count"] == 0
    assert (await asked(server, "GET", "?deleted=true"))["count"] == 1
    await asked(server, "GET", one, 404)
    back = await asked(server, "PATCH", json={"id": made["id"]})
    assert back["deleted"] is False
    assert (await asked(server, "GET", f"?taskIdFilter={documents.BASH}"))["count"] == 1
    assert (await asked(server, "GET", f"?taskIdFilter={NOWHERE}"))["count"] == 0


async def test_major_versions_stand_side_by_side(server: Server):
    made = await make(server, script="echo one")
    one = f"/{made['id']}"
    second = body(script="echo two", version={"major": 2})
    added = await asked(server, "PUT", one, json=second)
    assert (added["version"]["major"], added["revision"]) == (2, 1)
    found = await asked(server, "GET", one)
    assert [entry["version"]["major"] for entry in found["value"]] == [2, 1]
    newest = await asked(server, "GET", f"{one}?versionSpec=1.*")
    assert newest["tasks"][0]["inputs"]["script"] == "echo one"
    await asked(server, "GET", f"{one}?versionSpec=3.*", 404)
    refused = await asked(server, "PUT", one, 400, json=body(version={"major": 7}))
    assert "next major version" in refused["message"]


async def test_a_draft_is_published_and_a_preview_made_to_count(server: Server):
    made = await make(server)
    draft = await make(server, script="echo draft", parentDefinitionId=made["id"])
    assert draft["version"]["isTest"] is True
    told = {"taskGroupId": draft["id"], "taskGroupRevision": 1, "parentDefinitionRevision": 1}
    path = f"?parentTaskGroupId={made['id']}"
    stale = {**told, "parentDefinitionRevision": 9}
    assert "old copy" in (await asked(server, "PUT", path, 400, json=stale))["message"]
    published = await asked(server, "PUT", path, json={**told, "preview": True, "comment": "try"})
    assert [(e["version"]["major"], e["preview"]) for e in published["value"]] == [
        (2, True),
        (1, False),
    ]
    await asked(server, "GET", f"/{draft['id']}", 404)
    counts = await asked(
        server,
        "PATCH",
        f"/{made['id']}?disablePriorVersions=true",
        json={"version": {"major": 2}, "revision": 1},
    )
    assert [(e["preview"], e["disabled"]) for e in counts["value"]] == [
        (False, False),
        (False, True),
    ]
    other = await make(server, name="Other")
    assert (
        "is no draft"
        in (await asked(server, "PUT", path, 400, json={"taskGroupId": other["id"]}))["message"]
    )


async def test_what_cannot_be_saved_is_refused_at_its_path(server: Server):
    await make(server)
    assert "is there already" in (await asked(server, "POST", "", 409, json=body()))["message"]
    bad = body(name="", tasks=[], inputs=[{"name": "a"}, {"name": "A"}, {"name": ""}])
    message = (await asked(server, "POST", "", 400, json=bad))["message"]
    assert all(part in message for part in ("$.name", "$.tasks", "$.inputs[0].name"))
    for wrong in (
        body(name="X", tasks="no"),
        body(name="X", tasks=[{"task": 1}]),
        body(name="X", tasks=[{"task": {"id": "no"}}]),
        body(name="X", tasks=[{"condition": "eq(", "task": {"id": documents.BASH}}]),
        body(name="X", version={"major": -1}),
        body(name="X", parentDefinitionId="x"),
        [],
        "x",
        None,
    ):
        await asked(server, "POST", "", 400, json=wrong)
    for path in ("/x", "/x/revisions", "?deleted=perhaps"):
        await asked(server, "GET", path, 400)
    await asked(server, "GET", f"/{NOWHERE}/revisions", 404)
    await asked(server, "DELETE", f"/{NOWHERE}", 404)
    await asked(server, "POST", "", 404, json=body(name="X", parentDefinitionId=NOWHERE))
    assert (await asked(server, "GET"))["count"] == 1


async def test_a_circle_is_refused_when_it_would_be_closed(server: Server):
    first = await make(server, name="First")
    reference = {"definitionType": "metaTask", "versionSpec": "1.*"}
    inner = {"displayName": "In", "task": {"id": first["id"], **reference}}
    second = await make(server, name="Second", tasks=[inner])
    closing = {"displayName": "In", "task": {"id": second["id"], **reference}}
    changed = body(name="First", tasks=[closing])
    refused = await asked(server, "PUT", f"/{first['id']}", 400, json=changed)
    assert "First → Second → First" in refused["message"]


async def test_only_those_who_may_edit_change_groups_and_projects_keep_theirs(server: Server):
    made = await make(server)
    reader = await server.user("rita", groups=("Readers",))
    assert (await server.ask("GET", PATH, token=reader)).json()["count"] == 1
    refused = await server.ask("POST", PATH, token=reader, json=body(name="Mine"))
    assert refused.status_code == 403
    assert (await server.ask("DELETE", f"{PATH}/{made['id']}", token=reader)).status_code == 403
    weak = await server.token_of("rita", "vso.project")
    assert (await server.ask("GET", PATH, token=weak)).status_code == 403


async def test_a_release_takes_a_group_as_it_is_when_it_is_made(server: Server):
    group = await make(server, script="echo first $(who)")
    stage = documents.stage("Dev", tasks=[using(group["id"], who="Ann")])
    stage["conditions"] = []
    definition = await server.made("definitions", documents.definition("Web", stage))
    [kept] = definition["environments"][0]["deployPhases"]
    assert kept["workflowTasks"][0]["taskId"] == group["id"]
    old = await server.made("releases", {"definitionId": definition["id"]})
    await asked(server, "PUT", f"/{group['id']}", json=body(script="echo second $(who)"))
    new = await server.made("releases", {"definitionId": definition["id"]})
    assert await scripts(server, old["id"]) == ["echo first Ann"]
    assert await scripts(server, new["id"]) == ["echo second Ann"]
    shown = await server.seen(f"releases/{old['id']}")
    [phase] = shown["environments"][0]["deployPhasesSnapshot"]
    phase["workflowTasks"][0]["inputs"]["who"] = "Bob"
    answer = await server.project("PUT", f"releases/{old['id']}", json=shown)
    assert answer.status_code == 200, answer.text
    assert await scripts(server, old["id"]) == ["echo first Bob"]


async def scripts(server: Server, release: int) -> list[str]:
    """What the tasks of a release's only stage would run."""
    async with server.database.read() as connection:
        found = await releases.load(connection, release)
    assert found is not None
    [stage] = found.stages
    return [task.inputs["script"] for task in stage.plan.phases[0].tasks]


async def test_a_group_that_is_not_there_is_said_and_found_once_it_is(server: Server):
    group = await make(server)
    await asked(server, "DELETE", f"/{group['id']}", 204)
    stage = documents.stage("Dev", tasks=[using(group["id"])])
    stage["conditions"] = []
    definition = await server.made("definitions", documents.definition("Web", stage))
    await asked(server, "PATCH", json={"id": group["id"]})
    release = await server.made("releases", {"definitionId": definition["id"]})
    assert await scripts(server, release["id"]) == ["echo world"]


async def test_process_parameters_of_a_release_can_be_edited(server: Server):
    parameters = {"inputs": [{"name": "who", "type": "string", "defaultValue": "Ann"}]}
    task = documents.bash("echo $(Parameters.who)", name="Greet $(Parameters.WHO)")
    stage = documents.stage("Dev", tasks=[task], processParameters=parameters)
    stage["conditions"] = []
    definition = await server.made("definitions", documents.definition("Web", stage))
    release = await server.made("releases", {"definitionId": definition["id"]})
    assert await scripts(server, release["id"]) == ["echo Ann"]
    [environment] = release["environments"]
    assert environment["processParameters"]["inputs"][0]["defaultValue"] == "Ann"
    environment["processParameters"]["inputs"][0]["defaultValue"] = "Bob"
    answer = await server.project("PUT", f"releases/{release['id']}", json=release)
    assert answer.status_code == 200, answer.text
    assert await scripts(server, release["id"]) == ["echo Bob"]
    async with server.database.read() as connection:
        found = await releases.load(connection, release["id"])
    assert found is not None
    assert found.stages[0].plan.phases[0].tasks[0].display_name == "Greet Bob"
