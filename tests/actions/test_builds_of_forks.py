"""What strangers propose is built without anything that is secret (SEMANTICS 23.10)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.builds import builds
from quaymaster.actions.call import Call
from quaymaster.actions.resources import connections
from quaymaster.actions.triggers import build_triggering
from quaymaster.domain.build import BuildId
from quaymaster.domain.pushes import Push, PushKind, repository_key
from quaymaster.plans.features import INVOKE_REST_API
from quaymaster.protocol.job import SYSTEM_CONNECTION, RunJob
from tests.actions.office import Office
from tests.actions.test_connections_of_builds import CI, PROD, at, create, told
from tests.apis.azure.build.asking import definition, step
from tests.builds.test_phases import phase, task
from tests.gits import commit, repository

MERGE = "refs/pull/7/merge"
EVERYTHING = {"enabled": True, "allowSecrets": True}
OUR_SCRIPTS = {"type": 1, "allowScriptsAuthAccessOption": True}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = repository(tmp_path / "shop")
    commit(place, "page.txt", "one")
    return place


def system(office: Office) -> Call:
    return Call(office.installation, None, None, datetime.now(UTC))


def proposals(**forks: bool) -> dict[str, Any]:
    filters = {"branchFilters": ["+refs/heads/main"], "pathFilters": []}
    return {"triggerType": "pullRequest", **filters, "forks": forks}


def checked(place: Path, **forks: bool) -> dict[str, Any]:
    """A build with a connection for its sources, one for a task, and a token for its scripts."""
    ask = task(INVOKE_REST_API, "Ask", serviceConnection="Prod", method="GET")
    process = {"type": 1, "phases": [phase("Job", step(), ask, target=OUR_SCRIPTS)]}
    sources = at(place, "Prod")
    return definition("Check", process=process, repository=sources, triggers=[proposals(**forks)])


async def proposed(office: Office, place: Path, version: str, *, is_fork: bool = True) -> RunJob:
    """What a worker is told of the build of a pull request."""
    push = Push(
        (repository_key(str(place)),),
        MERGE,
        version,
        kind=PushKind.PULL_REQUEST,
        target="main",
        number=7,
        is_fork=is_fork,
    )
    assert await build_triggering.pushed(system(office), push) == 1
    return await told(office, await newest(office))


async def newest(office: Office) -> BuildId:
    async with office.installation.database.read() as connection:
        return BuildId(await connection.fetchval("SELECT max(id) FROM builds"))


def named(message: RunJob) -> dict[str, str]:
    """What authenticates at each connection of a job, by its name."""
    return {one.name: "".join(one.parameters.values()) for one in message.endpoints}


def token_of(message: RunJob) -> str:
    [found] = [one for one in message.endpoints if one.id == SYSTEM_CONNECTION]
    return found.parameters["AccessToken"]


def variables(message: RunJob) -> set[str]:
    return {one.name for one in message.variables}


async def test_a_forks_build_gets_no_connection_and_no_token_but_what_its_checkout_needs(
    office: Office, shop: Path
) -> None:
    await connections.create(await office.call("ann"), PROD)
    await create(office, "ann", checked(shop, enabled=True))
    ours = await proposed(office, shop, commit(shop, "page.txt", "ours"), is_fork=False)
    assert token_of(ours)
    assert "Prod" in named(ours)
    assert "System.AccessToken" in variables(ours)
    theirs = await proposed(office, shop, commit(shop, "page.txt", "theirs"))
    assert named(theirs) == {"SystemVssConnection": ""}
    assert "System.AccessToken" not in variables(theirs)
    assert [one.name for one in theirs.source_endpoints] == ["Prod"]
    assert theirs.checkout
    assert theirs.checkout.of_strangers
    assert theirs.workspace != ours.workspace


async def test_a_definition_may_trust_forks_with_its_secrets(office: Office, shop: Path) -> None:
    await connections.create(await office.call("ann"), PROD)
    await create(office, "ann", checked(shop, **EVERYTHING))
    theirs = await proposed(office, shop, commit(shop, "page.txt", "theirs"))
    assert token_of(theirs)
    assert "Prod" in named(theirs)
    assert theirs.checkout
    assert not theirs.checkout.of_strangers


async def test_the_file_that_a_fork_brings_opens_no_connection(office: Office, shop: Path) -> None:
    await connections.create(await office.call("ann"), PROD)
    yaml = {"process": {"type": 2, "yamlFilename": "ci.yml"}, "repository": at(shop, "")}
    triggers = [proposals(enabled=True)]
    await create(office, "ann", definition("CI", triggers=triggers, **yaml))
    version = commit(shop, "ci.yml", CI.replace("WORD", "Prod"))
    assert named(await proposed(office, shop, version)) == {"SystemVssConnection": ""}


@pytest.mark.parametrize("is_same", [True, False])
async def test_a_build_after_that_of_a_fork_is_trusted_only_with_other_sources(
    office: Office, shop: Path, tmp_path: Path, is_same: bool
) -> None:
    await connections.create(await office.call("ann"), PROD)
    other = repository(tmp_path / "other")
    commit(other, "page.txt", "one")
    first = await create(office, "ann", checked(shop, enabled=True))
    after = {"triggerType": "buildCompletion", "definition": {"id": first.id}}
    after |= {"requiresSuccessfulBuild": False, "branchFilters": ["+*", "+refs/pull/*"]}
    follows = checked(shop if is_same else other)
    await create(office, "ann", {**follows, "name": "After", "triggers": [after]})
    await proposed(office, shop, commit(shop, "page.txt", "theirs"))
    number = await newest(office)
    await builds.cancel(await office.call("ann"), number)
    assert await build_triggering.completed(system(office), number) == 1
    message = await told(office, await newest(office))
    assert bool(token_of(message)) is not is_same
    assert ("Prod" in named(message)) is not is_same
