"""What a client asks before its first call (CONTRACT A.2), and projects (B.2)."""

import base64
import json
from uuid import uuid4

import pytest

from tests.apis.azure.server import BASE, Server
from tests.vectors import shared_folder

RELEASE_AREA = "efc2f575-36ef-48e9-b672-0c6fb4a48ac5"


@pytest.mark.parametrize(
    "path", ["/default/_apis", "/Default/_APIS/", "/tfs/DefaultCollection/_apis"]
)
async def test_options_lists_every_location_to_everybody(server: Server, path):
    answer = await server.ask("OPTIONS", path, token="")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert body["count"] == len(body["value"]) > 200
    assert set(body["value"][0]) == {
        "id",
        "area",
        "resourceName",
        "routeTemplate",
        "resourceVersion",
        "minVersion",
        "maxVersion",
        "releasedVersion",
    }
    assert all(place["id"] == place["id"].lower() for place in body["value"])


async def test_options_of_one_area_lists_only_its_locations(server: Server):
    body = (await server.ask("OPTIONS", "/default/_apis/release?allHostTypes=True")).json()
    assert {place["area"] for place in body["value"]} == {"Release"}
    approvals = [p["routeTemplate"] for p in body["value"] if p["resourceName"] == "approvals"]
    assert approvals[0].endswith("{approvalId}"), "or invoke loses the id"
    nothing = (await server.ask("OPTIONS", "/default/_apis/nonsense")).json()
    assert nothing == {"count": 0, "value": []}


async def test_vector_the_locations_are_those_of_the_contract(server: Server):
    path = shared_folder() / "contract" / "azure" / "locations.json"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    wanted = json.loads(path.read_text("utf-8"))
    body = (await server.ask("OPTIONS", "/default/_apis")).json()
    listed = {place["id"]: place for place in body["value"]}
    for place in wanted:
        ours = listed[place["id"].lower()]
        assert {**place, **ours, "id": place["id"]} == place


async def test_resource_areas_are_empty_so_that_clients_stay_here(server: Server):
    answer = await server.get(
        "/default/_apis/ResourceAreas",
        headers={"Accept": "application/json;api-version=7.1-preview.1"},
    )
    assert answer.json() == {"count": 0, "value": None}
    assert answer.headers["content-type"].endswith("api-version=7.1-preview.1")
    one = await server.get(f"/default/_apis/resourceAreas/{RELEASE_AREA.upper()}")
    assert one.json() == {"id": RELEASE_AREA, "name": "Release", "locationUrl": f"{BASE}/default/"}
    assert (await server.get("/default/_apis/ResourceAreas/none")).status_code == 404


async def test_connection_data_says_who_asks(server: Server):
    token = await server.user("chuck")
    body = (await server.get("/default/_apis/connectionData?connectOptions=1", token=token)).json()
    assert body["authenticatedUser"] == body["authorizedUser"]
    assert body["authenticatedUser"]["providerDisplayName"] == "Chuck"
    assert body["authenticatedUser"]["properties"]["Account"]["$value"] == "chuck"
    assert body["deploymentType"] == "onPremises"
    assert body["instanceId"] != body["deploymentId"]


async def test_the_token_comes_as_bearer_or_with_any_user_name(server: Server):
    for pair in (
        f":{server.token}",
        f"PAT:{server.token}",
        f"x y:{server.token}",
        f"{server.token}:",
    ):
        held = base64.b64encode(pair.encode()).decode()
        headers = {"Authorization": f"Basic {held}"}
        answer = await server.get("/default/_apis/connectionData", token="", headers=headers)
        assert answer.status_code == 200, pair


async def test_projects_are_listed_and_found_by_name_or_id(server: Server):
    listed = (await server.get("/default/_apis/projects?$top=10")).json()
    assert [project["name"] for project in listed["value"]] == ["Default"]
    project = listed["value"][0]
    for name in ("default", "DEFAULT", project["id"], project["id"].upper()):
        found = (await server.get(f"/default/_apis/projects/{name}")).json()
        assert found["id"] == project["id"]
        assert found["state"] == "wellFormed"
    full = await server.get("/default/_apis/projects/Default?includeCapabilities=true")
    assert full.json()["capabilities"]["versioncontrol"]["sourceControlType"] == "Git"
    missing = await server.get("/default/_apis/projects/Nowhere")
    assert missing.status_code == 404
    assert missing.json()["typeKey"] == "ProjectDoesNotExistWithNameException"
    assert missing.json()["message"].startswith("TF200016")
    by_id = await server.get(f"/default/{uuid4()}/_apis/release/definitions")
    assert by_id.json()["typeKey"] == "ProjectDoesNotExistException"
    assert by_id.json()["message"].startswith("VS800075")


async def test_addresses_use_the_host_that_was_asked(server: Server):
    body = (
        await server.get("/Default/_apis/projects", headers={"Host": "other.example:81"})
    ).json()
    assert body["value"][0]["url"].startswith("http://other.example:81/Default/_apis/projects/")
    forged = await server.get(
        "/default/_apis/projects", headers={"X-Forwarded-Host": "evil.example"}
    )
    assert "evil" not in forged.text
