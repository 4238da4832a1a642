"""Which versions a release could be made from, and the tags in use (CONTRACT B.4)."""

from pathlib import Path
from typing import Any

from quaymaster.actions.ports.outside import Outside, Version
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.source import sources
from tests.apis.azure.server import Server, serving
from tests.documents import definition, git_artifact, stage


class Shelf:
    """A source with two versions; one repository of it cannot be read."""

    async def versions(
        self, artifact: ArtifactPlan, most: int, _connection: Endpoint | None
    ) -> list[Version]:
        if "broken" in str(artifact.reference):
            raise Invalid("The repository cannot be read. Check its path.")
        newest = Version("c2", "v2", branch="refs/heads/main", commit="c2", message="second")
        return [newest, Version("c1", "v1")][:most]

    async def resolve(
        self, artifact: ArtifactPlan, version: str, _connection: Endpoint | None
    ) -> Version:
        return Version(version, f"{artifact.alias} {version}")


async def test_versions_are_asked_of_every_source_and_failures_are_told(
    database: Any, tmp_path: Path
):
    async with serving(database, tmp_path, Outside({"git": Shelf()})) as server:
        artifacts = [
            git_artifact("site"),
            {**git_artifact("bad", "/srv/broken.git"), "isPrimary": False},
        ]
        made = await server.made(
            "definitions", definition("Web", stage("Dev"), artifacts=artifacts)
        )
        path = f"artifacts/versions?releaseDefinitionId={made['id']}"
        site, bad = (await server.seen(path))["artifactVersions"]
        assert [version["name"] for version in site["versions"]] == ["v2", "v1"]
        assert site["versions"][0]["sourceBranch"] == "refs/heads/main"
        assert site["defaultVersion"] is None  # whoever creates a release is to name one
        assert site["errorMessage"] is None
        assert (bad["versions"], bad["defaultVersion"]) == ([], None)
        assert "cannot be read" in bad["errorMessage"]
        assert (await server.project("GET", "artifacts/versions")).status_code == 400
        missing = "artifacts/versions?releaseDefinitionId=99"
        assert (await server.project("GET", missing)).status_code == 404


async def test_the_default_version_is_what_a_release_would_take(database: Any, tmp_path: Path):
    async with serving(database, tmp_path, Outside({"git": Shelf()})) as server:
        for way, specific, expected in (
            ("latestType", "", "c2"),
            ("specificVersionType", "v1", "c1"),
            ("specificVersionType", "v0", "v0"),  # older than what is listed
            ("selectDuringReleaseCreationType", "", None),
        ):
            artifact = git_artifact("site")
            artifact["definitionReference"] |= {
                "defaultVersionType": {"id": way},
                "defaultVersionSpecific": {"id": specific},
            }
            document = definition(f"{way} {specific}", stage("Dev"), artifacts=[artifact])
            made = await server.made("definitions", document)
            path = f"artifacts/versions?releaseDefinitionId={made['id']}"
            (site,) = (await server.seen(path))["artifactVersions"]
            found = site["defaultVersion"]
            assert (found and found["id"]) == expected, way


async def test_a_source_that_nobody_can_ask_says_so(server: Server):
    made = await server.made(
        "definitions", definition("Web", stage("Dev"), artifacts=[git_artifact("site")])
    )
    path = f"artifacts/versions?releaseDefinitionId={made['id']}"
    (site,) = (await server.seen(path))["artifactVersions"]
    assert "cannot be asked" in site["errorMessage"]


async def test_the_tags_of_a_project_are_those_of_its_releases(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    for tags in (["b", "a"], ["b", "c"]):
        start = {"definitionId": made["id"], "isDraft": True}
        release = await server.made("releases", start)
        await server.made(f"releases/{release['id']}/tags", tags)
    assert (await server.seen("tags"))["value"] == ["a", "b", "c"]


async def test_every_kind_of_source_is_described_with_what_it_wants_to_know(
    database: Any, tmp_path: Path
):
    known: dict[str, Any] = {name: Shelf() for name in sources()}
    async with serving(database, tmp_path, Outside(known)) as server:
        kinds = (await server.seen("artifacts/types"))["value"]
    inputs = {kind["name"]: {one["id"] for one in kind["inputDescriptors"]} for kind in kinds}
    other_names = {"team", "azurecontainerregistry", "container"}
    assert set(known) - other_names == {name.casefold() for name in inputs}
    assert all(
        {"definition", "connection"} <= found for name, found in inputs.items() if name != "Build"
    )
    assert "packageType" in inputs["PackageManagement"]
