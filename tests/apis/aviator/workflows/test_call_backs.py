"""Workflows tell of themselves: the documented call-backs, Buildkite's webhook, tokens of runs."""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from typing import Any

import pytest

from quaymaster.actions.deployments.workflows.runs import LOOKED_FOR, SETTLES
from quaymaster.store.candidates.workflow_runs import RunState
from tests.apis.aviator.workflows.conftest import Scene
from tests.connectors.far_workflows import FarBuildkite, FarGitHub, FarService, FarWebhook
from tests.server.waiting import eventually

SYNC_DEPLOY = "/api/v1/sync-deploy-github-action"
HOOK_TOKEN = "t0ken-of-the-hook"


async def ask(scene: Scene, path: str, body: Any, **more: Any) -> Any:
    return await scene.aviator.azure.ask("POST", path, json=body, **more)


@pytest.mark.parametrize("service", [FarGitHub], indirect=True)
async def test_a_workflow_tells_which_run_it_is(scene: Scene, service: FarService):
    assert isinstance(service, FarGitHub)
    service.names_runs = False
    await scene.deployed()
    for _ in range(2):
        await scene.look()
    assert (await scene.run()).run_id == ""
    number = (await scene.aviator.listed())[0]["id"]
    told = {"deployment_id": number, "workflow_run_id": 7001}
    nobody = await ask(scene, SYNC_DEPLOY, told, token="wrong")
    assert nobody.status_code == 401
    reader = await scene.aviator.azure.user("ann", groups=("Readers",))
    assert (await ask(scene, SYNC_DEPLOY, told, token=reader)).status_code == 403
    for _ in range(2):  # told again it changes nothing
        assert (await ask(scene, SYNC_DEPLOY, told)).status_code == 200
    other = await ask(scene, SYNC_DEPLOY, {**told, "workflow_run_id": 7002})
    assert other.status_code == 409
    service.stands = "good"
    await scene.look()
    assert await scene.status() == "success"
    late = await ask(scene, SYNC_DEPLOY, told)
    assert (late.status_code, late.json()["state"]) == (200, "ended")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"deployment_id": "x", "workflow_run_id": 1}, 400),
        ({"deployment_id": 99, "workflow_run_id": 1}, 404),
        ({"deployment_id": True, "workflow_run_id": 1}, 400),
    ],
)
@pytest.mark.parametrize("service", [FarGitHub], indirect=True)
async def test_call_backs_that_mean_nothing(scene: Scene, body, status):
    assert (await ask(scene, SYNC_DEPLOY, body)).status_code == status


@pytest.mark.parametrize("service", [FarWebhook], indirect=True)
async def test_a_run_tells_how_it_stands_with_the_token_of_its_order(scene: Scene):
    await scene.deployed()
    await scene.look()
    told = scene.far.begun[0]["call_back"]
    path = told["url"].removeprefix("http://quay.example")

    async def tell(status: str, token: str = told["token"], **more: Any) -> Any:
        return await ask(scene, path, {"status": status, **more}, token=token)

    assert (await tell("success", token="wrong")).status_code == 401
    assert (await tell("done")).status_code == 400
    assert (await tell("in_progress", run_url="javascript:x")).status_code == 400
    assert await scene.status() == "pending"
    assert (await tell("in_progress", run_url="https://far.example/7")).status_code == 200
    assert await scene.status() == "in_progress"
    for _ in range(2):
        assert (await tell("failure", error_message="Out of disk.")).status_code == 200
    assert (await scene.status(), await scene.error()) == ("failure", "Out of disk.")
    assert (await tell("success")).json()["state"] == "ended"  # after the end nothing changes
    assert await scene.status() == "failure"
    assert len(await scene.aviator.listed()) == 1


@pytest.mark.parametrize("service", [FarWebhook], indirect=True)
async def test_a_webhook_that_is_canceled_is_told_and_tells_when_it_has_stopped(scene: Scene):
    await scene.deployed()
    await scene.look()
    number = (await scene.aviator.listed())[0]["id"]
    await scene.aviator.here("POST", f"/deployments/{number}/cancel", json={})
    await scene.look()
    assert scene.far.canceled == ["7001"]
    told = scene.far.begun[0]["call_back"]
    path = told["url"].removeprefix("http://quay.example")
    await ask(scene, path, {"status": "canceled"}, token=told["token"])
    assert await scene.status() == "canceled"


