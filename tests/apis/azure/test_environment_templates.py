"""Environment templates of a project (CONTRACT B.4)."""

from typing import Any
from uuid import uuid4

from tests.apis.azure.server import Server
from tests.documents import asks, stage, variable

PATH = "definitions/environmenttemplates"


def template(name: str = "Web site", **changes: Any) -> dict[str, Any]:
    environment = stage("Dev", variables={"key": variable("sesame!", secret=True)})
    return {"name": name, "description": "For sites", "environment": environment, **changes}


async def test_a_template_is_kept_listed_deleted_and_brought_back(server: Server) -> None:
    made = await server.made(PATH, template())
    assert (made["name"], made["canDelete"], made["isDeleted"]) == ("Web site", True, False)
    assert made["environment"]["name"] == "Dev"
    one = f"{PATH}?templateId={made['id']}"
    assert (await server.seen(one)) == made
    empty, own = (await server.seen(PATH))["value"]
    assert (empty["canDelete"], own["id"], own["environment"]) == (False, made["id"], None)
    assert (await server.project("DELETE", one)).status_code == 204
    assert (await server.project("GET", one)).status_code == 404
    assert len((await server.seen(PATH))["value"]) == 1
    (gone,) = (await server.seen(f"{PATH}?isDeleted=true"))["value"]
    assert (gone["id"], gone["isDeleted"]) == (made["id"], True)
    back = await server.project("PATCH", one)
    assert (back.status_code, back.json()["isDeleted"]) == (200, False)
    assert (await server.seen(one)) == made


async def test_the_empty_template_is_always_there_and_stays(server: Server) -> None:
    (empty,) = (await server.seen(PATH))["value"]
    one = f"{PATH}?templateId={empty['id']}"
    assert (await server.seen(one))["environment"]["deployPhases"][0]["workflowTasks"] == []
    assert (await server.project("DELETE", one)).status_code == 400


async def test_secrets_are_left_out_and_people_are_known(server: Server) -> None:
    me = await server.me()
    environment = stage(
        "Dev", preDeployApprovals=asks(me), variables={"k": variable("s", secret=True)}
    )
    made = await server.made(PATH, template(environment=environment))
    assert made["environment"]["variables"]["k"] == {"isSecret": True, "value": None}
    (step,) = made["environment"]["preDeployApprovals"]["approvals"]
    assert step["approver"]["uniqueName"] == "admin"
    async with server.database.read() as connection:
        kept = await connection.fetchval("SELECT document::text FROM environment_templates")
    assert "sesame" not in kept


async def test_what_is_no_template_is_refused(server: Server) -> None:
    for wrong in (
        {},
        [],
        template(name=" "),
        template(name=7),
        template(environment=None),
        template(environment="Dev"),
        template(description=["x"]),
    ):
        answer = await server.project("POST", PATH, json=wrong)
        assert answer.status_code == 400, wrong
    for method, query, status in (
        ("GET", f"templateId={uuid4()}", 404),
        ("GET", "templateId=x", 400),
        ("GET", "isDeleted=perhaps", 400),
        ("DELETE", "", 400),
        ("DELETE", f"templateId={uuid4()}", 404),
        ("PATCH", f"templateId={uuid4()}", 404),
    ):
        answer = await server.project(method, f"{PATH}?{query}")
        assert answer.status_code == status, (method, query)


async def test_readers_look_and_strangers_do_not(server: Server) -> None:
    made = await server.made(PATH, template())
    reader = await server.user("reader", groups=("Readers",))
    assert (await server.project("GET", PATH, token=reader)).status_code == 200
    denied = await server.project("POST", PATH, json=template(), token=reader)
    assert denied.status_code == 403
    one = f"{PATH}?templateId={made['id']}"
    assert (await server.project("DELETE", one, token=reader)).status_code == 403
    stranger = await server.user("stranger")
    assert (await server.project("GET", PATH, token=stranger)).status_code in (403, 404)
