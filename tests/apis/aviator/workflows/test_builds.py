"""Candidates that a workflow builds before they are ready (AVIATOR 3, 4)."""

from datetime import timedelta

import pytest

from quaymaster.store.candidates.workflow_runs import RunState
from tests.apis.aviator.server import COMMIT, REPOSITORY
from tests.apis.aviator.test_verification import start
from tests.apis.aviator.workflows.conftest import Scene
from tests.apis.azure.build.asking import definition
from tests.connectors.far_workflows import FarGitHub

github = pytest.mark.parametrize("service", [FarGitHub], indirect=True)
NOT_READY = (400, {"error": "Release candidate is not ready"})


async def built(scene: Scene, version: str = "1.0-rc1") -> dict[str, str]:
    """A candidate that is to be built; the answer."""
    body = {"build_method": scene.method}
    assert (await scene.aviator.in_project("PATCH", "", json=body)).status_code == 200
    answer = await scene.aviator.cut(version, trigger_build_workflow=True)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


async def build_status(scene: Scene) -> str:
    answer = await scene.aviator.in_project("GET", "/releases/1.0")
    found: str = answer.json()["candidates"][0]["build_status"]
    return found


@github
async def test_a_candidate_is_ready_once_its_build_has_succeeded(scene: Scene):
    made = await built(scene)
    assert made["build_status"] == "pending"
    await scene.look()
    assert scene.far.inputs["aviator_release_cut_id"] == made["id"]
    answer = await scene.aviator.deploy("1.0-rc1")
    assert (answer.status_code, answer.json()) == NOT_READY
    other = await start(scene.aviator, "1.0-rc1")
    assert (other.status_code, other.json()["message"]) == (400, "The release is not built yet.")
    scene.far.stands = "runs"
    await scene.look()
    assert await build_status(scene) == "in_progress"
    scene.far.stands = "good"
    await scene.look()
    assert await build_status(scene) == "success"
    assert (await scene.aviator.deploy("1.0-rc1")).status_code == 201


@github
async def test_a_candidate_whose_build_failed_is_not_ready(scene: Scene):
    await built(scene)
    await scene.look()
    scene.far.stands = "bad"
    await scene.look()
    assert await build_status(scene) == "failure"
    shown = (await scene.aviator.in_project("GET", "/releases/1.0-rc1?expand=build")).json()
    why = shown["build"]["error_message"]
    assert "ended as fail" in why
    assert shown["build"] == {
        "status": "failure",
        "run_url": "https://far.example/7001",
        "error_message": why,
    }
    text = """{ releaseProject(name: "shop") { release(version: "1.0") {
      latestCandidate { buildStatus buildUrl buildError } } } }"""
    asked = await scene.aviator.azure.ask("POST", "/graphql", json={"query": text})
    assert asked.json()["data"]["releaseProject"]["release"]["latestCandidate"] == {
        "buildStatus": "FAILURE",
        "buildUrl": "https://far.example/7001",
        "buildError": why,
    }
    answer = await scene.aviator.deploy("1.0-rc1")
    assert (answer.status_code, answer.json()) == NOT_READY


@github
async def test_graphql_has_a_candidate_built_as_rest_does(scene: Scene):
    text = """mutation ($input: CutReleaseInput!) {
      cutRelease(input: $input) { releaseCandidate { buildStatus } } }"""
    place = {"project": "shop", "repo": REPOSITORY, "commit": COMMIT}
    wanted = {**place, "releaseCandidateVersion": "1.0-rc1", "triggerBuildWorkflow": True}
    asked = {"query": text, "variables": {"input": wanted}}
    answer = await scene.aviator.azure.ask("POST", "/graphql", json=asked)
    assert answer.json()["errors"][0]["message"] == "Build workflow is not configured"
    await scene.aviator.in_project("PATCH", "", json={"build_method": scene.method})
    answer = await scene.aviator.azure.ask("POST", "/graphql", json=asked)
    shown = answer.json()["data"]["cutRelease"]["releaseCandidate"]
    assert shown == {"buildStatus": "PENDING"}
    await scene.look()
    assert len(scene.far.begun) == 1


