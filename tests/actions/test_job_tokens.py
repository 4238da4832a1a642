"""The token of a job: made for it, good for its project only, and gone with it."""

from datetime import timedelta

import pytest

from quaymaster.actions.call import Caller, Installation
from quaymaster.actions.jobs import jobs
from quaymaster.actions.jobs.jobs import End, Taken, Taker, new_token
from quaymaster.actions.people import people
from quaymaster.domain.access import Permission
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.plans.job_message import Place
from tests import make
from tests.store import build
from tests.worker.world import World, phase


@pytest.fixture
def world(world: World) -> World:
    """The same, with the vault that the builders of releases seal with."""
    before = world.installation
    world.installation = Installation(
        before.database, build.VAULT, before.files, before.outside, "http://here"
    )
    return world


async def taken(world: World, release: ReleaseId) -> Taken:
    deployment = await world.deployment(release, "Dev")
    assert deployment is not None
    [job] = deployment.jobs
    found = await jobs.claim(
        world.call(), release, job.id, Taker("one", Place("/somewhere/1", "one-1", 5), new_token())
    )
    assert found is not None
    return found


def token_of(job: Taken) -> str:
    [system] = job.message.endpoints
    return system.parameters["AccessToken"]


async def signed_in(world: World, token: str, *, later: timedelta = timedelta(0)) -> Caller | None:
    call = world.call()
    return await people.sign_in(call.database, token, call.now + later)


async def with_token(world: World, **changes: object) -> Taken:
    plan = make.plan("Dev", Dev=phase("true", access_token=True, **changes))
    return await taken(world, await world.release(plan))


async def test_a_phase_that_does_not_ask_has_no_token(world: World) -> None:
    job = await taken(world, await world.release(make.plan("Dev", Dev=phase("true"))))
    assert token_of(job) == ""
    assert "System.AccessToken" not in {v.name for v in job.message.variables}


async def test_the_token_is_a_secret_variable_and_that_of_the_system_connection(
    world: World,
) -> None:
    job = await with_token(world)
    variables = {variable.name: variable for variable in job.message.variables}
    assert variables["System.AccessToken"].value == token_of(job) != ""
    assert variables["System.AccessToken"].is_secret
    assert variables["System.EnableAccessToken"].value == "True"
    assert token_of(job) not in repr(job)


async def test_the_token_may_read_its_project_and_change_nothing(world: World) -> None:
    caller = await signed_in(world, token_of(await with_token(world)))
    assert caller is not None
    project = caller.only_project
    assert project is not None
    assert caller.unique_name == f"Build\\{project}"
    granted = {grant.token: grant.allow for grant in caller.grants}
    assert granted == {project: Permission.VIEW_RELEASE_DEFINITION | Permission.VIEW_RELEASES}


async def test_the_jobs_of_a_project_share_one_identity(world: World) -> None:
    first = await signed_in(world, token_of(await with_token(world)))
    second = await signed_in(world, token_of(await with_token(world)))
    assert first is not None
    assert second is not None
    assert first.id == second.id


async def test_the_token_ends_with_its_job_and_no_other(world: World) -> None:
    job, other = await with_token(world), await with_token(world)
    done = await jobs.finish(world.call(), job.held, End(JobStatus.SUCCEEDED))
    assert done.is_done
    assert await signed_in(world, token_of(job)) is None
    assert await signed_in(world, token_of(other)) is not None


async def test_the_token_of_a_job_that_is_lost_ends_some_time_after_its_limit(
    world: World,
) -> None:
    job = await with_token(world, timeout=timedelta(minutes=30))
    assert await signed_in(world, token_of(job), later=timedelta(minutes=89)) is not None
    assert await signed_in(world, token_of(job), later=timedelta(minutes=91)) is None


async def test_what_a_task_may_beyond_is_for_administrators_to_say(world: World) -> None:
    token = token_of(await with_token(world))
    caller = await signed_in(world, token)
    assert caller is not None
    database = world.installation.database
    async with database.read() as connection:
        project = await connection.fetchval(
            "SELECT name FROM projects WHERE id::text = $1", caller.only_project
        )
    await people.add_to_group(database, "Contributors", caller.unique_name, project)
    now = await signed_in(world, token)
    assert now is not None
    assert any(Permission.MANAGE_RELEASES in grant.allow for grant in now.grants)
