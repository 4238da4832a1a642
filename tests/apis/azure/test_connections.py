"""Service connections over the wire: what clients send, and that no secret comes back."""

from typing import Any

from quaymaster.actions.people import projects
from tests.apis.azure.server import Server

BASE = "/default/Default/_apis/serviceendpoint/endpoints"
ALL = "/default/_apis/serviceendpoint/endpoints"
SECRET = "hunter2-and-more"


def endpoint(name: str = "Monitor", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "generic",
        "url": "https://monitor.example",
        "authorization": {
            "scheme": "UsernamePassword",
            "parameters": {"username": "quay", "password": SECRET},
        },
        "data": {"region": "eu"},
        **changes,
    }


async def add(server: Server, body: dict[str, Any] | None = None, path: str = BASE) -> Any:
    answer = await server.ask("POST", path, json=body or endpoint())
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_it_comes_back_without_its_secret(server: Server):
    made = await add(server)
    got = await server.get(f"{BASE}/{made['id']}")
    listed = await server.get(BASE)
    assert got.json() == made
    assert listed.json() == {"count": 1, "value": [made]}
    assert made["isReady"] is True
    assert made["authorization"] == {
        "scheme": "UsernamePassword",
        "parameters": {"username": "quay", "password": None},
    }
    assert made["serviceEndpointProjectReferences"][0]["projectReference"]["name"] == "Default"
    assert SECRET not in got.text + listed.text


async def test_without_a_project_those_of_all_projects_are_listed(server: Server):
    other = await projects.create(server.database, "Other")
    here, there = (
        await add(server),
        await add(server, endpoint("Far"), f"/default/{other}/_apis/serviceendpoint/endpoints"),
    )
    found = (await server.get(f"{ALL}?type=generic&owner=library")).json()["value"]
    assert [one["id"] for one in found] == [here["id"], there["id"]]
    reader = await server.user("reader", groups=("Readers",))
    seen = (await server.get(ALL, token=reader)).json()["value"]
    assert [one["id"] for one in seen] == [here["id"]]
    assert SECRET not in str(found)


async def test_lists_are_narrowed(server: Server):
    first = await add(server)
    second = await add(server, endpoint("Deploy", type="ssh", url="", data={"PrivateKey": SECRET}))

    async def names(query: str) -> list[str]:
        answer = await server.get(f"{BASE}?{query}")
        assert SECRET not in answer.text
        return [one["name"] for one in answer.json()["value"]]

    assert await names("") == ["Deploy", "Monitor"]
    assert await names("endpointNames=monitor,other") == ["Monitor"]
    assert await names(f"endpointIds={second['id']},{first['id'].upper()}") == ["Deploy", "Monitor"]
    assert await names("type=SSH") == ["Deploy"]
    assert await names("authSchemes=Token") == []
    assert await names("owner=agentcloud") == []


async def test_what_was_read_can_be_sent_back(server: Server):
    made = await add(server)
    answer = await server.ask("PUT", f"{BASE}/{made['id']}", json={**made, "description": "ours"})
    assert answer.status_code == 200
    changed = answer.json()
    assert {**changed, "modificationDate": 0, "description": ""} == {
        **made,
        "modificationDate": 0,
        "serviceEndpointProjectReferences": changed["serviceEndpointProjectReferences"],
    }


async def test_without_a_project_in_the_address_the_body_names_it(server: Server):
    project = (await server.get("/default/_apis/projects/Default")).json()["id"]
    reference = {"projectReference": {"id": project}, "name": "Monitor"}
    body = endpoint(serviceEndpointProjectReferences=[reference])
    made = await add(server, body, ALL)
    answer = await server.ask("PUT", f"{ALL}/{made['id']}", json={**made, "name": "Watch"})
    assert answer.json()["name"] == "Watch"
    many = await server.ask("PUT", ALL, json=[{**made, "name": "Look"}])
    assert [one["name"] for one in many.json()["value"]] == ["Look"]
    gone = await server.ask("DELETE", f"{ALL}/{made['id']}?projectIds={project}")
    assert gone.status_code == 204
    assert (await server.get(f"{BASE}/{made['id']}")).status_code == 404


async def test_several_are_replaced_all_or_none(server: Server):
    made = await add(server)
    nobody = {**made, "id": "00000000-0000-0000-0000-00000000000a", "name": "Other"}
    answer = await server.ask("PUT", ALL, json=[{**made, "name": "Look"}, nobody])
    assert answer.status_code == 404
    assert (await server.get(f"{BASE}/{made['id']}")).json() == made


async def test_what_is_wrong_is_said_and_changes_nothing(server: Server):
    made = await add(server)
    elsewhere = {"projectReference": {"id": "Elsewhere"}}
    for method, path, body, status in (
        ("POST", BASE, [], 400),
        ("POST", BASE, endpoint(""), 400),
        ("POST", BASE, endpoint("Two", authorization="none"), 400),
        ("POST", BASE, endpoint("Two", data={"a": {}}), 400),
        ("POST", BASE, endpoint("Two", url=f"https://a:{SECRET}@b.example"), 400),
        ("POST", BASE, endpoint("monitor"), 409),
        ("POST", ALL, endpoint("Two"), 400),
        ("POST", ALL, endpoint("Two", serviceEndpointProjectReferences=[elsewhere]), 404),
        ("PUT", f"{BASE}/no-guid", made, 404),
        ("PUT", f"{BASE}/{made['id']}", {**made, "type": ""}, 400),
        ("PATCH", f"{ALL}/{made['id']}", [elsewhere], 501),
        ("DELETE", f"{BASE}/00000000-0000-0000-0000-00000000000a", None, 404),
    ):
        answer = await server.ask(method, path, json=body)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        assert SECRET not in answer.text
    assert (await server.get(BASE)).json()["value"] == [made]


async def test_scopes_and_rights(server: Server):
    made = await add(server)
    reader = await server.user("rita", "vso.serviceendpoint", groups=("Readers",))
    nobody = await server.user("nora", "vso.full")
    wrong = await server.token_of("rita", "vso.release_manage")
    assert (await server.get(BASE, token=reader)).json()["count"] == 1
    assert (await server.get(BASE, token=nobody)).status_code == 404
    assert (await server.get(BASE, token=wrong)).status_code == 403
    full = await server.token_of("rita")
    for method, path in (("POST", BASE), ("PUT", f"{BASE}/{made['id']}")):
        assert (await server.ask(method, path, json=endpoint(), token=reader)).status_code == 403
        assert (await server.ask(method, path, json=endpoint(), token=full)).status_code == 403
    unseen = await server.ask("DELETE", f"{ALL}/{made['id']}", token=nobody)
    assert unseen.status_code == 404


async def test_the_types_are_listed(server: Server):
    answer = await server.get("/default/_apis/serviceendpoint/types?type=externaltfs")
    [known] = answer.json()["value"]
    assert {one["scheme"] for one in known["authenticationSchemes"]} == {
        "Token",
        "UsernamePassword",
    }
    assert (await server.get("/default/_apis/serviceendpoint/types?scheme=None")).json()["count"]
