"""Which pushes queue builds: batches, triggers of YAML files, the order of the queue."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from quaymaster.actions.builds import builds, queueing
from quaymaster.actions.builds.definitions import build_definitions
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call
from quaymaster.actions.jobs import build_jobs
from quaymaster.actions.jobs.takers import Taker, new_token
from quaymaster.actions.triggers import build_triggering, pushes, watched_repositories
from quaymaster.domain.build import BuildId
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.domain.predefined import SERVICE
from quaymaster.domain.pushes import Push, repository_key
from quaymaster.domain.release import JobId
from quaymaster.plans.job_message import Place
from quaymaster.store.builds import builds as build_rows
from quaymaster.store.builds import edits
from quaymaster.store.jobs import jobs
from quaymaster.store.storage.vault import VaultError
from quaymaster.store.triggers import pushes as rows
from tests.actions.office import Office
from tests.apis.azure.build.asking import definition, step
from tests.builds.test_phases import DELAY, phase, task
from tests.gits import commit, repository

MAIN = "refs/heads/main"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = repository(tmp_path / "shop")
    commit(place, "page.txt", "one")
    return place


async def defined(office: Office, place: Path, name: str = "CI", **changes: Any) -> int:
    """A build of this repository that waits without any worker."""
    waits = phase("Wait", task(DELAY, "Wait", delayForMinutes="60"), target={"type": 2})
    document = definition(
        name,
        process={"type": 1, "phases": [waits]},
        repository={"type": "Git", "id": str(place), "name": "web", "url": str(place)},
    )
    made = await build_definitions.create(await office.call("ann"), {**document, **changes})
    return int(made.id)


def ci(**changes: Any) -> dict[str, Any]:
    return {"triggerType": "continuousIntegration", "branchFilters": ["+main"], **changes}


async def pushed(office: Office, place: Path, after: str, ref: str = MAIN, **more: Any) -> bool:
    """Whether a push that was told of is done with."""
    call = Call(office.installation, None, None, (await office.call("ann")).now)
    push = Push((repository_key(str(place)),), ref, after, **more)
    async with office.installation.database.transaction() as connection:
        [number] = await rows.tell(connection, None, [push], call.now)
    return await pushes.answer(call, number)


async def answered_later(office: Office) -> list[bool]:
    """What waited is looked at again."""
    call = Call(office.installation, None, None, (await office.call("ann")).now)
    async with office.installation.database.read() as connection:
        waiting = [row["id"] for row in await connection.fetch("SELECT id FROM pushes ORDER BY id")]
    return [await pushes.answer(call, number) for number in waiting]


async def built(office: Office) -> list[tuple[str, str]]:
    """Reason and commit of every build, oldest first."""
    async with office.installation.database.read() as connection:
        found = await connection.fetch("SELECT reason, source_version FROM builds ORDER BY id")
    return [(row["reason"], row["source_version"]) for row in found]


async def cancel_newest(office: Office) -> None:
    async with office.installation.database.read() as connection:
        running = await connection.fetchval("SELECT max(id) FROM builds")
    await builds.cancel(await office.call("ann"), running)


async def test_a_batch_builds_the_newest_of_what_came_while_a_build_ran(
    office: Office, shop: Path
) -> None:
    await defined(office, shop, triggers=[ci(batchChanges=True)])
    first = commit(shop, "page.txt", "two")
    assert await pushed(office, shop, first)
    assert await built(office) == [("batchedCI", first)]
    second, third = (commit(shop, "page.txt", text) for text in ("three", "four"))
    assert not await pushed(office, shop, second)
    assert not await pushed(office, shop, third)
    assert await answered_later(office) == [False, False]
    await cancel_newest(office)
    assert await answered_later(office) == [True, False]
    assert await built(office) == [("batchedCI", first), ("batchedCI", third)]
    await cancel_newest(office)
    assert await answered_later(office) == [True]
    assert len(await built(office)) == 2


async def test_so_many_builds_of_a_branch_may_be_under_way_in_a_batch(
    office: Office, shop: Path
) -> None:
    await defined(office, shop, triggers=[ci(batchChanges=True, maxConcurrentBuildsPerBranch=2)])
    told = [await pushed(office, shop, commit(shop, "page.txt", str(n))) for n in range(3)]
    assert told == [True, True, False]


YAML = """
trigger: {branches: {include: [main]}, paths: {exclude: [docs]}}
pool: server
steps: [{task: Delay@1, inputs: {delayForMinutes: 60}}]
"""


async def test_a_yaml_file_says_what_is_built_unless_its_definition_does(
    office: Office, shop: Path
) -> None:
    process = {"process": {"type": 2, "yamlFilename": "ci.yml"}}
    in_file = [{**ci(branchFilters=[]), "settingsSourceType": 2}]
    await defined(office, shop, "In file", triggers=in_file, **process)
    await defined(office, shop, "Own", triggers=[ci(branchFilters=["+topic"])], **process)
    without = commit(shop, "page.txt", "two")
    with capture_logs() as said:  # there is no such file yet; every push is told of twice
        for ref in (MAIN, MAIN, "refs/heads/other"):
            assert await pushed(office, shop, without, ref)
    assert [one["event"] for one in said].count("a YAML file triggers nothing") == 1
    asking = commit(shop, "ci.yml", YAML)
    assert await pushed(office, shop, asking)
    assert await pushed(office, shop, asking, "refs/heads/other")
    docs = commit(shop, "docs/a.md", "x")
    assert await pushed(office, shop, docs, before=asking, paths=("docs/a.md",))
    silent = commit(shop, "ci.yml", YAML.replace("trigger: {branches", "trigger: none\n#"))
    assert await pushed(office, shop, silent)
    broken = commit(shop, "ci.yml", "trigger: [")
    assert await pushed(office, shop, broken)
    assert await built(office) == [("individualCI", asking)]
    await defined(office, shop, "Says nothing", triggers=[], **process)
    unsaid = commit(shop, "ci.yml", YAML.replace("trigger: {branches", "name: a\n#"))
    assert await pushed(office, shop, unsaid, "refs/heads/any")
    assert await built(office) == [("individualCI", asking), ("individualCI", unsaid)]


async def test_computed_variables_count_for_each_definition_and_prefix(
    office: Office, shop: Path
) -> None:
    variables = {
        "major": {"value": "2", "allowOverride": True},
        "n": {"value": "$[ counter(variables['major'], 100) ]"},
    }
    number = await defined(office, shop, variables=variables, buildNumberFormat="$(major).$(n)")
    call = await office.call("ann")
    for parameters in ({}, {}, {"major": "3"}, {"major": "2"}):
        await queueing.queue(call, BuildRequest(number, MAIN, parameters=parameters))
    async with office.installation.database.read() as connection:
        found = await connection.fetch("SELECT number FROM builds ORDER BY id")
    assert [row["number"] for row in found] == ["2.100", "2.101", "3.100", "2.102"]


async def test_a_variable_that_cannot_be_computed_is_said_when_a_build_is_queued(
    office: Office, shop: Path
) -> None:
    number = await defined(office, shop, variables={"n": {"value": "$[ dependencies.A ]"}})
    with pytest.raises(Invalid, match="The variable n cannot be computed"):
        await queueing.queue(await office.call("ann"), BuildRequest(number, MAIN))
    assert await built(office) == []


async def test_urgent_builds_go_first_and_say_where_they_stand(office: Office, shop: Path) -> None:
    document = definition("Agent", step("true"), repository=None)
    made = await build_definitions.create(await office.call("ann"), document)
    call = await office.call("ann")
    numbers = [
        await queueing.queue(call, BuildRequest(made.id, priority=priority))
        for priority in ("low", "normal", "high")
    ]
    async with office.installation.database.read() as connection:
        pool = await connection.fetchval("SELECT pool_id FROM jobs LIMIT 1")
        waiting = await jobs.waiting(connection, pool, 10)
        places = [await edits.position(connection, number) for number in numbers]
    assert [job.build_id for job in waiting] == numbers[::-1]
    assert places == [3, 2, 1]


async def test_a_multiplier_without_values_is_refused_before_anything_is_queued(
    office: Office, shop: Path
) -> None:
    options = {"type": 1, "multipliers": ["os"], "maxConcurrency": 1}
    legs = phase("Legs", step("true"), target={"type": 1, "executionOptions": options})
    number = await defined(office, shop, process={"type": 1, "phases": [legs]})
    with pytest.raises(Refused, match="holds no comma list of values"):
        await queueing.queue(await office.call("ann"), BuildRequest(number, MAIN))
    assert await built(office) == []


async def test_strangers_builds_know_no_secrets(office: Office, shop: Path) -> None:
    secret = {"key": {"value": "hunter2", "isSecret": True}}
    number = await defined(office, shop, variables=secret)
    request = BuildRequest(number, MAIN)
    call = await office.call("ann")
    for one in (request, replace(request, has_secrets=False)):
        await queueing.queue(call, one)
    async with office.installation.database.read() as connection:
        found = await connection.fetch("SELECT id, secrets FROM builds ORDER BY id")
    vault = office.installation.vault
    opened = [vault.unseal(f"build/{row['id']}", row["secrets"]) for row in found]
    assert opened == [{"key": "hunter2"}, {"key": ""}]


async def test_parameters_that_nothing_reads_are_refused(office: Office, shop: Path) -> None:
    number = await defined(office, shop)
    request = BuildRequest(number, MAIN, template_parameters={"size": "big"})
    with pytest.raises(Invalid, match="has no parameters size"):
        await queueing.queue(await office.call("ann"), request)


class Meanwhile:
    """The repositories of an installation, where something happens before a commit is told."""

    def __init__(self, repositories: Any, happens: Callable[[], Awaitable[object]]) -> None:
        self._repositories = repositories
        self._happens = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repositories, name)

    async def commit(self, *asked: Any) -> Any:
        await self._happens()
        return await self._repositories.commit(*asked)


async def queued_while(
    office: Office, number: int, happens: Callable[[], Awaitable[object]]
) -> BuildId:
    """A build that is queued while this happens between the first look and the last."""
    call = await office.call("ann")
    outside = office.installation.outside
    told = replace(outside, repositories=Meanwhile(outside.repositories, happens))
    installation = replace(office.installation, outside=told)
    return await queueing.queue(replace(call, installation=installation), BuildRequest(number))


async def set_queue_status(office: Office, number: int, status: str) -> None:
    call = await office.call("ann")
    one = await build_definitions.get(call, number)
    document = {**json.loads(one.document), "id": number, "revision": one.revision}
    await build_definitions.update(call, number, {**document, "queueStatus": status})


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [("paused", "enabled", False), ("enabled", "paused", True), ("paused", "paused", True)],
)
async def test_whether_a_build_waits_is_as_the_definition_says_when_it_is_queued(
    office: Office, shop: Path, before: str, after: str, is_held: bool
) -> None:
    number = await defined(office, shop, queueStatus=before)
    made = await queued_while(office, number, lambda: set_queue_status(office, number, after))
    async with office.installation.database.read() as connection:
        build = await build_rows.load(connection, made)
    assert build is not None
    assert (build.is_held, bool(build.jobs)) == (is_held, not is_held)


async def test_nothing_is_queued_of_what_was_disabled_or_deleted_meanwhile(
    office: Office, shop: Path
) -> None:
    number = await defined(office, shop)
    with pytest.raises(Refused, match="is disabled"):
        await queued_while(office, number, lambda: set_queue_status(office, number, "disabled"))
    await set_queue_status(office, number, "enabled")
    call = await office.call("ann")
    with pytest.raises(NotFound):
        await queued_while(office, number, lambda: build_definitions.delete(call, number))
    assert await built(office) == []


async def test_a_push_is_answered_by_one_worker_at_a_time(office: Office, shop: Path) -> None:
    await defined(office, shop, triggers=[ci()])
    head, asked, goes_on = commit(shop, "page.txt", "two"), asyncio.Semaphore(0), asyncio.Event()

    async def is_slow() -> None:
        asked.release()
        await goes_on.wait()

    outside = office.installation.outside
    told = replace(outside, repositories=Meanwhile(outside.repositories, is_slow))
    slow = replace(office, installation=replace(office.installation, outside=told))
    first = asyncio.ensure_future(pushed(slow, shop, head))
    await asked.acquire()
    assert await answered_later(slow) == [False]
    goes_on.set()
    assert await first
    assert await built(office) == [("individualCI", head)]
    assert asked.locked()  # nobody else asked the repository


async def test_a_definition_that_cannot_be_opened_holds_up_no_other(
    office: Office, shop: Path
) -> None:
    broken, whole = [await defined(office, shop, name, triggers=[ci()]) for name in "AB"]
    await office.spoil(broken)
    head = commit(shop, "page.txt", "two")
    assert not await pushed(office, shop, head)
    assert await built(office) == [("individualCI", head)]
    tries = [await answered_later(office) for _ in range(pushes.MOST_TRIES - 1)]
    assert tries[-2:] == [[False], [True]]  # given up
    call = await office.call("ann")
    [made] = (await builds_of(office, whole)).keys()
    await builds.cancel(call, made)
    following = {"triggerType": "buildCompletion", "definition": {"id": whole}}
    following |= {"branchFilters": ["+*"], "requiresSuccessfulBuild": False}
    after = [await defined(office, shop, name, triggers=[following]) for name in "CD"]
    await office.spoil(after[0])
    own = Call(office.installation)
    with pytest.raises(VaultError):
        await build_triggering.completed(own, made)
    assert list((await builds_of(office, after[1])).values()) == [head]


async def builds_of(office: Office, number: int) -> dict[int, str]:
    """The commits of a definition's builds."""
    async with office.installation.database.read() as connection:
        found = await connection.fetch(
            "SELECT id, source_version FROM builds WHERE definition_id = $1", number
        )
    return {row["id"]: row["source_version"] for row in found}


