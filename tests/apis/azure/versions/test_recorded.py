"""The calls that were recorded of TFS 2017 (3.0-preview), made to this server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apis.azure.server import Server
from tests.vectors import shared_folder

SAMPLES = shared_folder() / "contract" / "legacy" / "samples"
VERSION = "api-version=3.0-preview.1"
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"{SAMPLES} is not there (QUAYMASTER_SHARED)"
)
# Pictures belong to people who are known here; the recorded ones are not.
PICTURES = {".environments[].owner.imageUrl"}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


def places(value: Any, where: str = "") -> Iterator[str]:
    """Every place of a document that holds something, without the numbers of list entries."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield f"{where}.{key}"
            yield from places(entry, f"{where}.{key}")
    elif isinstance(value, list):
        for entry in value:
            yield from places(entry, f"{where}[]")


async def created(server: Server, body: Any) -> Any:
    return await server.made(f"definitions?{VERSION}", body)


async def test_a_recorded_creation_is_answered_as_recorded(server: Server):
    recorded = sample("definition_create_3.0p1")
    made = await created(server, recorded["request_body"])
    lacking = set(places(recorded["response_body"])) - set(places(made))
    assert lacking <= {
        f".environments[].{side}DeployApprovals.approvals[].isNotificationOn"
        for side in ("pre", "post")
    }
    assert set(places(made)) <= set(places(recorded["response_body"]))


async def test_a_recorded_definition_is_given_back_as_it_was_recorded(server: Server):
    recorded = sample("definition_get_3.0p1")["response_body"]
    made = await created(server, recorded)
    got = await server.seen(f"definitions/{made['id']}?{VERSION}")
    assert set(places(recorded)) - set(places(got)) == PICTURES
    assert set(places(got)) <= set(places(recorded))
    for key in ("name", "variables", "artifacts", "triggers", "releaseNameFormat"):
        assert got[key] == recorded[key]
    for mine, theirs in zip(got["environments"], recorded["environments"], strict=True):
        for key in ("name", "rank", "queueId", "demands", "runOptions", "conditions", "variables"):
            assert mine[key] == theirs[key]
        assert mine["deployStep"]["tasks"] == theirs["deployStep"]["tasks"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "definitions_list_3.0p1"),
        ("$expand=environments&", "definitions_list_expand_environments_3.0p1"),
        ("$expand=artifacts&", "definitions_list_expand_artifacts_3.0p1"),
    ],
)
async def test_a_list_shows_what_was_recorded(server: Server, query: str, name: str):
    await created(server, sample("definition_get_3.0p1")["response_body"])
    got = await server.seen(f"definitions?{query}{VERSION}")
    assert set(places(got)) == set(places(sample(name)["response_body"]))


async def test_a_recorded_update_numbers_stages_and_steps_anew(server: Server):
    recorded = sample("definition_update_3.0p1")
    made = await created(server, sample("definition_create_3.0p1")["request_body"])
    body = {**recorded["request_body"], "id": made["id"], "revision": made["revision"]}
    answer = await server.project("PUT", f"definitions/{made['id']}?{VERSION}", json=body)
    assert answer.status_code == 200, answer.text
    saved = answer.json()
    assert saved["revision"] == 2
    assert saved["environments"][0]["id"] != made["environments"][0]["id"]
    assert saved["artifacts"][0]["id"] == 1
    assert set(places(recorded["response_body"])) - set(places(saved)) <= PICTURES


async def test_a_revision_is_plain_text_in_the_shape_of_the_version(server: Server):
    made = await created(server, sample("definition_create_3.0p1")["request_body"])
    answer = await server.project("GET", f"definitions/{made['id']}/revisions/1?{VERSION}")
    assert answer.headers["content-type"].startswith("text/plain; api-version=3.0-preview.1")
    assert answer.json()["environments"][0]["deployStep"]["tasks"] == []


async def test_a_release_is_made_and_shown_as_recorded(server: Server):
    made = await created(server, sample("definition_create_3.0p1")["request_body"])
    version = "api-version=3.0-preview.2"
    release = await server.made(f"releases?{version}", {"definitionId": made["id"]})
    recorded = set(places(sample("release_create_3.0p2")["response_body"]))
    assert set(places(release)) - recorded == {
        ".environments[].createdOn",
        ".environments[].modifiedOn",
    }
    listed = await server.seen(f"releases?{version}")
    assert set(places(listed)) <= set(places(sample("releases_list_3.0p2")["response_body"]))


async def test_a_filter_means_what_it_meant_in_its_version(server: Server):
    made = await created(server, sample("definition_create_3.0p1")["request_body"])
    release = await server.made(f"releases?{VERSION}", {"definitionId": made["id"]})
    found = {
        (version, status): (await server.seen(f"releases?statusFilter={status}&{version}"))["count"]
        for version, status in [
            ("api-version=2.2-preview.1", "inProgress"),
            ("api-version=2.2-preview.1", "released"),
            ("api-version=2.2-preview.1", "2"),
            (VERSION, "3"),
            (VERSION, "2"),
            ("api-version=7.1", "2"),
        ]
    }
    assert list(found.values()) == [1, 0, 1, 1, 0, 1]
    path = f"releases/{release['id']}?{VERSION}"
    answer = await server.project("PATCH", path, json={"status": 2})
    assert answer.json()["status"] == "abandoned"
