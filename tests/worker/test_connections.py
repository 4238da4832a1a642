"""Jobs and gates are given the service connections that their tasks name, and no other."""

from base64 import b64decode
from uuid import UUID, uuid4

import pytest

from quaymaster.domain.connections import ConnectionId, ServiceConnection
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.release import Outcome
from quaymaster.runner.tasks.installed import installing
from quaymaster.runner.tasks.installed.directory import TaskDirectory
from quaymaster.store.resources import connections
from tests import make
from tests.connectors.far_side import answering, far_side
from tests.runner.installed_tasks import PUBLISH, built, libraries
from tests.worker.test_gates import gated
from tests.worker.test_running import task_of, text_of
from tests.worker.test_server_tasks import asks, on_server
from tests.worker.world import QUEUE, World, shell

pytestmark = pytest.mark.usefixtures("loopback_is_allowed")

PASSWORD = "p4ss-of;the]site"


async def connect(world: World, url: str, name: str = "Site") -> str:
    """A connection of the project with a user name and a password; its id."""
    made = ServiceConnection(
        ConnectionId(str(uuid4())),
        name,
        "generic",
        url,
        parameters={"username": "deployer"},
        secret_parameters={"password": PASSWORD},
        data={"site.region": "north"},
    )
    project = UUID(str(await world.execute("SELECT id FROM projects")))
    now = make.NOW
    async with world.installation.database.transaction() as connection:
        await connections.create(connection, world.installation.vault, project, made, None, now)
    return made.id


async def test_a_server_task_signs_in_through_its_connection(world: World) -> None:
    async with far_side(answering("{}")) as far:
        number = await connect(world, far.url + "/api")
        plan = on_server(asks("$(where)", urlSuffix="alerts"))
        release = await world.release(make.plan("Dev", Dev=plan), variables={"where": number})
        await world.worker()
        dev = await world.ended(release, "Dev")
        assert dev.outcome is Outcome.SUCCEEDED, await text_of(world, await task_of(world, release))
    assert far.asked[0].startswith("GET /api/alerts ")
    [sent] = [line for line in far.asked[0].split("\r\n") if line.startswith("Authorization")]
    assert b64decode(sent.rpartition(" ")[2]).decode() == f"deployer:{PASSWORD}"
    assert PASSWORD not in await text_of(world, await task_of(world, release))


async def test_a_gate_signs_in_through_its_connection(world: World) -> None:
    async with far_side(answering('{"open": 0}')) as far:
        await connect(world, far.url)
        quiet = asks("site", "Quiet", successCriteria="eq(root['open'], 0)")
        release = await world.release(make.plan("Dev", Dev=gated(quiet)))
        await world.worker()
        assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert "Authorization: Basic " in far.asked[0]


async def test_a_connection_that_is_not_there_fails_its_task_by_name(world: World) -> None:
    release = await world.release(make.plan("Dev", Dev=on_server(asks("Watch"))))
    await world.worker()
    assert (await world.ended(release, "Dev")).outcome is Outcome.PHASE_FAILED
    [issue] = (await task_of(world, release)).issues
    assert "no service connection 'Watch'" in issue.message


async def test_an_unmodified_node_task_gets_the_connection_that_it_names(world: World) -> None:
    modules = libraries()
    directory = TaskDirectory(world.home / "tasks")
    installing.install(directory, built("Publish", modules, world.home / "built"))
    await connect(world, "https://site.example.com")
    publish = TaskPlan(PUBLISH, "2.*", "Publish", inputs={"siteConnection": "Site"})
    unknown = TaskPlan(
        PUBLISH, "2.*", "Elsewhere", inputs={"connection": "Mirror"}, continue_on_error=True
    )
    seen = shell("env | grep -c ENDPOINT_URL_ || true", "Look")
    phase = make.phase(queue_id=QUEUE, tasks=(publish, unknown, seen), skip_artifacts=True)
    release = await world.release(make.plan("Dev", Dev={"phases": (phase,)}))
    await world.worker()
    dev = await world.ended(release, "Dev")
    steps = {step.name: step for step in await world.steps(release)}
    log = await text_of(world, steps["Publish"])
    assert dev.outcome is Outcome.PARTIALLY_SUCCEEDED, log
    assert '"url":"https://site.example.com"' in log
    assert f'"passwordLength":{len(PASSWORD)}' in log
    assert '"region":"north"' in log
    assert PASSWORD not in log
    assert "no service connection Mirror" in steps["Elsewhere"].issues[0].message
    assert " 0\n" in await text_of(world, steps["Look"])
