"""What dashboards ask for: summaries, deployments by environment, badges (B 10, 33, B.4, 24.1)."""

from typing import Any
from xml.etree import ElementTree as ET

from quaymaster.actions.announcements.badges import Badge
from quaymaster.apis.azure.badges import drawn
from tests.apis.azure.server import Server
from tests.documents import definition, stage

FREE = {"concurrencyCount": 0, "queueDepthCount": 0}


async def two(server: Server, **changes: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A definition with two environments, and two releases of it."""
    stages = [stage(name, executionPolicy=FREE, **changes) for name in ("Dev", "QA")]
    made = await server.made("definitions", definition("Web", *stages))
    start = {"definitionId": made["id"]}
    return made, [await server.made("releases", start) for _ in range(2)]


async def test_a_summary_shows_the_newest_releases_and_where_they_are(server: Server):
    made, releases = await two(server)
    path = f"releases?definitionId={made['id']}&releaseCount=1"
    summary = await server.seen(path)
    assert summary["releaseDefinition"]["name"] == "Web"
    assert [one["name"] for one in summary["environments"]] == ["Dev", "QA"]
    assert summary["environments"][0]["lastReleases"] == []
    assert [one["id"] for one in summary["releases"]] == [releases[1]["id"]]
    only = made["environments"][1]["id"]
    narrow = await server.seen(f"{path}&definitionEnvironmentIdsFilter={only}")
    assert [one["id"] for one in narrow["environments"]] == [only]
    for bad in ("releases?releaseCount=1", f"{path}0x", "releases?definitionId=99&releaseCount=1"):
        assert (await server.project("GET", bad)).status_code in (400, 404)


async def test_deployments_of_several_environments_are_asked_for_at_once(server: Server):
    made, releases = await two(server)
    places = [
        {"releaseDefinitionId": made["id"], "definitionEnvironmentId": one["id"]}
        for one in made["environments"]
    ]

    async def asked(**body: Any) -> list[int]:
        found = await server.made("deployments", {"environments": places, **body})
        return [one["releaseId"] for one in found["value"]]

    newest, oldest = releases[1]["id"], releases[0]["id"]
    assert await asked() == [newest, newest]
    assert await asked(deploymentsPerEnvironment=5) == [newest, oldest, newest, oldest]
    assert await asked(operationStatus="approved") == []
    assert await asked(artifactTypeId="Build") == []
    assert await asked(artifactVersions=["1"], sourceBranch="refs/heads/main") == []
    for bad in ({"environments": "x"}, {"environments": [1]}, {"expands": "nothing"}):
        assert (await server.project("POST", "deployments", json=bad)).status_code == 400


async def test_a_badge_is_shown_to_everybody_where_the_stage_has_one(server: Server):
    made, _ = await two(server, environmentOptions={"badgeEnabled": True})
    plain = await server.made("definitions", definition("Plain", stage("Dev")))
    project = (await server.get("/default/_apis/projects/Default")).json()["id"]
    base = f"/default/_apis/public/Release/badge/{project}"
    dev = made["environments"][0]["id"]
    badge = await server.get(f"{base}/{made['id']}/{dev}", token="")
    assert badge.status_code == 200
    assert badge.headers["content-type"].startswith("image/svg+xml")
    assert "Dev: in progress" in badge.text
    branch = await server.get(f"{base}/{made['id']}/{dev}/refs/heads/main", token="")
    assert "never deployed" in branch.text
    hidden = f"{base}/{plain['id']}/{plain['environments'][0]['id']}"
    nowhere = (
        hidden,
        f"{base}/{made['id']}/999",
        f"{base}/999/1",
        f"{base.replace(project, 'x')}/1/1",
    )
    answers = [await server.get(path, token="") for path in nowhere]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({answer.json()["message"] for answer in answers}) == 1


def test_a_badge_holds_the_name_as_text_and_never_as_markup():
    name = '"><script>alert(1)</script>&'
    svg = drawn(Badge(name, None))
    root = ET.fromstring(svg)
    assert name in [element.text for element in root.iter()]
    assert "<script" not in svg
