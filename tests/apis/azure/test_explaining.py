"""Explain and preview over the wire: why nothing happens, and what would happen."""

from tests.apis.azure.server import Server
from tests.documents import definition, stage


async def test_a_stage_that_waits_for_a_worker_says_so(server: Server) -> None:
    made = await server.made(
        "definitions", definition("Web", stage("Dev"), stage("QA", "Dev", rank=2))
    )
    release = await server.made("releases", {"definitionId": made["id"]})
    number = release["environments"][0]["id"]
    path = f"releases/{release['id']}/environments/{number}/explain"
    found = await server.seen(path)
    assert (found["environmentName"], found["releaseId"]) == ("Dev", release["id"])
    assert "worker" in {reason["kind"] for reason in found["reasons"]}
    assert all(reason["text"] for reason in found["reasons"])
    unknown = f"releases/{release['id']}/environments/999/explain"
    assert (await server.project("GET", unknown)).status_code == 404


async def test_a_preview_tells_what_would_happen_and_writes_nothing(server: Server) -> None:
    made = await server.made(
        "definitions", definition("Web", stage("Dev"), stage("QA", "Dev", rank=2))
    )
    path = f"definitions/{made['id']}/preview"
    answer = await server.project("POST", path, json={"description": "only looking"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {one["name"] for one in found["environments"]} == {"Dev", "QA"}
    dev = next(one for one in found["environments"] if one["name"] == "Dev")
    assert dev["order"] == 1
    assert [phase["jobs"] for phase in dev["phases"]]
    assert any("No worker" in why for why in found["canNeverFinish"])
    assert (await server.seen("releases"))["count"] == 0
    async with server.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM releases") == 0


async def test_a_preview_refuses_what_making_the_release_would(server: Server) -> None:
    assert (await server.project("POST", "definitions/999/preview", json={})).status_code == 404
    made = await server.made("definitions", definition("Web", stage("Dev")))
    path = f"definitions/{made['id']}/preview"
    wrong = await server.project("POST", path, json={"manualEnvironments": ["Nowhere"]})
    assert wrong.status_code == 400
