"""One release as it is shown: all attempts, approvals with their history, jobs and steps."""

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.release import Release
from quaymaster.domain.statuses import JobStatus, StageStatus
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import releases, views
from tests import make
from tests.store import build


async def happened(connection: Connection, release: Release, *events: c.Event) -> Release:
    for event in events:
        after, _ = decide(release, event, make.NOW)
        release = await releases.save(connection, release, after)
    return release


async def test_all_attempts_of_a_stage_are_shown(database):
    async with database.transaction() as connection:
        definition_id = await build.definition(connection)
        release = await build.release(connection, definition_id)
        release = await happened(connection, release, c.Activated(make.CREATOR))
        job = release.stages[0].newest.jobs[0]
        release = await happened(
            connection,
            release,
            c.JobClaimed(job.id, "w1", "t1"),
            c.JobFinished(job.id, "t1", JobStatus.FAILED, "no such host"),
        )
        stage = release.stages[0]
        again = c.DeploymentRequested(stage.id, make.CREATOR, make.CREATOR, "manual")
        release = await happened(connection, release, again)
        view = await views.get(connection, None, release.id)
    assert [attempt.attempt for attempt in view.stages[0].attempts] == [1, 2]
    assert view.stages[0].attempts[0].phases[0].jobs[0].error == "no such host"
    assert view.stages[0].status is StageStatus.IN_PROGRESS
    assert view.stages[0].plan == release.plan.stages[0]
    assert view.head.definition_name == "Web"
