"""Favorites: a person's own, and those of their groups (CONTRACT B.4)."""

from uuid import uuid4

from tests.apis.azure.server import Server

PATH = "favorites/Definitions"


async def test_favorites_are_marked_replaced_and_unmarked(server: Server) -> None:
    items = [{"name": "Web", "type": "definition", "data": "7"}, {"Name": "Shop", "DATA": "8"}]
    first, second = (await server.made(PATH, items))["value"]
    assert {first["name"], second["name"]} == {"Web", "Shop"}
    changed = {**first, "name": "Site"}
    assert (await server.made(PATH, [changed]))["value"] == [changed]
    assert {one["name"] for one in (await server.seen(PATH.lower()))["value"]} == {
        "Site",
        second["name"],
    }
    assert (await server.seen("favorites/other"))["value"] == []
    gone = await server.project("DELETE", f"{PATH}?favoriteItemIds={first['id']},{uuid4()}")
    assert gone.status_code == 204
    assert (await server.seen(PATH))["value"] == [second]


async def test_nobody_sees_or_changes_those_of_others(server: Server) -> None:
    await server.made(PATH, [{"name": "Web"}])
    me = await server.me()
    ann = await server.user("ann", groups=("Readers",))
    assert (await server.project("GET", PATH, token=ann)).json()["value"] == []
    for method, body in (("GET", None), ("POST", [{"name": "x"}]), ("DELETE", None)):
        answer = await server.project(method, f"{PATH}?identityId={me}", json=body, token=ann)
        assert answer.status_code == 403, method
    assert len((await server.seen(f"{PATH}?identityId={me}"))["value"]) == 1


async def test_what_is_no_favorite_is_refused(server: Server) -> None:
    for wrong in ({}, [1], [{"id": "x"}], [{"name": 1}], [{"data": "x" * 9000}], "x"):
        assert (await server.project("POST", PATH, json=wrong)).status_code == 400, wrong
    assert (await server.project("DELETE", f"{PATH}?favoriteItemIds=x")).status_code == 400
    many = [{"name": str(number)} for number in range(1001)]
    assert (await server.project("POST", PATH, json=many)).status_code == 400
    assert (await server.seen(PATH))["value"] == []
