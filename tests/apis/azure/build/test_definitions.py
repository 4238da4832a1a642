"""Build definitions: the list and what fills it (SEMANTICS 22)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apis.azure.build.asking import asked, definition, made, names, step
from tests.apis.azure.server import Server
from tests.vectors import shared_folder

FOLDER = shared_folder() / "data" / "build_definitions"


async def test_a_definition_is_saved_read_and_changed(server: Server):
    saved = await made(server, "Web CI", path="/A/B", tags=["nightly"])
    assert (saved["revision"], saved["path"], saved["quality"]) == (1, "\\A\\B", "definition")
    url = f"definitions/{saved['id']}"
    assert await asked(server, "GET", url) == saved
    changed = await asked(server, "PUT", url, json={**saved, "description": "Builds the web."})
    assert (changed["revision"], changed["description"]) == (2, "Builds the web.")
    again = {**changed, "revision": saved["revision"]}
    refused = await asked(server, "PUT", url, 409, json=again)
    assert "revision 2" in refused["message"]
    old = await asked(server, "GET", f"{url}?revision=1")
    assert "description" not in old
    assert old["revision"] == 1
    revisions = await asked(server, "GET", f"{url}/revisions")
    assert [one["changeType"] for one in revisions["value"]] == ["add", "update"]


async def test_a_taken_name_is_a_conflict_in_its_folder_only(server: Server):
    await made(server, "Web")
    refused = await asked(server, "POST", "definitions", 409, json=definition("WEB"))
    assert refused["typeKey"] == "DefinitionExistsException"
    await made(server, "Web", path="\\Other")


async def test_a_document_that_cannot_be_compiled_is_refused_at_its_path(server: Server):
    bad = definition("", step(condition="eq(1,"))
    refused = await asked(server, "POST", "definitions", 400, json=bad)
    assert "$.name" in refused["message"]
    assert "$.process.phases[0].steps[0].condition" in refused["message"]
    assert await names(server) == []


async def test_secrets_are_never_shown_and_survive_a_save(server: Server):
    held = {"password": {"value": "hunter2", "isSecret": True}, "plain": {"value": "x"}}
    saved = await made(server, "Web", variables=held)
    assert saved["variables"]["password"] == {"value": None, "isSecret": True}
    again = await asked(server, "PUT", f"definitions/{saved['id']}", json=saved)
    assert "hunter2" not in json.dumps(again)


async def test_secrets_are_taken_from_the_newest_revision_only(server: Server):
    held = {"password": {"value": "hunter2", "isSecret": True}}
    first = await made(server, "Web", variables=held)
    await asked(server, "PUT", f"definitions/{first['id']}", json=first)
    copy = {**first, "name": "Copy"}
    clone = f"definitions?definitionToCloneId={first['id']}&definitionToCloneRevision="
    refused = await asked(server, "POST", clone + "1", 400, json=copy)
    assert "at revision 2, not 1" in refused["message"]
    await asked(server, "POST", clone + "x", 400, json=copy)
    copied = await asked(server, "POST", clone + "2", json=copy)
    other = await made(server, "Other")
    other["variables"] = copied["variables"]
    source = f"secretsSourceDefinitionId={first['id']}&secretsSourceDefinitionRevision="
    url = f"definitions/{other['id']}?{source}"
    assert "newest" in (await asked(server, "PUT", url + "1", 400, json=other))["message"]
    assert (await asked(server, "PUT", url + "2", json=other))["revision"] == 2


async def test_tags_are_also_those_of_a_revision(server: Server):
    web = await made(server, "Web", tags=["old"])
    url = f"definitions/{web['id']}"
    await asked(server, "PUT", url, json={**web, "tags": ["new"]})
    for query, expected in (("", "new"), ("?revision=2", "new"), ("?revision=1", "old")):
        assert (await asked(server, "GET", f"{url}/tags{query}"))["value"] == [expected]
    assert (await asked(server, "GET", f"{url}?revision=1"))["tags"] == ["old"]
    await asked(server, "GET", f"{url}/tags?revision=3", 404)
    await asked(server, "GET", f"{url}/tags?revision=0", 400)


async def test_the_list_is_filtered_by_everything_that_is_given(server: Server):
    await made(server, "Web CI", path="\\Apps")
    await made(server, "Web Nightly", path="\\Apps\\Night", queueStatus="paused")
    other = {"type": "GitHub", "id": "org/API", "name": "org/API"}
    api = await made(server, "Api", repository=other)
    yaml = {"type": 2, "yamlFilename": "/ci/azure.yml"}
    await made(server, "Yaml", process=yaml)
    assert await names(server) == ["Web CI", "Web Nightly", "Api", "Yaml"]
    assert await names(server, "name=web*") == ["Web CI", "Web Nightly"]
    assert await names(server, "name=web") == []
    assert await names(server, "name=?pi") == ["Api"]
    assert await names(server, "path=/apps") == ["Web CI", "Web Nightly"]
    assert await names(server, "path=\\Apps\\Night") == ["Web Nightly"]
    assert await names(server, "path=%5C") == ["Web CI", "Web Nightly", "Api", "Yaml"]
    assert await names(server, "repositoryId=org/api&repositoryType=github") == ["Api"]
    assert await names(server, f"definitionIds={api['id']},99999") == ["Api"]
    assert await names(server, "processType=2") == ["Yaml"]
    assert await names(server, "yamlFilename=ci/azure.yml") == ["Yaml"]
    task = "6C731C3C-3C68-459A-A5C9-BDE6E6595B5B"
    assert await names(server, f"taskIdFilter={task}&name=a*") == ["Api"]
    assert await names(server, "builtAfter=2020-01-01") == []
    assert len(await names(server, "notBuiltAfter=2020-01-01")) == 4
    refused = await asked(server, "GET", "definitions?repositoryId=x", 400)
    assert "repositoryType" in refused["message"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("none", ["b", "C", "a"]),
        ("definitionNameAscending", ["a", "b", "C"]),
        ("definitionNameDescending", ["C", "b", "a"]),
        ("lastModifiedAscending", ["b", "C", "a"]),
        ("2", ["a", "C", "b"]),
    ],
)
async def test_pages_follow_the_wanted_order(server: Server, order, expected):
    for name in ("b", "C", "a"):
        await made(server, name)
    found, token = [], ""
    for _ in expected:
        path = f"definitions?queryOrder={order}&$top=1&continuationToken={token}"
        answer = await server.get(f"/default/Default/_apis/build/{path}")
        found += [one["name"] for one in answer.json()["value"]]
        token = answer.headers.get("x-ms-continuationtoken", "")
    assert found == expected
    assert not token


@pytest.mark.parametrize(
    "query",
    ["$top=0", "continuationToken=x", "queryOrder=sideways", "taskIdFilter=1", "builtAfter=soon"],
)
async def test_what_cannot_be_understood_is_refused(server: Server, query):
    await asked(server, "GET", f"definitions?{query}", 400)


async def test_the_list_is_shallow_unless_all_is_wanted(server: Server):
    await made(server, "Web")
    [entry] = (await asked(server, "GET", "definitions"))["value"]
    assert "process" not in entry
    queue = entry["queue"]
    assert (queue["id"], queue["name"], queue["pool"]["name"]) == (1, "Default", "Default")
    assert {"self", "web", "editor", "badge"} == set(entry["_links"])
    [entry] = (await asked(server, "GET", "definitions?includeAllProperties=true"))["value"]
    assert entry["process"]["phases"]
    [entry] = (await asked(server, "GET", "definitions?minMetricsTime=2020-01-01"))["value"]
    assert entry["metrics"] == []


async def test_a_deleted_definition_is_gone_until_it_is_restored(server: Server):
    saved = await made(server, "Web")
    url = f"definitions/{saved['id']}"
    await asked(server, "DELETE", url, 204)
    gone = await asked(server, "GET", url, 404)
    assert gone["typeKey"] == "DefinitionNotFoundException"
    assert await names(server) == []
    [first, deleted] = (await asked(server, "GET", f"{url}/revisions"))["value"]
    assert (first["changeType"], deleted["changeType"]) == ("add", "delete")
    for revision in (first["revision"], deleted["revision"]):
        then = await asked(server, "GET", f"{url}?revision={revision}")
        assert (then["name"], then["revision"]) == ("Web", revision)
    back = await asked(server, "PATCH", f"{url}?deleted=false", json={})
    assert back["name"] == "Web"


async def test_a_draft_is_listed_with_its_parent(server: Server):
    parent = await made(server, "Web")
    draft = await made(server, "Web-draft", draftOf={"id": parent["id"]})
    assert (draft["quality"], draft["draftOf"]["id"]) == ("draft", parent["id"])
    again = await asked(server, "GET", f"definitions/{parent['id']}")
    assert [one["id"] for one in again["drafts"]] == [draft["id"]]


async def test_tags_and_properties_change_without_a_revision(server: Server):
    saved = await made(server, "Web")
    url = f"definitions/{saved['id']}"
    assert (await asked(server, "PUT", f"{url}/tags/a%2Fb"))["value"] == ["a/b"]
    assert (await asked(server, "POST", f"{url}/tags", json=["A/B", "c"]))["value"] == ["a/b", "c"]
    changes = {"tagsToAdd": ["d"], "tagsToRemove": ["A/b"]}
    assert (await asked(server, "PATCH", f"{url}/tags", json=changes))["value"] == ["c", "d"]
    assert (await asked(server, "DELETE", f"{url}/tags/C"))["value"] == ["d"]
    patch = [{"op": "add", "path": "/team", "value": "blue"}]
    found = await asked(server, "PATCH", f"{url}/properties", json=patch)
    assert found["value"] == {"team": {"$type": "System.String", "$value": "blue"}}
    await asked(server, "PATCH", f"{url}/properties", 400, json=[{"op": "move", "path": "/a"}])
    again = await asked(server, "GET", url)
    assert (again["revision"], again["tags"]) == (1, ["d"])


async def test_folders_of_builds_are_not_those_of_releases(server: Server):
    made_folder = await asked(server, "PUT", "folders?path=%5CApps", json={"description": "x"})
    assert made_folder["path"] == "\\Apps"
    await made(server, "Web", path="\\Apps")
    await asked(server, "POST", "folders/%5CApps", json={"path": "\\Programs"})
    listed = await asked(server, "GET", "folders")
    assert [one["path"] for one in listed["value"]] == ["\\", "\\Programs"]
    assert (await asked(server, "GET", "definitions"))["value"][0]["path"] == "\\Programs"
    releases = await server.get("/default/Default/_apis/release/folders")
    assert [one["path"] for one in releases.json()["value"]] == ["\\"]
    await asked(server, "DELETE", "folders/%5CPrograms", 204)
    assert await names(server) == []


@pytest.mark.parametrize("version", ["2.0", "3.2", "4.1", "5.0", "6.0", "7.1", "7.2-preview.7"])
async def test_every_version_lists_and_saves(server: Server, version):
    query = f"api-version={version}"
    document = definition("Web")
    if version < "4":
        document["build"] = document.pop("process")["phases"][0]["steps"]
    saved = await asked(server, "POST", f"definitions?{query}", json=document)
    assert ("build" in saved) is (version < "4")
    assert ("process" in saved) is (version >= "4")
    again = await asked(server, "PUT", f"definitions/{saved['id']}?{query}", json=saved)
    assert again["revision"] == 2
    assert await names(server, query) == ["Web"]


async def test_readers_see_and_change_nothing(server: Server):
    saved = await made(server, "Web")
    reader = await server.user("rita", groups=("Readers",))
    url = "/default/Default/_apis/build/definitions"
    assert (await server.ask("GET", url, token=reader)).json()["count"] == 1
    answer = await server.ask("POST", url, token=reader, json=definition("Other"))
    assert answer.status_code == 403
    assert "edit build definition" in answer.json()["message"]
    stranger = await server.user("sam")
    assert (await server.ask("GET", url, token=stranger)).json().get("count", 0) == 0
    one = await server.ask("GET", f"{url}/{saved['id']}", token=stranger)
    assert one.status_code in (403, 404)
    narrow = await server.token_of("admin", "vso.release")
    assert (await server.ask("GET", url, token=narrow)).status_code == 403


def _real():
    if not FOLDER.is_dir():
        return [pytest.param(None, marks=pytest.mark.skip(f"no definitions in {FOLDER}"))]
    return [pytest.param(file, id=file.stem) for file in sorted(FOLDER.glob("*.json"))]


# What the author of a definition says; the rest of a document is the server's.
AUTHORS = {
    "badgeEnabled",
    "buildNumberFormat",
    "comment",
    "demands",
    "description",
    "jobAuthorizationScope",
    "jobCancelTimeoutInMinutes",
    "jobTimeoutInMinutes",
    "name",
    "options",
    "path",
    "process",
    "processParameters",
    "properties",
    "quality",
    "queue",
    "queueStatus",
    "repository",
    "retentionRules",
    "tags",
    "triggers",
    "type",
    "variables",
}


def gone(theirs: Any, ours: Any, place: str = "") -> Iterator[str]:
    """The places of a document whose values are not the same any more. Old exports have the
    numbers of enumerations, which become words, and addresses are the server's."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key, value in theirs.items():
            if key in ("url", "_links"):
                continue
            yield from gone(value, ours.get(key), f"{place}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from gone(one, other, f"{place}[{number}]")
    elif theirs != ours and not (isinstance(theirs, int) and isinstance(ours, str)):
        yield f"{place}: {theirs!r} became {ours!r}"


@pytest.mark.parametrize("file", _real())
async def test_every_real_definition_is_kept_as_it_is(server: Server, file):
    document = json.loads(file.read_text(encoding="utf-8-sig"))
    saved = await asked(server, "POST", "definitions", json=document)
    got = await asked(server, "GET", f"definitions/{saved['id']}")
    assert not list(gone({key: document[key] for key in AUTHORS & document.keys()}, got))
    again = await asked(server, "PUT", f"definitions/{saved['id']}", json=got)
    changing = {"revision", "url", "_links", "createdDate"}
    assert {key: again[key] for key in again.keys() - changing} == {
        key: got[key] for key in got.keys() - changing
    }
    assert again["revision"] == 2
    body = {"definition": {"id": saved["id"]}}
    answer = await server.ask("POST", "/default/Default/_apis/build/builds", json=body)
    if answer.status_code != 200:  # it says which task it lacks, or that its file is out of reach
        said = answer.json()["message"]
        lacking = re.search(r"\.steps\[\d+\]\.task\.id: task '.+' \(.+\) cannot be run here", said)
        assert lacking or "is described by the file" in said, said


async def test_phases_that_wait_for_one_another_are_refused(server: Server):
    phases = [
        {"refName": "A", "dependencies": [{"scope": "B"}], "steps": [step()]},
        {"refName": "B", "dependencies": [{"scope": "A"}], "steps": [step()]},
    ]
    document = definition("Web", process={"type": 1, "phases": phases})
    refused = await asked(server, "POST", "definitions", 400, json=document)
    assert "A, B wait for one another" in refused["message"]


@pytest.mark.parametrize("word", ["build", "Build"])
async def test_old_updates_keep_phases_that_they_cannot_name(server: Server, word: str):
    phases = [{"refName": name, "steps": [step(f"echo {name}")]} for name in "AB"]
    saved = await made(server, "Web", process={"type": 1, "phases": phases})
    url, old = f"definitions/{saved['id']}", {"params": {"api-version": "2.0"}}
    seen = await asked(server, "GET", url, **old)
    steps = seen.pop("build")
    assert [one["inputs"]["script"] for one in steps] == ["echo A", "echo B"]
    kept = await asked(server, "PUT", url, json={**seen, "comment": "x", word: steps}, **old)
    assert (await asked(server, "GET", url))["process"] == saved["process"]
    changed = {**seen, "revision": kept["revision"], word: steps[:1]}
    refused = await asked(server, "PUT", url, 400, json=changed, **old)
    assert "several phases" in refused["message"]
    assert (await asked(server, "GET", url))["process"] == saved["process"]


async def test_a_phase_whose_reference_name_is_too_long_is_refused(server: Server):
    phases = [{"refName": "A" * 257, "steps": [step()]}]
    document = definition("Web", process={"type": 1, "phases": phases})
    refused = await asked(server, "POST", "definitions", 400, json=document)
    assert "phases[0].refName: is longer than 256 characters" in refused["message"]


async def test_names_that_look_alike_are_one_name(server: Server):
    composed, apart = "Caf\u00e9", "Cafe\u0301"
    await made(server, composed)
    refused = await asked(server, "POST", "definitions", 409, json=definition(apart))
    assert "exists" in refused["message"]
    for query in (f"name={apart}", f"name={apart}*", f"name={composed}"):
        assert await names(server, query) == [composed]
    hidden = await asked(server, "POST", "definitions", 400, json=definition("We\u200bb"))
    assert "$.name" in hidden["message"]
