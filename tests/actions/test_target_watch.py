"""Targets that join a deployment group get what its stages have deployed (SEMANTICS 8.11)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen, happen_within
from quaymaster.actions.jobs.jobs import End, Taker, claim, new_token
from quaymaster.actions.jobs.jobs import finish as finish_job
from quaymaster.actions.resources import deployment_groups
from quaymaster.actions.triggers import target_watch
from quaymaster.domain.changes import DeploymentRequested, JobClaimed, JobFinished
from quaymaster.domain.release import Deployment, ReleaseId
from quaymaster.domain.statuses import DeploymentReason, JobStatus
from quaymaster.plans.job_message import Place
from quaymaster.store.releases import releases
from quaymaster.store.resources import targets, workers
from quaymaster.store.resources.workers import NewWorker
from tests import documents
from tests.actions.office import Office
from tests.store.build import until_somebody_waits_for_a_lock

TRIGGER = {
    "triggerType": "deploymentGroupRedeploy",
    "triggerContent": '{"action":"LatestSuccessfulDeployment","eventTypes":[]}',
}


@pytest.fixture
async def group(office: Office) -> int:
    made = await deployment_groups.create(await office.call("ann"), "Web", "")
    return made.id


async def join(office: Office, group: int, name: str, *tags: str) -> int:
    """A machine in the group with a worker that lives."""
    async with office.installation.database.transaction() as connection:
        target = await targets.join(connection, group, name, tags, datetime.now(UTC))
        pool = await connection.fetchval(
            "SELECT pool_id FROM deployment_groups WHERE id = $1", group
        )
        new = NewWorker(f"worker-{target}", name, pool, target_id=target)
        await workers.register(connection, new, timedelta(hours=1))
    return target


async def deployed(office: Office, group: int, **stage: object) -> ReleaseId:
    """A release that was deployed to the targets with the tag web."""
    phase = documents.phase(
        [documents.bash("true")],
        phaseType="machineGroupBasedDeployment",
        deploymentInput={"queueId": group, "tags": ["web"], "healthPercent": 0},
    )
    made = documents.stage("Dev", deployPhases=[phase], **stage)
    definition = await office.define("ann", environments=[made])
    release = await office.release("dora", definition)
    await finish(office, release)
    return release


async def newest(office: Office, release: ReleaseId) -> Deployment:
    await office.settle()
    async with office.installation.database.read() as connection:
        found = await releases.load(connection, release)
    assert found
    assert found.stages[0].newest
    return found.stages[0].newest


async def finish(office: Office, release: ReleaseId) -> None:
    """Let every job of the newest attempt succeed."""
    while not (attempt := await newest(office, release)).is_ended:
        job = next(job for job in attempt.jobs if not job.status.is_ended)
        token = new_token()
        call = Call(office.installation)
        await happen(call, release, JobClaimed(job.id, "somebody", token))
        await happen(call, release, JobFinished(job.id, token, JobStatus.SUCCEEDED))


async def answered(office: Office) -> int:
    return await target_watch.answer_arrivals(Call(office.installation))


async def test_a_new_target_gets_the_last_success_alone(office: Office, group: int):
    await join(office, group, "web-1", "web")
    release = await deployed(office, group, environmentTriggers=[TRIGGER])
    assert await answered(office) == 0
    second = await join(office, group, "web-2", "web")
    assert await answered(office) == 1
    attempt = await newest(office, release)
    assert (attempt.attempt, attempt.reason) == (2, DeploymentReason.REDEPLOY_TRIGGER)
    assert [job.target for job in attempt.jobs] == [second]
    assert await answered(office) == 0


async def test_arrivals_wait_for_the_attempt_under_way(office: Office, group: int):
    await join(office, group, "web-1", "web")
    release = await deployed(office, group, environmentTriggers=[TRIGGER])
    await join(office, group, "web-2", "web")
    await join(office, group, "web-3", "web")
    assert await answered(office) == 1
    assert await answered(office) == 0
    await finish(office, release)
    assert await answered(office) == 1
    await finish(office, release)
    assert [job.name for job in (await newest(office, release)).jobs] == ["web-3"]


async def test_an_arrival_waits_for_an_attempt_that_begins_at_that_moment(
    office: Office, group: int
):
    await join(office, group, "web-1", "web")
    release = await deployed(office, group, environmentTriggers=[TRIGGER])
    await join(office, group, "web-2", "web")
    async with office.installation.database.read() as connection:
        found = await releases.load(connection, release)
        [arrival] = await targets.arrivals(connection)
    assert found
    again = DeploymentRequested(
        found.stages[0].id, by=None, requested_for=None, reason=DeploymentReason.MANUAL
    )
    call = Call(office.installation)
    async with call.database.transaction() as connection:
        await happen_within(connection, call, release, again)
        looking = asyncio.create_task(target_watch.answer(Call(office.installation), arrival))
        await until_somebody_waits_for_a_lock(connection)
    assert not await looking
    await finish(office, release)
    assert await answered(office) == 1


async def test_new_tags_count_where_they_make_a_difference(office: Office, group: int):
    await join(office, group, "web-1", "web")
    other = await join(office, group, "other")
    release = await deployed(office, group, environmentTriggers=[TRIGGER])
    ann = await office.call("ann")
    await deployment_groups.tag_targets(ann, group, {other: ["db"]})
    assert await answered(office) == 0
    await deployment_groups.tag_targets(ann, group, {other: ["db", "WEB"]})
    assert await answered(office) == 1
    assert [job.name for job in (await newest(office, release)).jobs] == ["other"]


async def test_without_the_trigger_nothing_is_deployed(office: Office, group: int):
    await join(office, group, "web-1", "web")
    release = await deployed(office, group)
    await join(office, group, "web-2", "web")
    assert await answered(office) == 0
    assert (await newest(office, release)).attempt == 1


async def test_a_job_of_a_target_that_was_removed_fails(office: Office, group: int):
    first = await join(office, group, "web-1", "web")
    phase = documents.phase(
        [documents.bash("true")],
        phaseType="machineGroupBasedDeployment",
        deploymentInput={"queueId": group, "tags": ["web"]},
    )
    made = documents.stage("Dev", deployPhases=[phase])
    release = await office.release("dora", await office.define("ann", environments=[made]))
    assert (await newest(office, release)).jobs[0].status is JobStatus.WAITING
    await deployment_groups.delete_target(await office.call("ann"), group, first)
    call = Call(office.installation)
    assert await target_watch.fail_deserted_jobs(call) == 0
    assert await target_watch.fail_deserted_jobs(call, timedelta(0)) == 1
    attempt = await newest(office, release)
    assert "has not come back" in attempt.jobs[0].error
    assert attempt.is_ended


async def test_a_target_goes_on_with_no_job_of_a_pool(office: Office, group: int):
    """The group may have the number of an agent queue."""
    await join(office, group, "web-1", "web")
    on_targets = documents.phase(
        [documents.bash("true")],
        phaseType="machineGroupBasedDeployment",
        deploymentInput={"queueId": group, "tags": ["web"]},
    )
    on_agents = documents.phase(
        [documents.bash("true")], rank=2, deploymentInput={"queueId": group}
    )
    made = documents.stage("Dev", deployPhases=[on_targets, on_agents])
    release = await office.release("dora", await office.define("ann", environments=[made]))
    [job] = (await newest(office, release)).jobs
    call = Call(office.installation)
    asked = Taker("worker-1", Place("/tmp", "web-1"), new_token())
    taken = await claim(call, release, job.id, asked)
    assert taken is not None
    other = Taker("worker-1", Place("/tmp", "web-1"), new_token())
    finished = await finish_job(call, taken.held, End(JobStatus.SUCCEEDED), other)
    assert (finished.is_done, finished.following) == (True, None)
    assert (await newest(office, release)).jobs[1].status is JobStatus.WAITING
