"""The published description says what is served, and what is served keeps to it (issue of 3.1)."""

import inspect
import re
from typing import Any

import jsonschema_rs
import pytest
import yaml

from quaymaster.apis.azure import router
from quaymaster.apis.azure.description import openapi
from tests.apis.azure.server import Server
from tests.documents import asks, definition, stage
from tests.vectors import shared_folder

SEED = shared_folder() / "contract" / "azure" / "seed-release-7.1.openapi.yaml"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return openapi.document(router.application(1000).routes)


# How a function of a route asks for its body.
READS = r"request\.(document|properties)\(|_document\(request\)|_received\("


def bare(path: str) -> str:
    """A path without the base and the names of its parameters."""
    return re.sub(r"\{\w+\}", "{}", path.partition("/_apis")[2] or path).casefold()


def test_every_route_is_described_with_a_sentence(described: dict[str, Any]):
    operations = [one for path in described["paths"].values() for one in path.values()]
    served = [
        method
        for route in router.application(1000).routes
        for handler in route.route_handlers  # type: ignore[union-attr]
        for method in handler.http_methods
        if method != "OPTIONS"
    ]
    assert len(operations) == len(served)
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    for one in operations:
        assert one["summary"].endswith("."), one["operationId"]
        assert {"200", "201", "204"} & set(one["responses"])


def test_bodies_have_shapes(described: dict[str, Any]):
    """Each says what it is; a shape of a body is never just an object."""
    shapeless = set()
    for path, methods in described["paths"].items():
        for one in methods.values():
            bodies = [one.get("requestBody", {}), one["responses"].get("200", {})]
            for kind in (kind for body in bodies for kind in body.get("content", {}).items()):
                if kind[0] == "application/json" and not kind[1]["schema"]:
                    shapeless.add(path.partition("/_apis/")[2].casefold())
    assert shapeless <= {
        "openapi.json",
        "public/distributedtask/webhooks/{webhookname}",  # whatever a sender writes
        "public/release/receiveexternalevent/{webhookid}",
        "serviceendpoint/endpoints/{endpointid}",  # PATCH, which is refused
        "distributedtask/taskgroups",  # PUT answers one group or all its versions
        "distributedtask/taskgroups/{taskgroupid}",  # and so does GET
    }


def test_what_an_answer_tells_can_be_asked_for(described: dict[str, Any]):
    operations = {
        one["operationId"]: {p["name"] for p in one["parameters"] if p["in"] == "path"}
        for path in described["paths"].values()
        for one in path.values()
    }
    links = {
        (one["operationId"], name): link
        for path in described["paths"].values()
        for one in path.values()
        for name, link in one["responses"].get("200", {}).get("links", {}).items()
    }
    for link in links.values():
        needed = operations[link["operationId"]] - {"organization", "project"}
        assert set(link["parameters"]) == needed, link
    assert links["CreateRelease", "GetRelease"]["parameters"] == {"releaseId": "$response.body#/id"}
    assert links["GetReleases", "UpdateReleaseEnvironment"]["parameters"] == {
        "environmentId": "$response.body#/value/0/environments/0/id",
        "releaseId": "$response.body#/value/0/id",
    }
    assert ("CreateReleaseDefinition", "DeleteReleaseDefinition") in links


def test_every_reference_leads_to_a_shape(described: dict[str, Any]):
    text = str(described)
    for name in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert name in described["components"]["schemas"], name


def test_vector_everything_of_the_seeds_description_is_in_ours(described: dict[str, Any]):
    if not SEED.exists():
        pytest.skip(f"there is no {SEED}")
    seed = yaml.safe_load(SEED.read_text("utf-8"))
    ours = {bare(path): methods for path, methods in described["paths"].items()}
    for path, methods in seed["paths"].items():
        for method, operation in methods.items():
            found = ours[bare(path)][method]
            names = {one["name"] for one in found["parameters"]}
            wanted = {one["name"] for one in operation["parameters"] if "name" in one}
            assert wanted <= names | {"api-version"}, f"{method} {path}: {wanted - names}"
    for name, shape in seed["components"]["schemas"].items():
        mine = described["components"]["schemas"][name]
        assert set(shape.get("properties", {})) <= set(mine.get("properties", {})), name


async def test_answers_keep_to_their_shape(server: Server):
    answer = await server.get("/default/_apis/openapi.json")
    described = answer.json()
    made = await server.made(
        "definitions",
        definition(
            "Web", stage("Dev"), stage("QA", "Dev", preDeployApprovals=asks(await server.me()))
        ),
    )
    release = await server.made("releases", {"definitionId": made["id"]})
    dev = release["environments"][0]["id"]
    await server.made("folders", {"path": "\\A"})
    for path in (
        "release/definitions?$expand=environments",
        f"release/definitions/{made['id']}",
        f"release/definitions/{made['id']}/revisions",
        "release/releases?$expand=environments,approvals",
        f"release/releases/{release['id']}",
        f"release/releases/{release['id']}/history",
        f"release/releases/{release['id']}/environments/{dev}",
        "release/approvals",
        "release/deployments",
        "release/folders",
        "distributedtask/queues",
        "projects",
        "projects/Default",
        "resourceareas",
        "connectiondata",
        "release/definitions/999",
    ):
        found = await server.get(f"/default/Default/_apis/{path}")
        shape = _shape(described, path, str(found.status_code))
        whole = {**shape, "components": described["components"]}
        jsonschema_rs.validate(whole, found.json())


def _shape(described: dict[str, Any], path: str, status: str) -> dict[str, Any]:
    """The schema of the answer to a GET of this path."""
    for template, methods in described["paths"].items():
        tail = template.partition("/_apis/")[2]
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(tail))
        if "get" in methods and re.fullmatch(pattern, path.partition("?")[0], re.IGNORECASE):
            content = methods["get"]["responses"][status]["content"]
            found: dict[str, Any] = content["application/json"]["schema"]
            return found
    raise AssertionError(f"{path} is not described")


def test_every_body_that_is_read_is_described(described: dict[str, Any]):
    """A function that reads a body has one in the description."""
    reading = {
        handler.handler_name
        for route in router.application(1000).routes
        for handler in route.route_handlers  # type: ignore[union-attr]
        if re.search(READS, inspect.getsource(handler.fn))
    }
    operations = [one for path in described["paths"].values() for one in path.values()]
    own = [one for one in operations if one["operationId"] in reading]
    assert len(own) > 20
    assert not [one["operationId"] for one in own if "requestBody" not in one]
