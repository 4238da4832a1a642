"""An environment gets its last success back when a deployment to it failed (SEMANTICS 8.11)."""

import asyncio
import json

from quaymaster.actions.call import Call
from quaymaster.actions.decisions import orchestrate
from quaymaster.actions.deployments.rollbacks import rollbacks
from quaymaster.domain.changes import DeploymentRequested, JobClaimed, JobFinished
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import DeploymentReason, JobStatus, StageStatus
from quaymaster.store.definitions.definitions import Definition
from tests import documents
from tests.actions.office import Office
from tests.server.locks import waits_for

ROLLS_BACK = {
    "triggerType": "rollbackRedeploy",
    "triggerContent": json.dumps(
        {
            "action": "LatestSuccessfulDeployment",
            "eventTypes": ["MS.TF.DistributedTask.DeploymentFailed"],
        }
    ),
}


async def shop(office: Office):
    document = documents.outlined("Dev")
    document["environments"][0]["environmentTriggers"] = [ROLLS_BACK]
    document["environments"][0]["executionPolicy"] = {"concurrencyCount": 0, "queueDepthCount": 0}
    return await office.define("ann", environments=document["environments"])


async def work(office: Office, release: ReleaseId, status: JobStatus) -> None:
    """The newest attempt's only job runs and ends like this."""
    await office.settle()
    call = Call(office.installation)
    found = await office.seen("ann", release)
    [job] = found.view.stages[0].attempts[-1].phases[0].jobs
    await orchestrate.happen(call, release, JobClaimed(job.id, "worker", "token"))
    await orchestrate.happen(call, release, JobFinished(job.id, "token", status))


async def answered(office: Office) -> list[bool]:
    async with office.installation.database.read() as connection:
        rows = await connection.fetch("SELECT id FROM deployments WHERE wants_rollback")
    return [await rollbacks.roll_back(Call(office.installation), row["id"]) for row in rows]


async def test_the_release_before_is_deployed_again(office: Office):
    definition = await shop(office)
    good = await office.release("dora", definition)
    await work(office, good, JobStatus.SUCCEEDED)
    bad = await office.release("dora", definition)
    await work(office, bad, JobStatus.FAILED)
    assert await answered(office) == [True]
    again = (await office.seen("ann", good)).view.stages[0]
    assert again.attempts[-1].reason is DeploymentReason.REDEPLOY_TRIGGER
    assert again.attempts[-1].attempt == 2


async def test_a_failed_attempt_is_answered_once(office: Office):
    _, _, failed = await failed_after_a_success(office)
    assert await rollbacks.roll_back(Call(office.installation), failed)
    assert not await rollbacks.roll_back(Call(office.installation), failed)


async def test_without_a_success_before_nothing_starts(office: Office):
    bad = await office.release("dora", await shop(office))
    await work(office, bad, JobStatus.FAILED)
    assert await answered(office) == [False]


async def test_a_rollback_that_fails_starts_no_other(office: Office):
    definition = await shop(office)
    good = await office.release("dora", definition)
    await work(office, good, JobStatus.SUCCEEDED)
    bad = await office.release("dora", definition)
    await work(office, bad, JobStatus.FAILED)
    await answered(office)
    await work(office, good, JobStatus.FAILED)
    assert await answered(office) == []
    assert (await office.seen("ann", good)).view.stages[0].status is StageStatus.REJECTED


async def failed_after_a_success(office: Office) -> tuple[Definition, ReleaseId, int]:
    """The release that worked, and the attempt of the next one, which did not."""
    definition = await shop(office)
    good = await office.release("dora", definition)
    await work(office, good, JobStatus.SUCCEEDED)
    bad = await office.release("dora", definition)
    await work(office, bad, JobStatus.FAILED)
    failed = (await office.seen("ann", bad)).view.stages[0].attempts[-1].id
    assert failed is not None
    return definition, good, failed


async def asked_for_again(office: Office, release: ReleaseId) -> DeploymentRequested:
    """What somebody sends to deploy it once more."""
    stage = (await office.seen("ann", release)).view.stages[0]
    by = (await office.call("dora")).by
    return DeploymentRequested(stage.id, by, by, DeploymentReason.MANUAL)


async def test_what_else_is_under_way_is_canceled_first(office: Office):
    definition = await shop(office)
    good = await office.release("dora", definition)
    await work(office, good, JobStatus.SUCCEEDED)
    waiting = await office.release("dora", definition)
    bad = await office.release("dora", definition)
    await work(office, bad, JobStatus.FAILED)
    assert await answered(office) == [True]
    assert (await office.seen("ann", waiting)).view.stages[0].status is StageStatus.CANCELED
    assert (await office.seen("ann", good)).view.stages[0].attempts[-1].attempt == 2


async def test_a_deployment_that_was_asked_for_meanwhile_is_waited_for_and_wins(office: Office):
    _, good, failed = await failed_after_a_success(office)
    call, asked = await office.call("dora"), await asked_for_again(office, good)
    async with office.installation.database.transaction() as connection:
        await orchestrate.happen_within(connection, call, good, asked)
        rollback = asyncio.create_task(rollbacks.roll_back(Call(office.installation), failed))
        await waits_for(connection, rollback)
    assert not await rollback
    after = (await office.seen("ann", good)).view.stages[0]
    assert [one.reason for one in after.attempts][1:] == [DeploymentReason.MANUAL]


async def test_while_the_target_itself_is_stopping_the_failure_stays_unanswered(office: Office):
    definition, good, failed = await failed_after_a_success(office)
    assert await rollbacks.roll_back(Call(office.installation), failed)
    [job] = (await office.seen("ann", good)).view.stages[0].attempts[-1].phases[0].jobs
    call = Call(office.installation)
    await orchestrate.happen(call, good, JobClaimed(job.id, "worker", "token"))
    worse = await office.release("dora", definition)
    await work(office, worse, JobStatus.FAILED)
    assert await answered(office) == [False]
    await orchestrate.happen(call, good, JobFinished(job.id, "token", JobStatus.CANCELED))
    assert await answered(office) == [True]


async def test_an_environment_that_was_deleted_gets_nothing_back(office: Office):
    await failed_after_a_success(office)
    async with office.installation.database.transaction() as connection:
        await connection.execute("UPDATE environments SET is_deleted = true")
    assert await answered(office) == [False]
    assert await answered(office) == []
    async with office.installation.database.read() as connection:
        said = await connection.fetchval(
            "SELECT comment FROM history WHERE kind = $1", rollbacks.REFUSED
        )
    assert said == rollbacks.IS_GONE
