"""Templates of build definitions, and what definitions use of their project (CONTRACT B.1)."""

from typing import Any

from tests.apis.azure.build.asking import asked, definition, made
from tests.apis.azure.server import Server

PATH = "definitions/templates"


def template(name: str = "Our web", **changes: Any) -> Any:
    variables = {"key": {"value": "s3cret", "isSecret": True}, "size": {"value": "3"}}
    kept = definition("Web", variables=variables, id=77, revision=4)
    return {"name": name, "description": "A site", "template": kept, **changes}


async def test_a_definition_is_kept_as_a_template(server: Server):
    saved = await asked(server, "PUT", f"{PATH}/Site", json=template())
    assert (saved["id"], saved["name"], saved["canDelete"]) == ("Site", "Our web", True)
    assert "s3cret" not in str(saved)
    assert saved["template"]["variables"]["size"]["value"] == "3"
    assert not {"id", "revision"} & set(saved["template"])
    assert await asked(server, "GET", f"{PATH}/site") == saved
    [listed] = (await asked(server, "GET", PATH))["value"]
    assert listed == {**saved, "template": None}
    await asked(server, "POST", "definitions", json=saved["template"])
    again = await asked(server, "PUT", f"{PATH}/SITE", json=template("Newer"))
    assert again["name"] == "Newer"
    assert (await asked(server, "GET", PATH))["count"] == 1
    await asked(server, "DELETE", f"{PATH}/site", 204)
    await asked(server, "DELETE", f"{PATH}/site", 404)
    await asked(server, "GET", f"{PATH}/site", 404)


async def test_what_is_no_template_is_refused(server: Server):
    for wrong in (template(" "), template(template=None), template(category=5), template("a\0")):
        await asked(server, "PUT", f"{PATH}/one", 400, json=wrong)
    reader = await server.user("rita", groups=("Readers",))
    await asked(server, "PUT", f"{PATH}/one", 403, json=template(), token=reader)
    assert (await asked(server, "GET", PATH, token=reader))["value"] == []


async def test_what_a_definition_uses_of_its_project(server: Server):
    group = await server.ask(
        "POST",
        "/default/Default/_apis/distributedtask/variablegroups",
        json={"name": "Common", "variables": {"a": {"value": "1"}}},
    )
    number = group.json()["id"]
    web = await made(server, "Web", variableGroups=[{"id": number}])
    path = f"definitions/{web['id']}/resources"
    used = (await asked(server, "GET", path))["value"]
    queue, common = used
    assert (queue["type"], queue["name"], queue["authorized"]) == ("queue", "Default", True)
    assert common == {
        "type": "variablegroup",
        "id": str(number),
        "name": "Common",
        "authorized": True,
    }
    everything = (await asked(server, "GET", "authorizedresources"))["value"]
    assert queue in everything
    only = (await asked(server, "GET", "authorizedresources?type=variablegroup"))["value"]
    assert only == [common]
    assert (await asked(server, "PATCH", path, json=[queue]))["value"] == [queue]
    withdrawn = [{**queue, "authorized": False}]
    for place in (path, "authorizedresources"):
        refused = await asked(server, "PATCH", place, 400, json=withdrawn)
        assert "permissions" in refused["message"]
        await asked(server, "PATCH", place, 404, json=[{**queue, "id": "999"}])
    await asked(server, "GET", "definitions/999/resources", 404)
