"""Saving by an older version, over the wire: nothing that it cannot say is lost."""

from typing import Any

import pytest

from tests.apis.azure.server import Server
from tests.documents import asks, command_line, definition, phase, stage

VERSIONS = [
    "2.2-preview.1",
    "2.3-preview.1",
    "3.0-preview.1",
    "3.0-preview.2",
    "3.1-preview",
    "3.2-preview.3",
    "4.0-preview",
    "4.1-preview.3",
    "5.0",
    "6.0",
    "7.0",
    "7.2-preview.4",
]


async def rich(server: Server) -> dict[str, Any]:
    """A definition with about everything that came after 3.0."""
    phases = [phase([command_line("true", name="One")]), phase([command_line("false")], rank=2)]
    dev = stage("Dev", deployPhases=phases, variables={"key": {"value": "hush", "isSecret": True}})
    prod = stage("Prod", "Dev", rank=2, preDeployApprovals=asks(await server.me()))
    document = definition("Web", dev, prod, path="\\Shop", tags=["a"], description="words")
    made: dict[str, Any] = await server.made("definitions", document)
    return made


def kept(document: dict[str, Any]) -> dict[str, Any]:
    """What no save may change."""
    return {key: document[key] for key in document.keys() - {"revision", "modifiedOn"}}


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_a_version_showed_can_be_saved_by_it(server: Server, version: str):
    before = await rich(server)
    path = f"definitions/{before['id']}"
    seen = await server.seen(f"{path}?api-version={version}")
    saved = await server.project("PUT", f"{path}?api-version={version}", json=seen)
    assert saved.status_code == 200, saved.text
    assert saved.headers["content-type"].endswith(f"api-version={version}")
    after = await server.seen(path)
    assert after["revision"] == 2
    assert kept(after) == kept(before)


async def test_one_list_of_tasks_does_not_become_several_phases(server: Server):
    before = await rich(server)
    version = "api-version=3.0-preview.1"
    seen = await server.seen(f"definitions/{before['id']}?{version}")
    seen["environments"][1]["deployStep"]["tasks"] = []
    answer = await server.project("PUT", f"definitions/{before['id']}?{version}", json=seen)
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    seen["environments"][0]["deployStep"]["tasks"] = []
    answer = await server.project("PUT", f"definitions/{before['id']}?{version}", json=seen)
    assert (answer.status_code, "several phases" in answer.json()["message"]) == (400, True)


async def test_a_definition_is_updated_by_patch_before_3_0_only(server: Server):
    before = await rich(server)
    body = {**before, "description": "other"}
    old = await server.project("PATCH", "definitions?api-version=2.2-preview.1", json=body)
    assert (old.status_code, old.json().get("revision")) == (200, 2)
    new = await server.project("PATCH", "definitions?api-version=7.1", json=body)
    assert new.status_code == 405


BROKEN: list[dict[str, Any]] = [
    {"environments": "none"},
    {"environments": [None]},
    {"environments": [{"id": [], "name": "x"}]},
    {"environments": [{"id": {"a": 1}, "name": "x"}]},
    {"environments": [{"name": "x", "deployStep": "none"}]},
    {"environments": [{"name": "x", "deployStep": {"tasks": 5}, "demands": 3}]},
    {"environments": [{"name": "x", "deployPhases": [None], "queueId": "many"}]},
    {"environments": [{"name": "x", "deployPhases": [{"deploymentInput": 1}]}]},
    {"environments": [{"name": "x", "environmentOptions": "none", "runOptions": 5}]},
    {"environments": [{"id": 0, "name": "x", "retentionPolicy": "long"}]},
    {"retentionPolicy": "long"},
    {"artifacts": [5], "triggers": [5]},
]


@pytest.mark.parametrize("version", ["2.2-preview.1", "3.0-preview.1", "4.1-preview.3", "5.1"])
async def test_what_is_no_definition_is_refused_and_never_a_fault(server: Server, version: str):
    before = await rich(server)
    own = {"id": before["environments"][0]["id"]}
    path = f"definitions/{before['id']}?api-version={version}"
    for broken in BROKEN:
        body = {**await server.seen(path), **broken}
        if isinstance(body["environments"], list):
            stages = body["environments"]
            body["environments"] = [{**own, **s} if isinstance(s, dict) else s for s in stages]
        answer = await server.project("PUT", path, json=body)
        assert answer.status_code in (200, 400), (broken, answer.text)
