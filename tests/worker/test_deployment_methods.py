"""A real worker deploys candidates: by a script beside their commit, and by asking a workflow."""

import pytest

from quaymaster.actions.ports.outside import Outside
from tests import repositories
from tests.apis.aviator.server import Aviator, serving
from tests.connectors.far_workflows import FarService, FarWebhook
from tests.server.waiting import eventually
from tests.sources.counterparts import serving as far
from tests.worker.world import World


class Listening(FarWebhook):
    """One that anybody may ask."""

    signs_in = FarService.always


async def has_status(aviator: Aviator, environment: str, status: str) -> bool:
    found = (await aviator.in_project("GET", f"/environments/{environment}/deployments")).json()
    assert found[0]["error_message"] is None, found[0]
    return bool(found[0]["status"] == status)


async def test_candidates_are_deployed_by_our_workers_and_by_workflows(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("QUAYMASTER_ALLOWED_ADDRESSES", "127.0.0.0/8")
    monkeypatch.setenv("QUAYMASTER_PUBLIC_URL", "http://quay.example")
    commit = repositories.made(world.home / "shop")
    script = {"type": "definition", "script": "grep version repository/page.txt"}
    hook = Listening()
    with far.serving(hook.serve) as url:
        webhook = {"type": "webhook", "workflow": f"{url}/hook"}
        database = world.installation.database
        async with serving(database, world.home, outside=Outside()) as aviator:
            await aviator.made(deployment_method=webhook)
            await aviator.with_environment("dev", deployment_method=script)
            source = {"source_url": str(world.home / "shop")}
            assert (await aviator.in_project("PATCH", "", json=source)).status_code == 200
            assert (await aviator.cut("1.0-rc1", commit=commit)).status_code == 201
            await world.worker()
            wanted = {"release_candidate_version": "1.0-rc1"}
            for environment in ("dev", "production"):
                path = f"/environments/{environment}/deployments"
                assert (await aviator.in_project("POST", path, json=wanted)).status_code == 201

            async def deployed() -> bool:
                return await has_status(aviator, "dev", "success") and bool(hook.begun)

            await eventually(deployed, "the script to have run and the webhook to be asked")
            told = hook.begun[0]["call_back"]
            path = told["url"].removeprefix("http://quay.example")
            answer = await aviator.azure.ask(
                "POST", path, token=told["token"], json={"status": "success"}
            )
            assert answer.status_code == 200, answer.text
            assert await has_status(aviator, "production", "success")