@github
async def test_a_build_that_nobody_tells_of_for_an_hour_is_an_error(scene: Scene):
    await built(scene)
    await scene.look()
    await scene.look(later=timedelta(minutes=61))
    assert await build_status(scene) == "error"
    assert (await scene.run()).state is RunState.ENDED
    assert scene.far.canceled == ["7001"]


@github
@pytest.mark.parametrize(("stands", "status"), [("good", "success"), ("runs", "in_progress")])
async def test_a_build_is_looked_at_before_it_is_given_up_after_an_outage(
    scene: Scene, stands: str, status: str
):
    await built(scene)
    await scene.look()
    scene.far.stands = "runs"
    await scene.look()
    scene.far.stands = stands
    await scene.look(later=timedelta(minutes=70))
    assert (await build_status(scene), scene.far.canceled) == (status, [])


@github
async def test_a_build_that_was_not_begun_before_an_outage_is_begun_after_it(scene: Scene):
    await built(scene)
    async with scene.aviator.database.transaction() as connection:
        await connection.execute(
            "UPDATE workflow_runs SET told_at = told_at - interval '70 min',"
            " created_at = created_at - interval '70 min', due_at = due_at - interval '70 min'"
        )
    for _ in range(2):
        await scene.look()
    assert (await build_status(scene), len(scene.far.begun)) == ("pending", 1)
    scene.far.stands = "good"
    await scene.look()
    assert (await build_status(scene), scene.far.canceled) == ("success", [])


@github
async def test_what_is_built_is_deployed_by_itself_where_that_is_set(scene: Scene):
    flag = {"deploy_after_build": True, "deployment_method": None}
    assert (await scene.aviator.here("PATCH", "", json=flag)).status_code == 200
    made = await built(scene)
    await scene.look()
    scene.far.stands = "good"
    await scene.look()
    async with scene.aviator.database.read() as connection:
        woken = await connection.fetchval(
            "SELECT count(*) FROM pgqueuer WHERE entrypoint = 'automatic deployments'"
            " AND convert_from(payload, 'UTF8')::json ->> 'id' = $1",
            made["id"],
        )
    assert woken > 0


@github
async def test_the_build_workflow_tells_which_run_it_is(scene: Scene):
    made = await built(scene)
    await scene.look()
    told = {"release_cut_id": made["id"], "workflow_run_id": 7001}
    path = "/api/v1/sync-build-github-action"
    answer = await scene.aviator.azure.ask("POST", path, json=told)
    assert (answer.status_code, answer.json()["run_id"]) == (200, "7001")


@github
async def test_a_build_definition_of_ours_builds_a_candidate_once(scene: Scene):
    url = "/default/Default/_apis/build/definitions"
    made = await scene.aviator.azure.ask("POST", url, json=definition("Shop CI"))
    assert made.status_code == 200, made.text
    number = made.json()["id"]
    method = {"type": "definition", "workflow": str(number), "ref": "main"}
    answer = await scene.aviator.in_project("PATCH", "", json={"build_method": method})
    assert answer.status_code == 200, answer.text
    assert answer.json()["build_method"]["workflow"] == str(number)
    nobody = {"build_method": {**method, "workflow": "999"}}
    assert (await scene.aviator.in_project("PATCH", "", json=nobody)).status_code == 400
    await scene.aviator.cut("1.0-rc1", trigger_build_workflow=True)
    for _ in range(2):
        await scene.look()
    async with scene.aviator.database.read() as connection:
        [build] = await connection.fetch("SELECT id, source_version FROM builds")
        assert build["source_version"] == COMMIT
        assert (await scene.run()).run_id == str(build["id"])
        await connection.execute(
            "UPDATE builds SET status = 'completed', result = 'succeeded', finished_at = now()"
        )
    await scene.look()
    assert await build_status(scene) == "success"
