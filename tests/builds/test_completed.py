"""From a completed build to a release, once (SEMANTICS 8.1, 23.9)."""

from typing import Any

from tests import documents
from tests.apis.azure.build.asking import step
from tests.builds.conftest import Yard
from tests.server.waiting import eventually


async def releases(yard: Yard) -> list[Any]:
    answer = await yard.server.project("GET", "releases?$expand=artifacts")
    found: list[Any] = answer.json()["value"]
    return found


async def test_a_completed_build_makes_one_release_of_it(yard: Yard):
    await yard.world.worker()
    definition = await yard.define("Web CI", step("echo built"), repository=None)
    project = definition["project"]["id"]
    artifact = documents.build_artifact("_Web", str(definition["id"]))
    artifact["definitionReference"]["project"] = {"id": project, "name": "Default"}
    stage = documents.stage("Dev", tasks=[documents.bash("echo deployed")])
    stage["deployPhases"][0]["deploymentInput"]["skipArtifactsDownload"] = True
    body = documents.definition(
        "Web CD", stage, artifacts=[artifact], triggers=[documents.artifact_trigger("_Web")]
    )
    await yard.server.made("definitions", body)
    failed = await yard.define("Failing", step("exit 1"), repository=None)
    await yard.ended(await yard.queue(failed))
    build = await yard.ended(await yard.queue(definition, tags=["good"]))
    assert build["result"] == "succeeded"

    async def is_there() -> bool:
        return bool(await releases(yard))

    await eventually(is_there, "the release of the build")
    [release] = await releases(yard)
    [taken] = release["artifacts"]
    version = taken["definitionReference"]["version"]
    assert (version["id"], version["name"]) == (str(build["id"]), build["buildNumber"])
    assert release["reason"] == "continuousIntegration"
    by_hand = {"definitionId": release["releaseDefinition"]["id"], "isDraft": True}
    reference = taken["definitionReference"]
    assert reference.pop("IsTriggeringArtifact") == {"id": "True", "name": "True"}
    assert (await yard.server.made("releases", by_hand))["artifacts"] == [taken]
    page = f"/{project}/_build/results?buildId={build['id']}"
    assert reference["artifactSourceVersionUrl"]["id"].endswith(page)
    assert reference["project"]["name"] == "Default"
    assert reference["requestedFor"]["id"] == build["requestedFor"]["displayName"]
    assert reference["requestedForId"]["id"] == build["requestedFor"]["id"]
    assert "repository" not in reference  # there is none, so nothing is said of it

    async def is_deployed() -> bool:
        found = await yard.server.seen(f"releases/{release['id']}")
        return bool(found["environments"][0]["status"] == "succeeded")

    await eventually(is_deployed, "the deployment of the release")
    assert len(await releases(yard)) == 2  # with the draft made by hand
