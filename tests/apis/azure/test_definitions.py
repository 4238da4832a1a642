"""Release definitions over the wire (CONTRACT B 3-9, A.5, E 1, 2, 6)."""

import asyncio
import json

import pytest

from tests.apis.azure.server import Server
from tests.documents import definition, stage

SECRET = "hush-hush-9431"


async def test_what_is_read_can_be_sent_back_unchanged(server: Server):
    sent = definition(
        "Web",
        stage("Dev"),
        stage("Prod", "Dev"),
        variables={"v": {"value": "1"}},
        unknownField={"kept": [1, None, {"deep": True}]},
        tags=["a"],
    )
    made = await server.made("definitions?api-version=7.1", sent)
    read = await server.seen(f"definitions/{made['id']}")
    assert read == made
    assert read["unknownField"] == sent["unknownField"]
    changed = (await server.project("PUT", "definitions", json=read)).json()
    times = ("revision", "modifiedOn")
    assert {**changed, **{key: read[key] for key in times}} == read
    assert changed["revision"] == 2


async def test_ids_are_drawn_afresh_and_stay(server: Server):
    one = await server.made(
        "definitions", definition("One", stage("Dev", id=77), id=55, revision=9)
    )
    two = await server.made("definitions", definition("Two", stage("Dev", id=77)))
    assert one["revision"] == 1
    assert one["environments"][0]["id"] != two["environments"][0]["id"]
    again = (await server.project("PUT", "definitions", json=one)).json()
    assert again["environments"][0]["id"] == one["environments"][0]["id"]
    assert one["environments"][0]["preDeployApprovals"]["approvals"][0]["id"] > 0


async def test_a_secret_goes_in_and_never_comes_out(server: Server):
    made = await server.made(
        "definitions",
        definition("S", stage("Dev"), variables={"p": {"value": SECRET, "isSecret": True}}),
    )
    assert made["variables"]["p"] == {"value": None, "isSecret": True}
    paths = ("definitions", f"definitions/{made['id']}", f"definitions/{made['id']}/revisions/1")
    for path in (*paths, "definitions?$expand=variables"):
        assert SECRET not in (await server.project("GET", path)).text


async def test_a_secret_that_is_not_sent_stays_as_it_is(server: Server):
    secret = {"p": {"value": SECRET, "isSecret": True}}
    made = await server.made("definitions", definition("S", stage("Dev"), variables=secret))
    for as_sent in ({"isSecret": True}, {"isSecret": True, "value": None}):
        made["variables"]["p"] = as_sent
        answer = await server.project("PUT", "definitions", json=made)
        assert answer.status_code == 200
        made = answer.json()
    async with server.database.read() as connection:
        sealed = await connection.fetchval("SELECT secrets FROM definitions")
    kept = server.installation.vault.unseal(f"definition/{made['id']}", sealed)
    assert kept == {"variables/p": SECRET}


