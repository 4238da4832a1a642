"""Builds use only what whoever saved their definition may use (SEMANTICS 25.3)."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from quaymaster.actions.builds import queueing
from quaymaster.actions.builds.definitions import build_definitions
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call
from quaymaster.actions.jobs import build_jobs
from quaymaster.actions.jobs.takers import Taker, new_token
from quaymaster.actions.resources import connections
from quaymaster.domain.access import Permission
from quaymaster.domain.build import BuildId
from quaymaster.domain.connection_saving import ConnectionContent
from quaymaster.domain.connections import connection_token
from quaymaster.domain.errors import Forbidden, Refused
from quaymaster.plans.features import INVOKE_REST_API
from quaymaster.plans.job_message import Place
from quaymaster.protocol.job import SYSTEM_CONNECTION, RunJob
from quaymaster.store.builds import builds
from quaymaster.store.definitions.build_definitions import BuildDefinition
from tests.actions.office import Office
from tests.apis.azure.build.asking import definition
from tests.builds.test_phases import phase, task
from tests.gits import commit, repository

PROD = ConnectionContent(
    "Prod",
    "Generic",
    "https://prod.example/api",
    parameters={"username": "quay", "password": "hunter2!"},
)
DENIED = Permission.EDIT_RELEASE_DEFINITION
CI = """
pool: server
steps: [{task: InvokeRESTAPI@1, displayName: Ask, inputs: {serviceConnection: WORD}}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = repository(tmp_path / "shop")
    commit(place, "page.txt", "one")
    return place


@pytest.fixture
async def prod(office: Office) -> str:
    """Ann's connection `Prod`, which Emma may not use."""
    number = (await connections.create(await office.call("ann"), PROD)).connection.id
    await office.hire("emma", "Contributors")
    await deny(office, "emma", number)
    return number


async def deny(office: Office, who: str, number: str) -> None:
    project = str((await office.call("ann")).project_id)
    await office.grant(who, connection_token(project, number), deny=DENIED)


def asking(word: str, name: str = "CI", **changes: Any) -> dict[str, Any]:
    """A definition without sources whose one task names a connection."""
    ask = task(INVOKE_REST_API, "Ask", serviceConnection=word, method="GET")
    job = phase("Job", ask, target={"type": 2})
    return definition(
        name, **{"process": {"type": 1, "phases": [job]}, "repository": None, **changes}
    )


def at(place: Path | str, word: str) -> dict[str, Any]:
    """A repository with the connection that signs in to it."""
    named = {"properties": {"connectedServiceId": word}}
    return {"type": "Git", "id": "web", "name": "web", "url": str(place), **named}


async def create(office: Office, who: str, document: dict[str, Any]) -> BuildDefinition:
    return await build_definitions.create(await office.call(who), document)


async def changed(
    office: Office, who: str, before: BuildDefinition, **changes: Any
) -> BuildDefinition:
    found = await build_definitions.get(await office.call("ann"), before.id)
    document = {**msgspec.json.decode(found.document), "revision": found.revision, **changes}
    return await build_definitions.update(await office.call(who), before.id, document)


async def queued(office: Office, made: BuildDefinition, **changes: Any) -> BuildId:
    return await queueing.queue(await office.call("ann"), BuildRequest(made.id, **changes))


async def told(office: Office, number: BuildId) -> RunJob:
    """What a worker is told of the one job of a build."""
    call = Call(office.installation, None, None, (await office.call("ann")).now)
    async with call.database.read() as connection:
        build = await builds.load(connection, number)
    assert build
    taker = Taker("one", Place("/somewhere/1", "one-1", 5), new_token())
    taken = await build_jobs.claim(call, number, build.jobs[0].id, taker)
    assert taken
    return taken.message


def named(message: RunJob) -> set[str]:
    """The connections that the tasks of a job find."""
    return {one.name for one in message.endpoints if one.id != SYSTEM_CONNECTION}


@pytest.mark.parametrize("word", ["prod", "the id"])
async def test_a_task_names_only_what_its_author_may_use(
    office: Office, prod: str, word: str
) -> None:
    word = prod if word == "the id" else word
    said = "Emma .*service connection Prod, which task Ask of job Job names"
    with pytest.raises(Forbidden, match=said):
        await create(office, "emma", asking(word))
    assert await office.rows("build_definitions") == 0
    made = await create(office, "dora", asking("Other"))
    with pytest.raises(Forbidden, match=said):
        await changed(office, "emma", made, process=asking(word)["process"])
    used = await changed(office, "dora", made, process=asking(word)["process"])
    assert (await changed(office, "emma", used, comment="about something else")).revision == 3
    assert named(await told(office, await queued(office, made))) == {"Prod"}


async def test_the_steps_of_a_definition_of_old_are_no_way_around_it(
    office: Office, prod: str
) -> None:
    steps = [task(INVOKE_REST_API, "Ask", serviceConnection=prod)]
    old = {key: value for key, value in asking("").items() if key != "process"}
    with pytest.raises(Forbidden, match="service connection Prod, which task Ask"):
        await create(office, "emma", {**old, "build": steps})
    made = await create(office, "dora", {**old, "build": steps})
    number = await queued(office, made, lets_pass=True)
    assert named(await told(office, number)) == {"Prod"}


async def test_a_repository_is_signed_in_to_only_by_who_may_use_its_connection(
    office: Office, prod: str
) -> None:
    said = "service connection Prod, which the repository names"
    hers = at("https://emma.example/web.git", prod)
    with pytest.raises(Forbidden, match=said):
        await create(office, "emma", asking("", repository=hers))
    made = await create(office, "dora", asking("", repository=at("https://prod.example/w", prod)))
    assert (await changed(office, "emma", made, comment="about something else")).revision == 2
    with pytest.raises(Forbidden, match=said):  # what signs in would go to another place
        await changed(office, "emma", made, repository=hers)
    with pytest.raises(Forbidden, match="which task Ask of job Job names"):
        await changed(office, "emma", made, process=asking("Prod")["process"])


async def test_a_name_out_of_a_variable_counts_while_whoever_saved_last_may_use_it(
    office: Office, prod: str
) -> None:
    where = {"where": {"value": "Prod"}}
    mine = await create(office, "dora", asking("$(where)", variables=where))
    hers = await create(office, "emma", asking("$(where)", "Hers", variables=where))
    assert named(await told(office, await queued(office, hers))) == set()
    before = await queued(office, mine)
    assert named(await told(office, await queued(office, mine))) == {"Prod"}
    await deny(office, "dora", prod)
    assert named(await told(office, before)) == set()


async def test_a_yaml_file_names_only_what_whoever_saved_the_definition_may_use(
    office: Office, prod: str, shop: Path
) -> None:
    version = commit(shop, "ci.yml", CI.replace("WORD", "Prod"))
    process = {"type": 2, "yamlFilename": "ci.yml"}
    yaml = {"process": process, "repository": at(shop, "")}
    mine = await create(office, "dora", definition("Mine", **yaml))
    hers = await create(office, "emma", definition("Hers", **yaml))
    said = "Task Ask of job Job names the service connection Prod, .* saved the pipeline Hers last"
    with pytest.raises(Refused, match=said):
        await queued(office, hers, source_version=version)
    number = await queued(office, mine, source_version=version)
    assert named(await told(office, number)) == {"Prod"}
    again = await queued(office, mine, source_version=version)
    await deny(office, "dora", prod)
    assert named(await told(office, again)) == set()
    with pytest.raises(Refused, match="Prod"):
        await queued(office, mine, source_version=version)


async def test_what_signs_in_to_the_sources_is_for_the_checkout_alone(
    office: Office, prod: str, shop: Path
) -> None:
    """Also where a variable of a task means it."""
    where = {"where": {"value": "Prod"}}
    ask = task(INVOKE_REST_API, "Ask", serviceConnection="$(where)")
    process = {"type": 1, "phases": [phase("Job", ask, target={"type": 1})]}
    asked = definition("CI", process=process, repository=at(shop, prod), variables=where)
    made = await create(office, "dora", asked)
    await deny(office, "dora", prod)
    message = await told(office, await queued(office, made, lets_pass=True))
    assert named(message) == set()
    assert [one.name for one in message.source_endpoints] == ["Prod"]
    assert message.checkout
    assert message.checkout.connection == prod
