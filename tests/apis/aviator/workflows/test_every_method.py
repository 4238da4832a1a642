"""What every service is expected to do with a deployment, and what comes of its failures."""

import json
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen
from quaymaster.actions.deployments import explaining
from quaymaster.actions.deployments.workflows.runs import LOOKED_FOR, SETTLES
from quaymaster.actions.ports.outside import WebAnswer, WebRequest
from quaymaster.domain.changes import TimeCame
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.outgoing.http import GuardedClient
from quaymaster.store.candidates.workflow_runs import RunState
from tests.apis.aviator.server import COMMIT
from tests.apis.aviator.workflows.conftest import LOOPBACK, Scene
from tests.connectors.far_workflows import (
    EVERY_KIND,
    KINDS,
    REFUSED,
    SECRET,
    FarGitHub,
)

every = pytest.mark.parametrize("service", EVERY_KIND, indirect=True)
github = pytest.mark.parametrize("service", [FarGitHub], indirect=True)
watched = pytest.mark.parametrize("service", KINDS, indirect=True)


@every
async def test_a_deployment_begins_its_workflow_once_with_the_documented_inputs(scene: Scene):
    await scene.deployed()
    assert scene.far.begun == []  # the request itself asks nobody
    await scene.look()
    await scene.look()
    assert len(scene.far.begun) == 1
    inputs = scene.far.inputs
    deployment = (await scene.aviator.listed())[0]["id"]
    assert inputs["aviator_deployment_id"] == deployment
    assert inputs["aviator_release_cut_commit_hash"] == COMMIT
    assert inputs["aviator_release_candidate_version"] == "1.0-rc1"
    assert await scene.status() == "pending"


@watched
async def test_a_run_is_followed_to_its_end(scene: Scene):
    await scene.deployed()
    await scene.look()
    scene.far.stands = "runs"
    await scene.look()
    assert await scene.status() == "in_progress"
    scene.far.stands = "bad"
    await scene.look()
    assert await scene.status() == "failure"
    assert "ended as fail" in await scene.error()
    run = await scene.run()
    page = "https://far.example/7001"
    assert (run.state, run.run_id, run.url) == (RunState.ENDED, "7001", page)


@github
async def test_a_refusal_is_an_error_of_the_deployment(scene: Scene):
    scene.far.says = REFUSED[422]
    await scene.deployed()
    await scene.look()
    assert await scene.status() == "error"
    assert "422" in await scene.error()
    assert SECRET not in await scene.error()
    assert (await scene.run()).state is RunState.ENDED


@github
async def test_a_service_that_is_busy_is_asked_again(scene: Scene):
    scene.far.says = REFUSED[503]
    await scene.deployed()
    await scene.look()
    assert (await scene.run()).state is RunState.UNSENT
    assert "503" in await scene.error()
    scene.far.says = None
    await scene.look()
    assert len(scene.far.begun) == 1
    assert await scene.status() == "pending"
    assert not await scene.error()


@github
async def test_graphql_says_why_nothing_happens_and_where_to_look_as_rest_does(scene: Scene):
    async def shown() -> dict[str, str | None]:
        text = """{ releaseProject(name: "shop") { environment(name: "production") {
          deployments { nodes { errorMessage url } } } } }"""
        answer = await scene.aviator.azure.ask("POST", "/graphql", json={"query": text})
        place = answer.json()["data"]["releaseProject"]["environment"]
        found: dict[str, str | None] = place["deployments"]["nodes"][0]
        return found

    scene.far.says = REFUSED[503]
    await scene.deployed()
    await scene.look()
    assert await shown() == {"errorMessage": await scene.error(), "url": None}
    assert "503" in await scene.error()
    scene.far.says = None
    await scene.look()
    assert await shown() == {"errorMessage": None, "url": "https://far.example/7001"}
    scene.far.stands = "bad"
    await scene.look()
    assert (await shown())["errorMessage"] == await scene.error() != ""


