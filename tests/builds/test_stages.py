"""Stages of a build, asked over HTTP while workers run them (CONTRACT B.1)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from quaymaster.actions.call import Call
from quaymaster.actions.jobs import build_jobs
from quaymaster.actions.jobs.takers import Taker
from quaymaster.domain.build import BuildId
from quaymaster.plans.job_message import Place
from quaymaster.store.builds import builds
from quaymaster.store.resources import workers
from quaymaster.store.resources.workers import NewWorker
from tests.builds.conftest import Yard
from tests.builds.test_yaml import pipeline
from tests.gits import commit

FILE = """
stages:
- stage: Long
  dependsOn: []
  jobs: [{job: L, steps: [{checkout: none}, {script: 'test -e MARK || sleep 600'}]}]
- stage: Ship
  dependsOn: Long
  jobs: [{job: S, steps: [{checkout: none}, {script: echo shipped}]}]
- stage: Tidy
  dependsOn: Long
  condition: always()
  jobs: [{job: T, steps: [{checkout: none}, {script: echo tidied}]}]
"""


async def staged(yard: Yard, shop: Path, mark: Path) -> Any:
    """A build whose first stage runs until the mark is there."""
    commit(shop, "ci.yml", FILE.replace("MARK", str(mark)))
    definition = await yard.define("Web", **pipeline(shop))
    return await yard.queue(definition, sourceBranch="main")


async def results(yard: Yard, build: Any) -> dict[str, str]:
    """How the jobs of a build ended, of each the newest attempt."""
    return {one["name"]: one["result"] for one in await yard.records(build, "Job")}


async def test_one_stage_is_canceled_and_run_again_while_the_others_go_on(
    yard: Yard, shop: Path, tmp_path: Path
) -> None:
    await yard.world.worker()
    build = await staged(yard, shop, tmp_path / "mark")
    stages = f"builds/{build['id']}/stages"
    await yard.when(build, lambda seen: seen["status"] == "inProgress")
    for state in ("cancel", "retry", 0):
        refused = await yard.ask("PATCH", f"{stages}/Lon", 404, json={"state": state})
        assert "The build has no stage lon" in refused["message"]
    assert (await yard.ask("GET", f"builds/{build['id']}"))["status"] == "inProgress"
    await yard.ask("PATCH", f"{stages}/Long", 204, json={"state": "cancel"})
    assert (await yard.ended(build))["result"] == "canceled"
    assert await results(yard, build) == {"L": "canceled", "S": "skipped", "T": "succeeded"}
    refused = await yard.ask("PATCH", f"{stages}/Long", 400, json={"state": "cancel"})
    assert "completed" in refused["message"]
    (tmp_path / "mark").touch()
    await yard.ask("PATCH", f"{stages}/Long", 204, json={"state": "retry"})
    assert (await yard.ended(build))["result"] == "succeeded"
    assert await results(yard, build) == {"L": "succeeded", "S": "succeeded", "T": "succeeded"}


async def test_all_jobs_of_a_stage_run_again_where_that_is_asked(
    yard: Yard, shop: Path, tmp_path: Path
) -> None:
    build = await staged(yard, shop, tmp_path / "mark")
    await yard.ask("PATCH", f"builds/{build['id']}", json={"status": "cancelling"})
    stage = f"builds/{build['id']}/stages/Tidy"
    await yard.ask("PATCH", stage, 400, json={"state": "run"})
    await yard.ask("PATCH", stage, 400, json={"state": "retry", "forceRetryAllJobs": "soon"})
    await yard.ask("PATCH", stage, 204, json={"state": "retry", "forceRetryAllJobs": True})
    states = {one["name"]: one["state"] for one in await yard.records(build, "Job")}
    assert states == {"L": "completed", "S": "completed", "T": "pending"}


async def test_a_worker_that_missed_the_notice_hears_with_its_lease_what_to_stop(
    yard: Yard, shop: Path, tmp_path: Path
) -> None:
    build = await staged(yard, shop, tmp_path / "mark")
    call = Call(yard.server.installation)
    minute = timedelta(minutes=1)
    async with call.database.transaction() as connection:
        await workers.register(connection, NewWorker("one", "one", 1), minute)
        found = await builds.load(connection, build["id"])
    assert found
    [job] = found.jobs
    taker = Taker("one", Place("/somewhere/1", "one", 1), "token")
    assert await build_jobs.claim(call, BuildId(build["id"]), job.id, taker)
    for stage, stopped in (("Ship", set()), ("Long", {job.id})):
        path = f"builds/{build['id']}/stages/{stage}"
        await yard.ask("PATCH", path, 204, json={"state": "cancel"})
        async with call.database.transaction() as connection:
            assert (await workers.heartbeat(connection, "one", minute)).canceled == stopped
