"""What went into a release since another one, as its source tells it (CONTRACT B.4)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.ports.outside import Outside
from quaymaster.connectors.artifacts.git import GitRepositories
from quaymaster.connectors.repositories import GitFolder
from quaymaster.outgoing.addresses import AllowedAddresses
from tests import repositories
from tests.apis.azure.server import Server, serving
from tests.documents import build_artifact, definition, git_artifact, stage


@pytest.fixture
async def git(database: Any, tmp_path: Path) -> AsyncIterator[Server]:
    folder = GitFolder(tmp_path / "copies", AllowedAddresses.of(()))
    outside = Outside({"git": GitRepositories(folder)}, repositories=folder)
    async with serving(database, tmp_path, outside) as server:
        yield server


async def released(server: Server, made: Any, version: str, alias: str = "site") -> int:
    chosen = [{"alias": alias, "instanceReference": {"id": version, "name": version[:8]}}]
    start = {"definitionId": made["id"], "artifacts": chosen, "isDraft": True}
    number: int = (await server.made("releases", start))["id"]
    return number


async def test_changes_lie_between_two_releases(git: Server, tmp_path: Path) -> None:
    place = tmp_path / "site"
    place.mkdir()
    first = repositories.made(place)
    made = await git.made(
        "definitions", definition("Web", stage("Dev"), artifacts=[git_artifact("site", str(place))])
    )
    before = await released(git, made, first)
    second, third = repositories.committed(place), repositories.committed(place)
    after = await released(git, made, third)
    changes = (await git.seen(f"releases/{after}/changes"))["value"]
    assert [one["id"] for one in changes] == [third, second]
    assert changes[0]["author"]["displayName"] == "Ann"
    assert changes[0]["author"]["uniqueName"] == "ann@example.org"
    assert changes[0]["message"].startswith("Change ")
    same = await git.seen(f"releases/{after}/changes?baseReleaseId={before}&artifactAlias=SITE")
    assert same["value"] == changes
    assert len((await git.seen(f"releases/{after}/changes?$top=1"))["value"]) == 1
    assert [one["id"] for one in (await git.seen(f"releases/{before}/changes"))["value"]] == [first]
    back = await git.seen(f"releases/{before}/changes?baseReleaseId={after}")
    assert back["value"] == changes, "what it takes back"
    assert (await git.seen(f"releases/{after}/workitems"))["value"] == []


async def test_work_items_are_those_that_the_changes_mention(git: Server, tmp_path: Path) -> None:
    place = tmp_path / "site"
    place.mkdir()
    repositories.made(place)
    newest = repositories.committed(place, "Fix it (#12), see AB#3")
    made = await git.made(
        "definitions", definition("Web", stage("Dev"), artifacts=[git_artifact("site", str(place))])
    )
    number = await released(git, made, newest)
    found = (await git.seen(f"releases/{number}/workitems"))["value"]
    assert [(one["id"], one["provider"]) for one in found] == [("12", "Git"), ("3", "Git")]


async def test_work_items_are_counted_and_not_the_changes_that_mention_them(
    git: Server, tmp_path: Path
) -> None:
    place = tmp_path / "site"
    place.mkdir()
    first = repositories.made(place)
    repositories.committed(place, "Begin (#7)")
    newest = [repositories.committed(place, "Go on (#8)") for _ in range(2)][-1]
    made = await git.made(
        "definitions", definition("Web", stage("Dev"), artifacts=[git_artifact("site", str(place))])
    )
    await released(git, made, first)
    number = await released(git, made, newest)

    async def items(query: str = "") -> list[str]:
        found = await git.seen(f"releases/{number}/workitems?{query}")
        return [one["id"] for one in found["value"]]

    assert await items() == ["8", "7"]
    assert await items("$top=1") == ["8"]
    assert await items("$top=2") == ["8", "7"]


async def test_changes_of_a_build_are_those_of_its_repository(git: Server, tmp_path: Path) -> None:
    place = tmp_path / "site"
    place.mkdir()
    first = repositories.made(place)
    artifact = build_artifact()
    artifact["definitionReference"]["repository"] = {"id": str(place), "name": "site"}
    made = await git.made("definitions", definition("Web", stage("Dev"), artifacts=[artifact]))

    async def built(number: str, commit: str) -> int:
        version = {"id": number, "name": number, "sourceVersion": commit}
        chosen = [{"alias": "_Web-CI", "instanceReference": version}]
        start = {"definitionId": made["id"], "artifacts": chosen, "isDraft": True}
        release: int = (await git.made("releases", start))["id"]
        return release

    await built("1", first)
    second = repositories.committed(place)
    newest = await built("2", second)
    again = await built("3", second)
    back = await built("4", first)
    changes = (await git.seen(f"releases/{newest}/changes"))["value"]
    assert [one["id"] for one in changes] == [second]
    assert (await git.seen(f"releases/{again}/changes"))["value"] == []
    assert (await git.seen(f"releases/{back}/changes"))["value"] == changes


async def test_what_cannot_be_told_is_said(git: Server, tmp_path: Path) -> None:
    plain = await git.made("definitions", definition("Plain", stage("Dev")))
    empty = (await git.made("releases", {"definitionId": plain["id"]}))["id"]
    assert (await git.seen(f"releases/{empty}/changes"))["value"] == []
    builds = await git.made(
        "definitions", definition("Builds", stage("Dev"), artifacts=[build_artifact()])
    )
    built = await released(git, builds, "5", "_Web-CI")
    untold = await git.project("GET", f"releases/{built}/changes")
    assert untold.status_code == 400
    assert "cannot tell" in untold.json()["message"]
    for path, status in {
        f"releases/{built}/changes?artifactAlias=none": 400,
        f"releases/{built}/changes?baseReleaseId=x": 400,
        f"releases/{built}/changes?baseReleaseId=9999": 404,
        f"releases/{built}/changes?$top=0": 400,
        "releases/9999/changes": 404,
        "releases/9999/workitems": 404,
    }.items():
        assert (await git.project("GET", path)).status_code == status, path


async def test_the_source_is_asked_while_a_definition_is_written(
    git: Server, tmp_path: Path
) -> None:
    place = tmp_path / "site"
    place.mkdir()
    newest = repositories.made(place)
    repositories.branched(place, "next", newest)
    (kind,) = (await git.seen("artifacts/types"))["value"]
    assert (kind["name"], kind["isCommitsTraceabilitySupported"]) == ("Git", True)
    assert "definition" in [one["id"] for one in kind["inputDescriptors"]]
    query = {
        "currentValues": {"artifactType": "Git", "definition": str(place)},
        "inputValues": [
            {"inputId": name} for name in ("branches", "defaultVersionSpecific", "other")
        ],
    }
    answer = await git.made("artifacts/inputvaluesquery", query)
    branches, versions, other = answer["inputValues"]
    assert [one["value"] for one in branches["possibleValues"]] == [
        "refs/heads/main",
        "refs/heads/next",
    ]
    assert [one["value"] for one in versions["possibleValues"]] == [newest]
    assert "cannot be listed" in other["error"]["message"]
    assert (await git.made("artifacts/inputvaluesquery", {}))["inputValues"] == []
    (found,) = (await git.made("artifacts/versions", [git_artifact("site", str(place))]))[
        "artifactVersions"
    ]
    assert [one["id"] for one in found["versions"]] == [newest]
    reader = await git.user("reader", groups=("Readers",))
    for path, body in (("inputvaluesquery", query), ("versions", [git_artifact()])):
        denied = await git.project("POST", f"artifacts/{path}", json=body, token=reader)
        assert denied.status_code == 403, path
    for path, wrong in (
        ("inputvaluesquery", {"inputValues": [{"inputId": "branches"}]}),
        ("inputvaluesquery", {"inputValues": [{}]}),
        ("inputvaluesquery", {"inputValues": 7}),
        ("inputvaluesquery", {**query, "currentValues": {"artifactType": "None"}}),
        ("versions", {}),
        ("versions", [1]),
        ("versions", [{"alias": "x"}]),
    ):
        answer = await git.project("POST", f"artifacts/{path}", json=wrong)
        assert answer.status_code == 400, (path, wrong, answer.text)
