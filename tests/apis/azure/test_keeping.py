"""Folders, tags, history, deletion and snapshots over the wire (CONTRACT B 11-14, 18, B.4)."""

import json
from typing import Any

from tests.apis.azure.server import Server
from tests.documents import asks, definition, stage


async def a_release(server: Server) -> dict[str, Any]:
    """One that does not start by itself."""
    made = await server.made("definitions", definition("Web", stage("Dev")))
    start = {"definitionId": made["id"], "manualEnvironments": ["Dev"]}
    found: dict[str, Any] = await server.made("releases", start)
    return found


async def test_folders_are_made_moved_with_what_is_in_them_and_deleted(server: Server):
    made = await server.made("folders", {"path": "\\Web", "description": "sites"})
    assert (made["path"], made["createdBy"]["uniqueName"]) == ("\\Web", "admin")
    await server.made("folders/%5CWeb%5CShop", {"description": "in the path"})
    again = await server.project("POST", "folders", json={"path": "\\WEB"})
    assert again.status_code in (400, 409)
    inside = await server.made("definitions", definition("D", stage("Dev"), path="\\Web\\Shop"))
    listed = await server.seen("folders")
    assert [one["path"] for one in listed["value"]] == ["\\", "\\Web", "\\Web\\Shop"]
    below = await server.seen("folders/%5Cweb?queryOrder=descending")
    assert [one["path"] for one in below["value"]] == ["\\Web\\Shop", "\\Web"]
    moved = await server.project("PATCH", "folders/Web", json={"path": "\\Sites"})
    assert (moved.json()["path"], moved.json()["description"]) == ("\\Sites", "sites")
    assert (await server.seen(f"definitions/{inside['id']}"))["path"] == "\\Sites\\Shop"
    gone = await server.project("DELETE", "folders/%5CSites")
    assert gone.status_code == 204
    assert (await server.project("GET", f"definitions/{inside['id']}")).status_code == 404
    assert [one["path"] for one in (await server.seen("folders"))["value"]] == ["\\"]


async def folders_of(server: Server) -> list[str]:
    return [one["path"] for one in (await server.seen("folders"))["value"]][1:]


async def test_a_folder_and_a_definition_bring_the_folders_that_they_stand_in(server: Server):
    await server.made("folders", {"path": "\\A\\B\\C"})
    assert await folders_of(server) == ["\\A", "\\A\\B", "\\A\\B\\C"]
    made = await server.made("definitions", definition("D", stage("Dev"), path="\\a\\X\\Y"))
    assert (await folders_of(server))[3:] == ["\\a\\X", "\\a\\X\\Y"]
    saved = await server.project("PUT", "definitions", json={**made, "path": "\\New\\Home"})
    assert saved.status_code == 200, saved.text
    assert (await folders_of(server))[-2:] == ["\\New", "\\New\\Home"]
    assert (await server.project("DELETE", "folders/New")).status_code == 204
    assert (await server.project("DELETE", "folders/A")).status_code == 204
    assert await folders_of(server) == []
    back = await server.project("PATCH", f"definitions/{made['id']}", json={"comment": "needed"})
    assert back.status_code == 200, back.text
    assert await folders_of(server) == ["\\New", "\\New\\Home"]
    moved = await server.project("PATCH", "folders/New%5CHome", json={"path": "\\Old\\Place"})
    assert moved.status_code == 200, moved.text
    assert await folders_of(server) == ["\\New", "\\Old", "\\Old\\Place"]


async def test_folders_that_cannot_be_are_refused(server: Server):
    for path in ("", "\\", "\\a<b", "\\a\nb", "\\ a", "\\a.", "\\" + "x" * 500):
        answer = await server.project("POST", "folders", json={"path": path})
        assert answer.status_code == 400, path
    assert (await server.project("DELETE", "folders/%5CNowhere")).status_code == 404
    assert (await server.project("PATCH", "folders/x", json={"path": "y"})).status_code == 404
    reader = await server.user("reader", groups=("Readers",))
    denied = await server.project("POST", "folders", json={"path": "\\a"}, token=reader)
    assert denied.status_code == 403


async def test_tags_of_a_release_ignore_case_and_answer_the_whole_list(server: Server):
    path = f"releases/{(await a_release(server))['id']}/tags"

    async def after(method: str, rest: str = "", body: Any = None) -> list[str]:
        answer = await server.project(method, path + rest, json=body)
        assert answer.status_code == 200, answer.text
        found: list[str] = answer.json()["value"]
        return found

    assert await after("PATCH", "/Gold") == ["Gold"]
    assert await after("PATCH", "/gold") == ["Gold"]
    assert await after("PATCH", "/%20Gold%20") == ["Gold"]
    assert await after("POST", "", ["a", "b/c"]) == ["Gold", "a", "b/c"]
    assert await after("DELETE", "/GOLD") == ["a", "b/c"]
    assert await after("DELETE", "/b%2Fc") == ["a"]
    assert await after("DELETE", "/never") == ["a"]
    assert await after("GET") == ["a"]
    assert (await server.seen("releases?tagFilter=A"))["count"] == 1
    for bad in ([], [1], "a", {"tag": "a"}, [""], ["a,b"], ["x" * 300]):
        assert (await server.project("POST", path, json=bad)).status_code == 400, bad