async def test_a_batch_that_waits_counts_no_try_whatever_else_goes_wrong(
    office: Office, shop: Path
) -> None:
    await defined(office, shop, "Batch", triggers=[ci(batchChanges=True)])
    broken = await defined(office, shop, "Broken", triggers=[ci()])
    assert await pushed(office, shop, commit(shop, "page.txt", "two"))
    await office.spoil(broken)
    assert not await pushed(office, shop, commit(shop, "page.txt", "three"))
    async with office.installation.database.read() as connection:
        assert await connection.fetchval("SELECT tries FROM pushes") == 0


class Corrupt:
    """The repositories of an installation, one of which cannot even be read wrongly."""

    def __init__(self, repositories: Any, place: Path) -> None:
        self._repositories, self._place = repositories, str(place)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repositories, name)

    async def heads(self, repository: Any) -> Any:
        if repository.address == self._place:
            raise KeyError("pack")
        return await self._repositories.heads(repository)


async def test_repositories_are_looked_at_although_another_cannot_be_read(
    office: Office, shop: Path, tmp_path: Path
) -> None:
    corrupt = repository(tmp_path / "corrupt")
    for name, place in (("Corrupt", corrupt), ("Whole", shop)):
        await defined(office, place, name, triggers=[ci()])
    outside = office.installation.outside
    told = replace(outside, repositories=Corrupt(outside.repositories, corrupt))
    call = Call(replace(office.installation, outside=told))
    later = [replace(call, now=call.now + n * watched_repositories.LOOK_EVERY) for n in range(3)]
    assert await watched_repositories.look(later[1]) == 0
    head = commit(shop, "page.txt", "two")
    assert await watched_repositories.look(later[2]) == 1
    assert await answered_later(office) == [True]
    assert await built(office) == [("individualCI", head)]