@github
async def test_a_run_whose_answer_was_lost_is_found_and_not_begun_again(scene: Scene):
    scene.far.loses = True
    if isinstance(scene.far, FarGitHub):
        scene.far.title = "Deploy {aviator_deployment_id}"
    await scene.deployed()
    await scene.look()
    assert (await scene.run()).state is RunState.SENDING
    scene.far.stands = "good"
    for _ in range(2):
        await scene.look()
    assert len(scene.far.begun) == 1
    assert await scene.status() == "success"


@github
async def test_what_was_not_begun_after_all_is_begun_again(scene: Scene):
    scene.far.says = REFUSED[502]
    await scene.deployed()
    await scene.look()
    scene.far.says = None
    await scene.look()
    assert scene.far.begun == []
    assert (await scene.error()).endswith(f"answered 502. {LOOKED_FOR}")
    await scene.look(later=SETTLES)
    await scene.look()
    assert len(scene.far.begun) == 1
    assert (await scene.run()).run_id == "7001"


@watched
async def test_a_run_that_may_have_begun_and_cannot_be_looked_for_is_said_to(scene: Scene):
    scene.far.loses = True
    await scene.deployed()
    await scene.look()
    with mock.patch.object(type(scene.far), "signs_in", return_value=False):
        await scene.look()
    assert await scene.status() == "error"
    assert "401" in await scene.error()
    assert "nobody can tell whether the run was begun" in await scene.error()


@watched
async def test_a_service_that_begins_the_run_late_does_not_begin_two(scene: Scene):
    """It took the order, answered nobody in time, and was still to begin what it had taken."""
    scene.far.says = REFUSED[502]
    await scene.deployed()
    await scene.look()
    for _ in range(3):
        await scene.look()
    order = next(one for one in scene.far.asked if one.method == "POST")
    scene.far.says = None
    if isinstance(scene.far, FarGitHub):
        scene.far.title = "Deploy {aviator_deployment_id}"
    scene.far.begun.append(json.loads(order.body))
    scene.far.stands = "good"
    for _ in range(2):
        await scene.look()
    assert len(scene.far.begun) == 1
    assert await scene.status() == "success"


@watched
async def test_a_late_run_of_what_was_canceled_meanwhile_is_stopped(scene: Scene):
    scene.far.says = REFUSED[502]
    await scene.deployed()
    await scene.look()
    number = (await scene.aviator.listed())[0]["id"]
    await scene.aviator.here("POST", f"/deployments/{number}/cancel", json={})
    await scene.look()
    assert await scene.status() == "canceling"
    order = next(one for one in scene.far.asked if one.method == "POST")
    if isinstance(scene.far, FarGitHub):
        scene.far.title = "Deploy {aviator_deployment_id}"
    scene.far.begun.append(json.loads(order.body))
    for _ in range(2):
        await scene.look()
    assert scene.far.canceled == ["7001"]
    scene.far.stands = "stopped"
    await scene.look()
    assert await scene.status() == "canceled"


class Killed(BaseException):
    """The process ends here."""


class DiesAfterSending:
    """A way out that ends the process before the answer can be kept."""

    def __init__(self) -> None:
        self._client = GuardedClient(LOOPBACK)

    async def ask(self, request: WebRequest) -> WebAnswer:
        await self._client.ask(request)
        raise Killed


@github
async def test_a_process_that_dies_after_sending_is_followed_by_one_that_looks_first(
    scene: Scene,
):
    if isinstance(scene.far, FarGitHub):
        scene.far.title = "Deploy ({aviator_deployment_id})"
    await scene.deployed()
    with pytest.raises(Killed):
        await scene.speaking_through(DiesAfterSending()).look()
    assert (await scene.run()).state is RunState.SENDING
    scene.far.stands = "runs"
    for _ in range(2):
        await scene.look()
    assert len(scene.far.begun) == 1
    assert await scene.status() == "in_progress"


@github
async def test_canceling_stops_the_run_and_waits_for_its_end(scene: Scene):
    await scene.deployed()
    await scene.look()
    number = (await scene.aviator.listed())[0]["id"]
    answer = await scene.aviator.here("POST", f"/deployments/{number}/cancel", json={})
    assert answer.json()["status"] == "canceling"
    await scene.look()
    assert scene.far.canceled == ["7001"]
    assert await scene.status() == "canceling"
    scene.far.stands = "stopped"
    await scene.look()
    assert await scene.status() == "canceled"
    again = await scene.aviator.here("POST", f"/deployments/{number}/cancel", json={})
    assert again.status_code == 409


