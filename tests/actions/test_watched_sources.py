"""Repositories are looked at: what is pushed after the first look makes releases, once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.ports.outside import Version
from quaymaster.actions.releases import artifact_events
from quaymaster.actions.storage.turns import OURS
from quaymaster.actions.triggers import watched_sources
from quaymaster.store.triggers import artifact_events as events
from tests import documents, repositories
from tests.actions.office import Office

LATER = timedelta(minutes=10)


class Shop:
    """A clock, a repository, and a definition that is triggered by it."""

    def __init__(self, office: Office, repository: Path) -> None:
        self.office, self.repository = office, repository
        self.now = datetime.now(UTC)

    async def looked(self) -> int:
        """Look at everything that is due, some time later; how many versions were new."""
        self.now += LATER
        return await watched_sources.look(Call(self.office.installation, now=self.now))

    async def released(self) -> int:
        """Look, and let workers answer; how many releases came of it."""
        await self.looked()
        async with self.office.installation.database.read() as connection:
            due = await events.due(connection, self.now)
        call = Call(self.office.installation, now=self.now)
        return sum([await artifact_events.answer(call, one) for one in due])


@pytest.fixture
async def shop(office: Office, tmp_path: Path) -> Shop:
    repositories.made(tmp_path / "site")
    artifact = documents.git_artifact("site", str(tmp_path / "site"))
    push = {"triggerType": "sourceRepo", "alias": "site", "branchFilters": ["main", "release/*"]}
    await office.define("ann", artifacts=[artifact], triggers=[push])
    return Shop(office, tmp_path / "site")


async def test_what_was_there_before_makes_no_release(shop: Shop):
    assert await shop.released() == 0
    assert await shop.released() == 0


async def test_a_push_makes_one_release_of_its_commit(shop: Shop):
    await shop.looked()
    commit = repositories.committed(shop.repository)
    assert await shop.released() == 1
    assert await shop.released() == 0
    async with shop.office.installation.database.read() as connection:
        artifacts = await connection.fetchval("SELECT artifacts FROM releases")
    assert commit in artifacts
    assert "refs/heads/main" in artifacts


async def test_branches_that_no_filter_names_make_none(shop: Shop):
    await shop.looked()
    commit = repositories.committed(shop.repository)
    repositories.branched(shop.repository, "feature/x", commit)
    repositories.branched(shop.repository, "main", commit)
    assert await shop.looked() == 2, "both branches moved"
    assert await shop.released() == 1


async def test_a_new_branch_counts_as_a_push(shop: Shop):
    await shop.looked()
    commit = repositories.committed(shop.repository)
    repositories.branched(shop.repository, "release/1", commit)
    assert await shop.released() == 1, "one commit makes one release, whatever branches it is on"


async def test_several_workers_look_once(shop: Shop):
    await shop.looked()
    repositories.committed(shop.repository)
    shop.now += LATER
    call = Call(shop.office.installation, now=shop.now)
    told = await asyncio.gather(*(watched_sources.look(call) for _ in range(4)))
    assert sorted(told) == [0, 0, 0, 1]


async def test_a_repository_that_is_away_is_told_of_and_looked_at_again(shop: Shop):
    await shop.looked()
    repositories.committed(shop.repository)
    shop.repository.rename(shop.repository.with_name("away"))
    assert await shop.looked() == 0
    async with shop.office.installation.database.read() as connection:
        problem = await connection.fetchval("SELECT problem FROM watched_sources")
    assert "There is no git repository" in problem
    shop.repository.with_name("away").rename(shop.repository)
    assert await shop.released() == 1


async def test_a_disabled_definition_is_not_looked_for(shop: Shop):
    async with shop.office.installation.database.transaction() as connection:
        await connection.execute("UPDATE definitions SET is_disabled = true")
    assert await shop.looked() == 0
    assert await shop.office.rows("watched_sources") == 0


async def test_saving_a_triggered_definition_has_its_sources_looked_at(shop: Shop):
    async with shop.office.installation.database.read() as connection:
        kinds = await connection.fetch("SELECT entrypoint FROM pgqueuer")
    assert "sources" in [row["entrypoint"] for row in kinds]


class Shelf:
    """A source whose versions are one line."""

    def __init__(self) -> None:
        self.held = ["1", "2", "3"]

    async def versions(self, _artifact, most, _connection):
        return [Version(name, name) for name in reversed(self.held)][:most]

    async def resolve(self, _artifact, version, _connection):
        return Version(version, version)


async def test_a_version_that_is_taken_away_makes_no_older_one_new(shop: Shop, monkeypatch):
    shelf = Shelf()
    outside = shop.office.installation.outside
    monkeypatch.setitem(outside.artifacts, "nuget", shelf)
    package = {**documents.git_artifact("lib", "lib"), "type": "nuget", "isPrimary": True}
    trigger = {"triggerType": "package", "alias": "lib"}
    await shop.office.define("ann", name="Library", artifacts=[package], triggers=[trigger])
    monkeypatch.setattr(watched_sources, "MOST_VERSIONS", 2)
    await shop.looked()
    shelf.held.remove("3")
    assert await shop.looked() == 0
    shelf.held += ["4", "5"]
    assert await shop.released() == 2


async def test_a_source_that_is_read_wrongly_holds_up_no_other(shop: Shop, tmp_path: Path):
    repositories.made(tmp_path / "broken")
    artifact = documents.git_artifact("other", str(tmp_path / "broken"))
    push = {"triggerType": "sourceRepo", "alias": "other", "branchFilters": ["main"]}
    await shop.office.define("ann", name="A", artifacts=[artifact], triggers=[push])
    outside = shop.office.installation.outside
    git = Unreadable(outside.artifacts["git"], str(tmp_path / "broken"))
    told = replace(outside, artifacts={"git": git})
    shop.office.installation = replace(shop.office.installation, outside=told)
    await shop.looked()
    repositories.committed(shop.repository)
    assert await shop.released() == 1
    async with shop.office.installation.database.read() as connection:
        problems = await connection.fetch("SELECT problem FROM watched_sources ORDER BY problem")
    assert [row["problem"] for row in problems] == ["", OURS]


class Unreadable:
    """An artifact source with one repository that nothing prepared it for."""

    def __init__(self, source: Any, place: str) -> None:
        self._source, self._place = source, place

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    async def heads(self, artifact: Any, connection: Any) -> Any:
        if artifact.source_id == self._place:
            raise KeyError("pack")
        return await self._source.heads(artifact, connection)
