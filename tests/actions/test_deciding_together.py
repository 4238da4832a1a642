"""Decisions that come at the same moment are saved together, and none is the worse for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from quaymaster.actions.decisions import orchestrate
from quaymaster.actions.decisions.orchestrate import happen
from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import NotFound, Refused
from quaymaster.domain.release import PersonId, Release, ReleaseId
from quaymaster.store.deployments import freezes
from quaymaster.store.postgres.database import Connection, Database, DatabaseUnavailable
from quaymaster.store.releases import releases
from tests.actions.office import Office
from tests.worker.world import World

ANN = PersonId("ann")
ALL = 6


@pytest.fixture
def world(office: Office) -> World:
    """Releases that no worker knows of."""
    return World(office.installation, "", Path())


@pytest.fixture
async def drafts(world: World) -> list[ReleaseId]:
    return [await world.draft() for _ in range(ALL)]


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for every transaction that is begun."""
    begun: list[str] = []
    start = asyncpg.transaction.Transaction.start

    async def counted(self: asyncpg.transaction.Transaction) -> None:
        begun.append("BEGIN")
        await start(self)

    monkeypatch.setattr(asyncpg.transaction.Transaction, "start", counted)
    return begun


async def at_once(world: World, asked: list[ReleaseId]) -> list[Release | BaseException]:
    wanted = [happen(world.call(), one, c.Activated(ANN)) for one in asked]
    return await asyncio.gather(*wanted, return_exceptions=True)


async def statuses(world: World, asked: list[ReleaseId]) -> list[str]:
    return [(await world.loaded(one)).status for one in asked]


async def test_they_are_saved_in_one_transaction_and_each_hears_its_own(
    world: World, drafts: list[ReleaseId], commits: list[str]
) -> None:
    told = await at_once(world, drafts)
    assert len(commits) == 1
    assert [one.id for one in told if isinstance(one, Release)] == drafts
    assert told == [await world.loaded(one) for one in drafts]


async def test_what_is_told_and_kept_of_each_is_its_own(
    world: World, drafts: list[ReleaseId]
) -> None:
    await at_once(world, drafts)
    history = "SELECT array_agg(kind ORDER BY id) FROM history WHERE release_id = $1"
    alone = await world.release()
    like_alone = await world.execute(history, alone)
    assert like_alone[0] == "Activated"
    for draft in drafts:
        assert await world.execute(history, draft) == like_alone


async def test_a_refused_one_changes_nothing_and_hinders_nobody(
    world: World, drafts: list[ReleaseId], commits: list[str]
) -> None:
    await happen(world.call(), drafts[2], c.Abandoned(ANN))
    before = await world.loaded(drafts[2])
    commits.clear()
    told = await at_once(world, drafts)
    assert len(commits) == 1
    assert isinstance(told[2], Refused)
    assert await world.loaded(drafts[2]) == before
    assert await statuses(world, drafts) == [
        "abandoned" if one == drafts[2] else "active" for one in drafts
    ]


async def test_one_that_there_is_not_is_not_found_alone(
    world: World, drafts: list[ReleaseId]
) -> None:
    told = await at_once(world, [*drafts, ReleaseId(999_999)])
    assert isinstance(told.pop(), NotFound)
    assert all(isinstance(one, Release) for one in told)


@asynccontextmanager
async def held(database: Database, release: ReleaseId) -> AsyncIterator[None]:
    async with database.transaction() as connection:
        assert await releases.locked(connection, release)
        yield


async def test_one_that_somebody_holds_is_waited_for_by_itself_alone(
    world: World, drafts: list[ReleaseId]
) -> None:
    async with held(world.installation.database, drafts[0]):
        first = asyncio.create_task(happen(world.call(), drafts[0], c.Activated(ANN)))
        told = await at_once(world, drafts[1:])
        assert all(isinstance(one, Release) for one in told)
        assert not first.done()
    assert (await first).status == "active"


async def test_who_must_wait_for_a_freeze_to_be_set_keeps_nobody_else_waiting(
    world: World, drafts: list[ReleaseId]
) -> None:
    of = "SELECT definition_id FROM releases WHERE id = $1"
    definition = await world.execute(of, drafts[0])
    async with world.installation.database.transaction() as connection:
        await freezes.close_door(connection, definition)
        first = asyncio.create_task(happen(world.call(), drafts[0], c.Activated(ANN)))
        told = await at_once(world, drafts[1:])
        assert all(isinstance(one, Release) for one in told)
        assert not first.done()
    assert (await first).status == "active"


async def test_the_trouble_of_one_is_not_that_of_all(
    world: World, drafts: list[ReleaseId], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(release: Release, *asked: object) -> object:
        if release.id == drafts[3]:
            raise ZeroDivisionError
        return decide(release, *asked)

    monkeypatch.setattr(orchestrate, "decide", broken)
    told = await at_once(world, drafts)
    assert isinstance(told.pop(3), ZeroDivisionError)
    assert all(isinstance(one, Release) for one in told)
    assert (await statuses(world, drafts)).count("active") == ALL - 1


async def test_when_nobody_knows_whether_it_was_saved_nobody_tries_again(
    world: World, drafts: list[ReleaseId], monkeypatch: pytest.MonkeyPatch, commits: list[str]
) -> None:
    async def lost(connection: Connection, steps: object) -> int:
        raise DatabaseUnavailable("It is not known whether it was saved.")

    with monkeypatch.context() as cut:
        cut.setattr(releases, "keep", lost)
        told = await at_once(world, drafts)
    assert all(isinstance(one, DatabaseUnavailable) for one in told)
    assert len(commits) == 1
    assert set(await statuses(world, drafts)) == {"draft"}