@pytest.mark.parametrize("service", [FarWebhook], indirect=True)
async def test_a_webhook_is_told_to_stop_although_it_tells_that_it_runs_while_it_is_asked(
    scene: Scene,
):
    await scene.deployed()
    scene.far.hangs = threading.Event()
    begun = asyncio.ensure_future(scene.look())

    async def is_asked() -> bool:
        return bool(scene.far.begun)

    await eventually(is_asked, "the webhook to be asked")
    number = (await scene.aviator.listed())[0]["id"]
    await scene.aviator.here("POST", f"/deployments/{number}/cancel", json={})
    await scene.look_now()  # that look comes upon the other one
    told = scene.far.begun[0]["call_back"]
    path = told["url"].removeprefix("http://quay.example")
    await ask(scene, path, {"status": "in_progress"}, token=told["token"])
    scene.far.hangs.set()
    await begun
    await scene.look_now()
    assert scene.far.canceled == ["7001"]


@pytest.mark.parametrize("service", [FarWebhook], indirect=True)
async def test_a_webhook_that_may_be_at_work_is_told_to_stop(scene: Scene):
    scene.far.loses = True
    await scene.deployed()
    await scene.look()
    number = (await scene.aviator.listed())[0]["id"]
    await scene.aviator.here("POST", f"/deployments/{number}/cancel", json={})
    for _ in range(2):
        await scene.look()
    assert scene.far.canceled == ["7001"]
    told = scene.far.begun[0]["call_back"]
    path = told["url"].removeprefix("http://quay.example")
    await ask(scene, path, {"status": "canceled"}, token=told["token"])
    assert await scene.status() == "canceled"


@pytest.mark.parametrize("service", [FarWebhook], indirect=True)
@pytest.mark.parametrize("knows_keys", [True, False])
async def test_an_order_to_a_webhook_is_repeated_only_where_it_knows_keys(
    scene: Scene, knows_keys: bool
):
    method = {**scene.method, "repeatable": knows_keys}
    await scene.aviator.here("PATCH", "", json={"deployment_method": method})
    scene.far.loses = True
    await scene.deployed()
    await scene.look()
    scene.far.loses = False
    await scene.look()
    assert await scene.status() == "pending"
    await scene.look(later=SETTLES)
    keys = {request.headers["Idempotency-Key"] for request in scene.far.asked}
    assert (len(scene.far.begun), len(keys)) == (2 if knows_keys else 1, 1)
    assert await scene.status() == ("pending" if knows_keys else "error")
    if not knows_keys:
        assert "nobody can tell" in await scene.error()


@pytest.mark.parametrize("service", [FarWebhook], indirect=True)
async def test_a_webhook_whose_answer_was_lost_may_still_tell(scene: Scene):
    """It did the work before it answered, and that took longer than an answer may."""
    scene.far.loses = True
    await scene.deployed()
    for _ in range(2):
        await scene.look()
    assert LOOKED_FOR in await scene.error()
    told = scene.far.begun[0]["call_back"]
    path = told["url"].removeprefix("http://quay.example")
    await ask(scene, path, {"status": "success"}, token=told["token"])
    assert await scene.status() == "success"
    assert not await scene.error()


@pytest.mark.parametrize("service", [FarBuildkite], indirect=True)
async def test_buildkite_has_its_build_looked_at(scene: Scene):
    await scene.with_hook_token(HOOK_TOKEN)
    await scene.deployed()
    await scene.look()
    url = "https://api.buildkite.com/v2/organizations/acme/pipelines/deploy/builds/7001"
    told = {"event": "build.finished", "build": {"number": 7001, "url": url}}

    async def tell(body: Any, **headers: str) -> Any:
        raw = json.dumps(body).encode()
        if "sign" in headers:
            at, key = str(int(time.time())), headers.pop("sign").encode()
            made = hmac.new(key, f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
            headers["X-Buildkite-Signature"] = f"timestamp={at},signature={made}"
        sent = {"Content-Type": "application/json", **headers}
        path = "/api/buildkite/webhook"
        return await scene.aviator.azure.ask("POST", path, token="", content=raw, headers=sent)

    before = (await scene.run()).due_at
    nobody = await tell(told)
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    assert (await tell(told, **{"X-Buildkite-Token": "wrong"})).status_code == 401
    assert (await tell(told, sign="wrong")).status_code == 401
    endless = {"X-Buildkite-Signature": f"timestamp={'9' * 5000},signature=0"}
    assert (await tell(told, **endless)).status_code == 401
    assert (await tell({"event": "ping", "build": {}})).json() == {"status": "ignored"}
    assert (await scene.run()).due_at == before
    assert (await tell(told, **{"X-Buildkite-Token": HOOK_TOKEN})).status_code == 200
    assert (await scene.run()).due_at != before
    assert (await tell(told, sign=HOOK_TOKEN)).json() == {"status": "processing"}
    scene.far.stands = "good"
    await scene.look()
    assert (await scene.status(), (await scene.run()).state) == ("success", RunState.ENDED)