@github
async def test_what_is_canceled_before_it_was_asked_is_never_asked(scene: Scene):
    await scene.deployed()
    number = (await scene.aviator.listed())[0]["id"]
    await scene.aviator.here("POST", f"/deployments/{number}/cancel", json={})
    await scene.look()
    assert scene.far.begun == []
    assert await scene.status() == "canceled"


@github
async def test_a_rollback_stops_the_run_under_way_and_begins_the_one_before(scene: Scene):
    await scene.aviator.cut("0.9-rc1")
    await scene.aviator.report("0.9-rc1", "success")
    await scene.deployed()
    await scene.look()
    assert (await scene.aviator.roll_back()).status_code == 201
    shown = await scene.aviator.shown()
    assert shown[:2] == [("0.9-rc1", "pending"), ("1.0-rc1", "canceling")]
    await scene.look()
    assert scene.far.inputs["aviator_release_candidate_version"] == "0.9-rc1"


async def _reasons(scene: Scene) -> str:
    run = await scene.run()
    call = Call(scene.aviator.azure.installation)
    found = await explaining.reasons(call, ReleaseId(run.release_id), StageId(run.stage_id or 0))
    return " ".join(reason.text for reason in found.reasons)


@github
async def test_it_is_told_where_a_deployment_waits(scene: Scene):
    await scene.deployed()
    assert "about to be asked" in await _reasons(scene)
    scene.far.says = REFUSED[503]
    await scene.look()
    assert "answered 503" in await _reasons(scene)
    scene.far.says = None
    await scene.look()
    assert "https://far.example/7001" in await _reasons(scene)
    number = (await scene.aviator.listed())[0]["id"]
    query = {"expand": "workflow"}
    answer = await scene.aviator.here("GET", f"/deployments/{number}", params=query)
    assert answer.json()["workflow"]["run_url"] == "https://far.example/7001"


@github
async def test_a_candidate_keeps_how_it_was_to_be_deployed_and_it_is_told(scene: Scene):
    """Whoever waits for the method that was set later is told why nothing comes (AVIATOR 1)."""
    aviator = scene.aviator
    await aviator.here("PATCH", "", json={"deployment_method": None})
    made = int((await aviator.cut("1.0-rc1")).json()["id"])
    await aviator.here("PATCH", "", json={"deployment_method": scene.method})
    assert (await aviator.deploy("1.0-rc1")).status_code == 201
    async with aviator.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM workflow_runs") == 0
        stage = await connection.fetchval("SELECT id FROM stages WHERE release_id = $1", made)
    call = Call(aviator.azure.installation)
    found = await explaining.reasons(call, ReleaseId(made), StageId(stage))
    said = "production is deployed by GitHub Actions only from later releases on."
    assert said in " ".join(one.text for one in found.reasons)
    await scene.deployed("1.1-rc1")
    assert "only from later" not in await _reasons(scene)


@watched
async def test_an_hour_without_news_is_an_error_and_stops_the_run(scene: Scene):
    await scene.deployed()
    await scene.look()
    run = await scene.run()
    later = datetime.now(UTC) + timedelta(minutes=61)
    call = Call(scene.aviator.azure.installation, now=later)
    await happen(call, ReleaseId(run.release_id), TimeCame())
    assert await scene.status() == "error"
    assert scene.far.canceled == []
    await scene.look()
    assert scene.far.canceled == ["7001"]
    assert (await scene.run()).state is RunState.ENDED
    assert await scene.status() == "error"


@github
async def test_a_run_that_ended_by_a_report_is_not_stopped(scene: Scene):
    await scene.deployed()
    await scene.look()
    await scene.aviator.report("1.0-rc1", "error", error_message="It broke.")
    assert (await scene.run()).state is RunState.ENDED
    assert scene.far.canceled == []
