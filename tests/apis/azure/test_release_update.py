"""PUT of a whole release: its variables, work and approvals are edited (CONTRACT B 19; 6.2)."""

import copy
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.ports.outside import Outside
from quaymaster.store.releases import release_secrets
from tests.apis.azure.server import Server, serving
from tests.apis.azure.test_artifact_versions import Shelf
from tests.documents import command_line, definition, git_artifact, stage

SECRET = {"value": "hush", "isSecret": True}


async def draft(server: Server, **more: Any) -> dict[str, Any]:
    """A draft with a stage, an open variable, and secrets that nobody shows."""
    dev = stage("Dev", variables={"size": {"value": "M"}, "key": SECRET}, **more)
    variables = {"colour": {"value": "red", "allowOverride": True}, "token": SECRET}
    made = await server.made("definitions", definition("Web", dev, variables=variables))
    body = {"definitionId": made["id"], "isDraft": True, "variables": {"colour": {"value": "pink"}}}
    found: dict[str, Any] = await server.made("releases", body)
    return found


async def put(
    server: Server, body: dict[str, Any], status: int = 200, **more: Any
) -> dict[str, Any]:
    version = more.pop("version", "7.1")
    path = f"releases/{body['id']}?api-version={version}"
    answer = await server.project(more.pop("method", "PUT"), path, json=body, **more)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def secrets(server: Server, stage_id: int) -> release_secrets.Secrets:
    async with server.database.read() as connection:
        return await release_secrets.of_stage(connection, server.installation.vault, stage_id)


async def test_what_was_read_changes_nothing_when_it_is_sent_back(server: Server):
    release = await draft(server)
    again = await put(server, release)
    assert again == release
    assert again["definitionSnapshotRevision"] == 1
    without_nulls = {key: value for key, value in release.items() if value is not None}
    assert (await put(server, {**without_nulls, "_links": {}}))["definitionSnapshotRevision"] == 1


async def test_variables_and_work_are_edited_and_the_snapshot_gets_a_revision(server: Server):
    release = await draft(server)
    wanted = copy.deepcopy(release)
    wanted["comment"] = "bigger and blue"
    wanted["variables"] |= {"colour": {"value": "blue"}, "new": {"value": "1"}}
    dev = wanted["environments"][0]
    dev["variables"]["size"]["value"] = "L"
    dev["deployPhasesSnapshot"][0]["workflowTasks"] = [command_line("true", name="Nothing")]
    edited = await put(server, wanted)
    assert edited["definitionSnapshotRevision"] == 2
    assert edited["variables"]["colour"]["value"] == "blue"
    assert edited["variables"]["new"]["value"] == "1"
    shown = edited["environments"][0]
    assert shown["variables"]["size"]["value"] == "L"
    (task,) = shown["deployPhasesSnapshot"][0]["workflowTasks"]
    assert task["name"] == "Nothing"
    before = await server.seen(f"releases/{release['id']}?definitionSnapshotRevision=1")
    assert before["environments"][0]["deployPhases"][0]["workflowTasks"][0]["name"] != "Nothing"
    history = (await server.seen(f"releases/{release['id']}/history"))["value"]
    assert ("SnapshotEdited", "bigger and blue") in [
        (entry["changeType"], entry["comment"]) for entry in history
    ]


async def test_secrets_stay_unless_another_text_is_sent(server: Server):
    release = await draft(server)
    number = release["environments"][0]["id"]
    release["variables"]["colour"]["value"] = "green"
    release["environments"][0]["variables"]["key"] = {"isSecret": True}
    edited = await put(server, release)
    assert edited["environments"][0]["variables"]["key"] == {"value": None, "isSecret": True}
    kept = await secrets(server, number)
    assert (kept.release, kept.stage) == ({"token": "hush"}, {"key": "hush"})
    edited["variables"]["token"]["value"] = "louder"
    again = await put(server, edited)
    assert again["variables"]["token"]["value"] is None
    assert (await secrets(server, number)).release == {"token": "louder"}
    text = await server.project("GET", f"releases/{release['id']}?definitionSnapshotRevision=3")
    assert "louder" not in text.text


async def test_new_approvers_are_asked_when_the_draft_starts(server: Server):
    at_once = {"concurrencyCount": 0, "queueDepthCount": 0}
    release = await draft(server, executionPolicy=at_once)
    me = await server.me()
    asked = {"rank": 1, "isAutomated": False, "isNotificationOn": False, "approver": {"id": me}}
    release["environments"][0]["preApprovalsSnapshot"] = {"approvals": [asked]}
    started = await put(server, {**release, "status": "active"})
    assert started["status"] == "active"
    (approval,) = started["environments"][0]["preDeployApprovals"]
    assert (approval["status"], approval["approver"]["id"]) == ("pending", me)


async def test_what_cannot_run_is_refused_at_its_place_and_nothing_is_saved(server: Server):
    release = await draft(server)
    wanted = copy.deepcopy(release)
    wanted["description"] = "no"
    wanted["environments"][0]["deployPhasesSnapshot"][0]["phaseType"] = "juggling"
    refused = await put(server, wanted, 400)
    assert "deployPhases[0].phaseType" in refused["message"]
    assert await server.seen(f"releases/{release['id']}") == release
    wanted = {"id": release["id"], "environments": [{"id": 99, "variables": {}}]}
    assert "no environment with the id 99" in (await put(server, wanted, 400))["message"]


BROKEN: list[Any] = [
    "none",
    [None],
    [{"id": []}],
    [{"variables": []}],
    [{"variables": {"size": 7}}],
    [{"variables": {"size": {"value": {"a": 1}}}}],
    [{"deployPhasesSnapshot": "none"}],
    [{"deployPhasesSnapshot": [None]}],
    [{"preApprovalsSnapshot": {"approvals": [1]}}],
    [{"environmentOptions": 5}],
    [{"workflowTasks": "none"}],
    [{"workflowTasks": [None], "queueId": "many"}],
]