async def test_tags_of_a_definition_are_a_new_revision_of_it(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev"), tags=["a"]))
    path = f"definitions/{made['id']}/tags"
    assert (await server.project("PATCH", f"{path}/b")).json()["value"] == ["a", "b"]
    assert (await server.project("PATCH", f"{path}/A")).json()["value"] == ["a", "b"]
    assert (await server.project("POST", path, json=["b "])).json()["value"] == ["a", "b"]
    assert (await server.project("DELETE", f"{path}/a")).json()["value"] == ["b"]
    assert (await server.seen(path))["value"] == ["b"]
    read = await server.seen(f"definitions/{made['id']}")
    assert (read["tags"], read["revision"]) == (["b"], 3)


async def test_the_history_says_who_did_what_and_why(server: Server):
    release = await a_release(server)
    path = f"releases/{release['id']}"
    await server.project("PATCH", path, json={"keepForever": True, "comment": "for ever"})
    dev = release["environments"][0]["id"]
    await server.project("PATCH", f"{path}/environments/{dev}", json={"status": "inProgress"})
    history = (await server.seen(f"{path}/history"))["value"]
    assert [line["changeType"] for line in history][:3] == ["Start", "Update", "Deploy"]
    assert history[1]["comment"] == "for ever"
    assert history[1]["changedBy"]["uniqueName"] == "admin"
    assert json.loads(history[2]["changeDetails"])["stage"] == dev


async def test_a_deleted_release_is_listed_apart_until_it_is_brought_back(server: Server):
    release = await a_release(server)
    path = f"releases/{release['id']}"
    await server.project("PATCH", path, json={"keepForever": True})
    kept = await server.project("DELETE", path)
    assert kept.status_code == 400
    await server.project("PATCH", path, json={"keepForever": False})
    gone = await server.project("DELETE", f"{path}?comment=old")
    assert gone.status_code == 204
    assert (await server.project("GET", path)).status_code == 404
    assert (await server.seen("releases"))["count"] == 0
    assert (await server.seen("releases?isDeleted=true"))["count"] == 1
    back = await server.project("PUT", f"{path}?comment=needed")
    assert back.json()["id"] == release["id"]
    changes = [line["changeType"] for line in (await server.seen(f"{path}/history"))["value"]]
    assert changes[-2:] == ["Delete", "Undelete"]


async def test_approvals_and_texts_go_with_what_is_deleted(server: Server):
    asked = stage("Dev", preDeployApprovals=asks(await server.me()))
    made = await server.made("definitions", definition("Web", asked))
    release = await server.made("releases", {"definitionId": made["id"]})
    (approval,) = (await server.seen("approvals"))["value"]
    dev = f"releases/{release['id']}/environments/{release['environments'][0]['id']}"
    await server.project("PATCH", dev, json={"status": "canceled"})
    one, text = f"approvals/{approval['id']}", f"definitions/{made['id']}/revisions/1"
    assert (await server.seen(one))["status"] == "canceled"
    assert (await server.project("GET", text)).status_code == 200
    assert (await server.project("DELETE", f"releases/{release['id']}")).status_code == 204
    assert (await server.project("GET", one)).status_code == 404
    assert (await server.project("DELETE", f"definitions/{made['id']}")).status_code == 204
    assert (await server.project("GET", text)).status_code == 404


async def test_a_release_under_way_is_not_deleted(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    release = await server.made("releases", {"definitionId": made["id"]})
    answer = await server.project("DELETE", f"releases/{release['id']}")
    assert answer.status_code == 400
    assert "Dev" in answer.json()["message"]


async def test_what_is_under_way_keeps_its_stages_when_its_definition_changes(server: Server):
    """R-37."""
    made = await server.made("definitions", definition("Web", stage("Dev")))
    release = await server.made("releases", {"definitionId": made["id"]})
    before = await server.seen(f"releases/{release['id']}")
    read = await server.seen(f"definitions/{made['id']}")
    read["environments"][0]["name"] = "Other"
    changed = await server.project("PUT", "definitions", json=read)
    assert changed.status_code == 200, changed.text
    assert (await server.project("PUT", "definitions", json=read)).status_code in (400, 409)
    refused = await server.project("DELETE", f"definitions/{made['id']}")
    assert refused.status_code == 400
    after = await server.seen(f"releases/{release['id']}")
    assert [one["name"] for one in after["environments"]] == ["Dev"]
    assert after["environments"] == before["environments"]


async def test_the_snapshot_is_what_the_release_was_made_from(server: Server):
    release = await a_release(server)
    number = release["releaseDefinition"]["id"]
    read = await server.seen(f"definitions/{number}")
    await server.project("PUT", "definitions", json={**read, "description": "changed since"})
    path = f"releases/{release['id']}?definitionSnapshotRevision="
    text = await server.project("GET", path + "1")
    assert text.headers["content-type"].startswith("text/plain")
    assert json.loads(text.text)["name"] == "Web"
    assert "changed since" not in text.text
    assert (await server.project("GET", path + "7")).status_code == 404