async def test_the_id_may_stand_in_the_path_the_body_or_both(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    number = made["id"]
    without = {key: value for key, value in made.items() if key != "id"}
    for body in (without, {**without, "id": 0}, {**without, "ID": number}):
        body["revision"] = (await server.seen(f"definitions/{number}"))["revision"]
        answer = await server.project("PUT", f"definitions/{number}", json=body)
        assert answer.status_code == 200, answer.text
    other = await server.project("PUT", f"definitions/{number}", json={**made, "id": number + 1})
    assert other.status_code == 400
    nowhere = await server.project("PUT", "definitions", json=without)
    assert nowhere.status_code in (400, 404)


async def test_an_old_copy_is_refused_and_changes_nothing(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    await server.project("PUT", "definitions", json={**made, "description": "first"})
    answer = await server.project("PUT", "definitions", json={**made, "description": "second"})
    assert answer.status_code == 400
    assert answer.json()["typeKey"] == "InvalidRequestException"
    assert "old copy" in answer.json()["message"]
    assert (await server.seen(f"definitions/{made['id']}"))["description"] == "first"


async def test_a_name_is_taken_once_in_a_folder(server: Server):
    await server.made("definitions", definition("Web", stage("Dev")))
    answer = await server.project("POST", "definitions", json=definition("WEB", stage("Dev")))
    assert answer.status_code == 400
    assert answer.json()["typeKey"] == "ReleaseDefinitionAlreadyExistsException"
    assert answer.json()["message"].startswith("VS402934")
    await server.made("definitions", definition("Web", stage("Dev"), path="\\Other"))


async def test_every_problem_of_a_document_is_named_at_its_place(server: Server):
    bad = definition("Web", {"name": "Dev"}, {"name": "Dev"})
    answer = await server.project("POST", "definitions", json=bad)
    assert answer.status_code == 400
    message = answer.json()["message"]
    assert "$.environments[0].retentionPolicy" in message
    assert "VS402982" in message
    assert "$.environments[1]" in message


async def test_lists_are_light_unless_more_is_asked_for(server: Server):
    await server.made("definitions", definition("Web", stage("Dev"), tags=["x"]))
    (light,) = (await server.seen("definitions"))["value"]
    assert light["name"] == "Web"
    for part in ("environments", "artifacts", "triggers", "variables"):
        assert part not in light
    (full,) = (await server.seen("definitions?%24expand=environments,tags"))["value"]
    assert full["environments"][0]["name"] == "Dev"
    (by_number,) = (await server.seen("definitions?$expand=2"))["value"]
    assert by_number["environments"] == full["environments"]


async def test_the_last_release_is_shown_where_it_is_asked_for(server: Server):
    web = await server.made("definitions", definition("Web", stage("Dev")))
    await server.made("definitions", definition("Unused", stage("Dev")))
    for _ in range(2):
        last = await server.made("releases", {"definitionId": web["id"], "isDraft": True})
    listed = (await server.seen("definitions?$expand=lastRelease"))["value"]
    found = {one["name"]: one["lastRelease"] for one in listed}
    assert (found["Web"]["id"], found["Web"]["name"]) == (last["id"], "Release-2")
    assert found["Web"]["createdBy"]["uniqueName"] == "admin"
    assert found["Unused"] is None
    assert "lastRelease" not in (await server.seen("definitions"))["value"][0]


async def test_lists_are_searched_and_ordered(server: Server):
    for name in ("beta", "Alpha", "gamma"):
        await server.made("definitions", definition(name, stage("Dev"), path=f"\\{name[0]}"))

    async def names(query: str) -> list[str]:
        return [one["name"] for one in (await server.seen(f"definitions?{query}"))["value"]]

    assert await names("") == ["beta", "Alpha", "gamma"]
    assert await names("queryOrder=nameDescending") == ["gamma", "beta", "Alpha"]
    assert await names("queryOrder=2") == ["Alpha", "beta", "gamma"]
    assert await names("queryOrder=none") == ["beta", "Alpha", "gamma"]
    assert await names("queryOrder=LastModifiedDescending") == ["gamma", "Alpha", "beta"]
    assert await names("searchText=ALPH") == ["Alpha"]
    assert await names("searchText=alph&isExactNameMatch=true") == []
    assert await names("searchText=alpha&isExactNameMatch=True") == ["Alpha"]
    assert await names("path=%5CG") == ["gamma"]
    assert await names("definitionIdFilter=1,3") == ["beta", "gamma"]


async def test_pages_join_to_the_whole_list(server: Server):
    for number in range(5):
        await server.made("definitions", definition(f"D{number}", stage("Dev")))
    for order in ("idAscending", "nameDescending", "lastModifiedAscending"):
        whole = (await server.seen(f"definitions?queryOrder={order}"))["value"]
        joined, more = [], ""
        for _ in range(3):
            page = await server.project("GET", f"definitions?queryOrder={order}&$top=2{more}")
            joined += page.json()["value"]
            more = f"&continuationToken={page.headers.get('x-ms-continuationtoken')}"
        assert "x-ms-continuationtoken" not in page.headers
        assert joined == whole


FORGED = ["x", "-1", "1.5", "9" * 30, "W10", "bm90IGpzb24", "%F0%9F%98%80"]


async def test_a_forged_token_is_refused(server: Server):
    for order in ("idAscending", "nameAscending", "lastModifiedAscending"):
        for token in FORGED:
            query = f"definitions?queryOrder={order}&continuationToken={token}"
            answer = await server.project("GET", query)
            assert answer.status_code == 400, (order, token)
            assert "continuationToken" in answer.json()["message"]


async def test_a_senseless_top_is_refused(server: Server):
    for top in ("0", "-5", "many", "1.5"):
        assert (await server.project("GET", f"definitions?$top={top}")).status_code == 400


async def test_revisions_are_kept_as_they_were_saved(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev"), comment="first"))
    await server.project(
        "PUT", "definitions", json={**made, "name": "Renamed", "comment": "second"}
    )
    history = await server.seen(f"definitions/{made['id']}/revisions")
    assert [(one["revision"], one["changeType"], one["comment"]) for one in history["value"]] == [
        (1, "add", "first"),
        (2, "update", "second"),
    ]
    old = await server.project("GET", f"definitions/{made['id']}/revisions/1")
    assert old.headers["content-type"].startswith("text/plain")
    assert json.loads(old.text)["name"] == "Web"
    as_node_asks = await server.project("GET", f"definitions/{made['id']}?revision=1")
    assert as_node_asks.text == old.text
    assert (await server.project("GET", f"definitions/{made['id']}/revisions/9")).status_code == 404


async def test_a_deleted_definition_is_gone_until_it_is_brought_back(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    gone = await server.project("DELETE", f"definitions/{made['id']}?comment=bye")
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers
    assert (await server.project("GET", f"definitions/{made['id']}")).status_code == 404
    assert (await server.seen("definitions"))["count"] == 0
    (listed,) = (await server.seen("definitions?isDeleted=true"))["value"]
    assert listed["isDeleted"] is True
    back = await server.project("PATCH", f"definitions/{made['id']}", json={"comment": "back"})
    assert back.status_code == 200
    assert (await server.seen("definitions"))["count"] == 1


async def test_an_id_a_revision_or_a_name_of_another_kind_is_refused(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    for name in ("id", "revision", "name"):
        for value in ({}, [], True, 1.5, "x" if name != "name" else 3):
            body = {**made, name: value}
            path = "definitions" if name == "id" else f"definitions/{made['id']}"
            answer = await server.project("PUT", path, json=body)
            assert answer.status_code == 400, (name, value, answer.text)
            assert name in answer.json()["message"], answer.text
    assert (await server.seen(f"definitions/{made['id']}"))["revision"] == 1
    as_text = {**made, "id": str(made["id"]), "revision": "1"}  # as the published service reads it
    assert (await server.project("PUT", "definitions", json=as_text)).status_code == 200


async def test_a_new_definition_must_not_say_that_its_name_is_a_number(server: Server):
    body = {**definition("Web", stage("Dev")), "name": 3}
    answer = await server.project("POST", "definitions", json=body)
    assert answer.status_code == 400
    assert "$.name" in answer.json()["message"]


@pytest.mark.parametrize("owner", [{"id": ["x"]}, {"id": {"a": 1}}, "ann", 5, [None]])
async def test_an_owner_that_is_no_reference_to_a_person_is_refused(server: Server, owner: object):
    wrong = definition("Web", stage("Dev", owner=owner))
    answer = await server.project("POST", "definitions", json=wrong)
    assert answer.status_code == 400, answer.text
    assert "$.environments[0].owner" in answer.json()["message"]
    assert await server.seen("definitions?$expand=environments") == {"count": 0, "value": []}


async def test_the_id_of_a_definition_to_be_made_counts_for_nothing(server: Server):
    made = await server.made("definitions", {**definition("Web", stage("Dev")), "id": ""})
    assert made["id"] > 0


async def test_tags_added_at_the_same_moment_are_all_there(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    path = f"definitions/{made['id']}/tags"
    tags = [f"t{number}" for number in range(6)]
    answers = await asyncio.gather(*(server.project("PATCH", f"{path}/{tag}") for tag in tags))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert sorted((await server.seen(path))["value"]) == tags


async def test_of_saves_at_the_same_moment_one_wins_and_the_others_are_told(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    answers = await asyncio.gather(
        *(server.project("PUT", "definitions", json=made) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 5]
