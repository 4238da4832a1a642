"""An environment gets its last success back when a deployment to it failed (SEMANTICS 8.11)."""

import json

from quaymaster.actions.call import Call
from quaymaster.actions.decisions import orchestrate
from quaymaster.actions.deployments.rollbacks import rollbacks
from quaymaster.domain.changes import JobClaimed, JobFinished
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import DeploymentReason, JobStatus, StageStatus
from tests.actions.office import Office

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
    from tests import documents  # noqa: PLC0415 - only the document is changed here

    document = documents.outlined("Dev")
    document["environments"][0]["environmentTriggers"] = [ROLLS_BACK]
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
    definition = await shop(office)
    good = await office.release("dora", definition)
    await work(office, good, JobStatus.SUCCEEDED)
    bad = await office.release("dora", definition)
    await work(office, bad, JobStatus.FAILED)
    failed = (await office.seen("ann", bad)).view.stages[0].attempts[-1].id
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