async def identities(office: Office, number: BuildId) -> dict[str, str]:
    """What the job of a build finds of who queued it, and for whom."""
    call = Call(office.installation, None, None, (await office.call("ann")).now)
    async with call.database.read() as connection:
        job = await connection.fetchval("SELECT id FROM jobs WHERE build_id = $1", number)
    taker = Taker("one", Place("/somewhere/1", "one-1", 5), new_token())
    taken = await build_jobs.claim(call, number, JobId(job), taker)
    assert taken
    asked = ("QueuedBy", "QueuedById", "RequestedFor", "RequestedForId", "RequestedForEmail")
    found = {one.name.removeprefix("Build."): one.value for one in taken.message.variables}
    return {name: found[name] for name in asked}


async def test_a_job_reads_who_queued_its_build_and_for_whom(office: Office, shop: Path) -> None:
    """SEMANTICS 23.10: the product itself has the name that the answers show, too."""
    process = definition("CI", step("true"))["process"]
    number = await defined(office, shop, triggers=[ci()], process=process)
    call, ann = await office.call("ann"), office.ids["ann"]
    product = Call(call.installation, None, call.project, call.now)
    by_product = {"QueuedBy": SERVICE.name, "QueuedById": SERVICE.id}
    for_product = {"RequestedFor": SERVICE.name, "RequestedForId": SERVICE.id}
    for_ann = {"RequestedFor": "Ann", "RequestedForId": ann}
    none = {"RequestedForEmail": ""}
    by_hand = await queueing.queue(call, BuildRequest(number, MAIN))
    by_ann = {"QueuedBy": "Ann", "QueuedById": ann}
    assert await identities(office, by_hand) == {**by_ann, **for_ann, **none}
    scheduled = await queueing.queue(product, BuildRequest(number, MAIN, reason="schedule"))
    assert await identities(office, scheduled) == {**by_product, **for_product, **none}
    for pusher, whom in (("ann", for_ann), ("somebody else", for_product)):
        assert await pushed(office, shop, commit(shop, "page.txt", pusher), by=pusher)
        async with office.installation.database.read() as connection:
            newest = BuildId(await connection.fetchval("SELECT max(id) FROM builds"))
        assert await identities(office, newest) == {**by_product, **whom, **none}
