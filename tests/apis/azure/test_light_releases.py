"""The light list is read from kept text, and yet shows what is true at this moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from quaymaster.actions.call import Call, Project
from quaymaster.actions.people import people
from quaymaster.actions.releases import light_releases, reading
from quaymaster.apis.azure.links import Links
from quaymaster.apis.azure.present import release as present
from quaymaster.apis.azure.present.light_releases import RENDERING, based
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.domain.access import Grant, Permission, definition_token
from quaymaster.store.people import people as stored_people
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases.lists import ReleaseFilter
from tests.apis.azure.server import BASE, Server
from tests.apis.azure.test_releases import ids, three, web_stage
from tests.documents import definition

Change = Callable[[Server, dict[str, Any]], Awaitable[object]]


async def rendered_now(server: Server) -> list[Any]:
    """What the list must show: every release rendered from its rows."""
    call = Call(server.installation)
    async with server.database.read() as connection:
        projects = await connection.fetch("SELECT id FROM projects")
    wanted = ReleaseFilter(tuple(row["id"] for row in projects))
    async with server.database.read() as connection:
        page = await reading.release_lists.page(connection, wanted, Paging())
    known = await reading.mentioned(call, reading.mentioned_in(page.rows))
    shown = Shown(Links(f"{BASE}/default"), known)
    encoded = msgspec.json.encode([present.head(shown, head) for head in page.rows])
    decoded: list[Any] = msgspec.json.decode(encoded)
    return decoded


async def renamed(server: Server, release: dict[str, Any]) -> None:
    body = {"name": "Another", "description": 'says "hi" \\ \x01 ö', "comment": "so"}
    assert (await server.project("PATCH", f"releases/{release['id']}", json=body)).is_success


async def kept_for_ever(server: Server, release: dict[str, Any]) -> None:
    body = {"keepForever": True}
    assert (await server.project("PATCH", f"releases/{release['id']}", json=body)).is_success


async def abandoned(server: Server, release: dict[str, Any]) -> int:
    start = {"definitionId": release["releaseDefinition"]["id"], "manualEnvironments": ["Dev"]}
    waits = int((await server.made("releases", start))["id"])
    body = {"status": "abandoned"}
    assert (await server.seen("releases"))["value"][0]["status"] == "active"
    assert (await server.project("PATCH", f"releases/{waits}", json=body)).is_success
    return waits


async def tagged(server: Server, release: dict[str, Any]) -> None:
    assert (await server.project("PATCH", f"releases/{release['id']}/tags/blue")).is_success


async def deleted(server: Server, release: dict[str, Any]) -> None:
    number = await abandoned(server, release)
    assert (await server.project("DELETE", f"releases/{number}")).is_success
    assert (await server.project("DELETE", f"releases/{release['id']}")).status_code == 400


async def definition_renamed(server: Server, release: dict[str, Any]) -> None:
    path = f"definitions/{release['releaseDefinition']['id']}"
    document = await server.seen(path)
    body = {**document, "name": "Shop"}
    assert (await server.project("PUT", "definitions", json=body)).is_success


async def person_renamed(server: Server, _: dict[str, Any]) -> None:
    async with server.database.transaction() as connection:
        await connection.execute(
            "UPDATE identities SET display_name = 'Chief' WHERE unique_name = 'admin'"
        )


@pytest.mark.parametrize(
    "change",
    [
        renamed,
        kept_for_ever,
        abandoned,
        tagged,
        deleted,
        definition_renamed,
        person_renamed,
    ],
)
async def test_a_change_shows_in_the_very_next_list(server: Server, change: Change):
    made = await three(server)
    before = await server.seen("releases")
    assert before["value"] == await rendered_now(server)
    await change(server, made[1])
    after = await server.seen("releases")
    assert after["value"] == await rendered_now(server)


async def test_entries_are_rendered_once(server: Server):
    await three(server)
    seen: list[int] = []

    def counting(head: reading.ReleaseHead, known: reading.People) -> str:
        seen.append(head.id)
        return RENDERING.entry(head, known)

    call = await inside(server)
    rendering = replace(RENDERING, entry=counting)
    pages = [
        await light_releases.page(call, ReleaseFilter(()), Paging(), rendering) for _ in range(3)
    ]
    assert len(seen) == 3
    assert pages[0] == pages[1] == pages[2]
    assert pages[0].count == 3


async def inside(server: Server) -> Call:
    async with server.database.read() as connection:
        number = await connection.fetchval("SELECT id FROM projects")
    return Call(server.installation, project=Project(str(number), "Default", ""))


async def test_many_may_ask_for_what_nobody_has_rendered_yet(server: Server):
    await three(server)
    call = await inside(server)
    asked = (light_releases.page(call, ReleaseFilter(()), Paging(), RENDERING) for _ in range(20))
    assert {found.count for found in await asyncio.gather(*asked)} == {3}


async def test_addresses_begin_as_the_client_asked(server: Server):
    await three(server)
    for base, host in (("/default", "a.example"), ("/DefaultCollection", "b.example:81")):
        answer = await server.get(f"{base}/_apis/release/releases", headers={"Host": host})
        for one in answer.json()["value"]:
            assert one["url"].startswith(f"http://{host}{base}/"), one["url"]
            assert one["createdBy"]["url"].startswith(f"http://{host}{base}/_apis/Identities/")
            assert "\x01" not in answer.text


def test_a_base_becomes_a_part_of_a_json_text():
    base = 'http://a"},{\\'
    assert msgspec.json.decode(based('["\x01/b"]', Links(base))) == [f"{base}/b"]


async def test_a_text_of_a_users_is_never_taken_for_an_address(server: Server):
    (one, *_) = await three(server)
    said = "\x01 \\u0001 <\x02>"
    body = {"description": said}
    assert (await server.project("PATCH", f"releases/{one['id']}", json=body)).is_success
    for _ in range(2):  # rendered, and read as it was kept
        assert (await server.seen("releases"))["value"][-1]["description"] == said


async def test_kept_entries_are_shown_to_nobody_who_may_not_view_them(server: Server):
    (release, *_) = await three(server)
    other = await server.made("definitions", definition("Other", web_stage()))
    shown = await server.made("releases", {"definitionId": other["id"]})
    await server.seen("releases")
    token = await server.user("ann", groups=("Readers",))
    project = release["projectReference"]["id"]
    hidden = definition_token(project, "\\", release["releaseDefinition"]["id"])
    async with server.database.transaction() as connection:
        ann = await people.found(connection, "ann")
        denied = Grant(hidden, deny=Permission.VIEW_RELEASES)
        await stored_people.grant(connection, ann.id, denied)
    assert ids(await server.seen("releases", token=token)) == [shown["id"]]
    path = f"releases?definitionId={release['releaseDefinition']['id']}"
    assert (await server.seen(path, token=token))["count"] == 0