@pytest.mark.parametrize("version", ["7.1", "4.1-preview.6", "3.0-preview.2"])
async def test_what_is_no_release_is_refused_and_never_a_fault(server: Server, version: str):
    release = await draft(server)
    own = {"id": release["environments"][0]["id"]}
    path = f"releases/{release['id']}"
    for broken in BROKEN:
        sent = [{**own, **one} if isinstance(one, dict) else one for one in broken]
        body = {"environments": sent if isinstance(broken, list) else broken}
        answer = await server.project("PUT", f"{path}?api-version={version}", json=body)
        assert answer.status_code in (200, 400), (broken, answer.text)
        assert (await server.project("GET", path)).status_code == 200, broken


async def test_an_abandoned_release_is_not_edited(server: Server):
    release = await draft(server)
    gone = await put(server, {"id": release["id"], "status": "abandoned"})
    assert (await put(server, gone))["status"] == "abandoned"
    gone["variables"]["colour"]["value"] = "blue"
    assert "abandoned release" in (await put(server, gone, 400))["message"]


async def test_only_those_who_manage_releases_may(server: Server):
    release = await draft(server)
    reader = await server.user("rita", groups=("Readers",))
    release["variables"]["colour"]["value"] = "blue"
    assert (
        "manage releases permission" in (await put(server, release, 403, token=reader))["message"]
    )


async def test_an_old_client_edits_its_tasks_by_post(server: Server):
    release = await draft(server)
    old = await server.seen(f"releases/{release['id']}?api-version=3.0-preview.1")
    assert (await put(server, old, version="3.0-preview.1", method="POST"))["id"] == release["id"]
    assert await server.seen(f"releases/{release['id']}") == release
    old["environments"][0]["workflowTasks"] = []
    old["environments"][0]["queueId"] = 1
    await put(server, old, version="3.0-preview.1", method="POST")
    (phase,) = (await server.seen(f"releases/{release['id']}"))["environments"][0][
        "deployPhasesSnapshot"
    ]
    assert phase["workflowTasks"] == []
    assert phase["name"] == release["environments"][0]["deployPhasesSnapshot"][0]["name"]
    await put(server, release, 405, method="POST")


async def test_secrets_that_were_given_at_the_start_stay_when_something_else_is_edited(
    server: Server,
):
    open_secret = {**SECRET, "allowOverride": True}
    dev = stage("Dev", variables={"Key": open_secret, "size": {"value": "M"}})
    made = await server.made(
        "definitions", definition("Web", dev, variables={"Token": open_secret})
    )
    of_stage = {
        "definitionEnvironmentId": made["environments"][0]["id"],
        "variables": {"KEY": {"value": "own key"}},
    }
    start = {
        "definitionId": made["id"],
        "isDraft": True,
        "variables": {"TOKEN": {"value": "own token"}},
        "environmentsMetadata": [of_stage],
    }
    release = await server.made("releases", start)
    number = release["environments"][0]["id"]
    before = await secrets(server, number)
    assert "own token" in before.release.values()
    assert "own key" in before.stage.values()
    release["environments"][0]["variables"]["size"]["value"] = "L"
    assert (await put(server, release))["definitionSnapshotRevision"] == 2
    assert await secrets(server, number) == before


async def test_secrets_that_came_of_a_group_stay_when_something_else_is_edited(server: Server):
    values = {"Password": {"value": "hunter2", "isSecret": True}, "Region": {"value": "eu"}}
    group = {"name": "Shared", "type": "Vsts", "variables": values}
    path = "/default/Default/_apis/distributedtask/variablegroups"
    kept = (await server.ask("POST", path, json=group)).json()["id"]
    dev = stage("Dev", variables={"size": {"value": "M"}}, variableGroups=[kept])
    made = await server.made("definitions", definition("Web", dev, variableGroups=[kept]))
    release = await server.made("releases", {"definitionId": made["id"], "isDraft": True})
    number = release["environments"][0]["id"]
    before = await secrets(server, number)
    assert (before.release, before.stage) == ({"Password": "hunter2"}, {"Password": "hunter2"})
    release["environments"][0]["variables"]["size"]["value"] = "L"
    edited = await put(server, release)
    assert edited["definitionSnapshotRevision"] == 2
    assert "hunter2" not in str(edited)
    assert await secrets(server, number) == before


async def test_the_version_of_an_artifact_is_changed_while_the_release_is_a_draft(
    database: Any, tmp_path: Path
):
    async with serving(database, tmp_path, Outside({"git": Shelf()})) as server:
        document = definition("Web", stage("Dev"), artifacts=[git_artifact("site")])
        made = await server.made("definitions", document)
        chosen = [{"alias": "site", "instanceReference": {"id": "c1", "name": "v1"}}]
        start = {"definitionId": made["id"], "isDraft": True, "artifacts": chosen}
        release = await server.made("releases", start)
        version = release["artifacts"][0]["definitionReference"]["version"]
        assert version["id"] == "c1"
        version |= {"id": "c2", "name": "v2"}
        edited = await put(server, release)
        assert edited["artifacts"][0]["definitionReference"]["version"]["id"] == "c2"
        listed = await server.seen(f"releases?sourceId={edited['artifacts'][0]['sourceId']}")
        assert listed["count"] == 1
        started = await put(server, {"id": release["id"], "status": "active"})
        started["artifacts"][0]["definitionReference"]["version"] = {"id": "c1", "name": "v1"}
        assert "while it is a draft" in (await put(server, started, 400))["message"]
