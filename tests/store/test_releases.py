"""A release goes into its rows and comes back the same; only what differs is written."""

import asyncio
from dataclasses import replace

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.release import Release
from quaymaster.domain.statuses import ReleaseStatus
from quaymaster.store import release_saving, releases
from quaymaster.store.database import Connection, Database
from tests import make
from tests.store import build


async def saved(connection: Connection, before: Release, event: c.Event) -> Release:
    after, _ = decide(before, event, make.NOW)
    return await releases.save(connection, before, after)


@pytest.fixture
async def definition_id(database: Database) -> int:
    async with database.transaction() as connection:
        return await build.definition(connection)


async def test_a_new_release_has_a_name_and_the_stages_of_its_plan(database, definition_id):
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id, "Dev → Prod")
    assert release.name == "Release-1"
    assert [stage.name for stage in release.stages] == ["Dev", "Prod"]
    assert release.status is ReleaseStatus.DRAFT


async def test_what_is_saved_is_what_is_locked(database, definition_id):
    plan = make.plan("Dev → Prod", Dev={"pre_approvals": make.asks("ann", "bob")})
    async with database.transaction() as connection:
        draft = await build.release(connection, definition_id, plan)
        kept = await saved(connection, draft, c.Activated(make.CREATOR))
        assert kept == await releases.locked(connection, draft.id)
        first = kept.stages[0].newest.approvals[0]
        given = await saved(connection, kept, c.ApprovalGiven(first.id, make.person("ann"), "ok"))
        assert given == await releases.locked(connection, draft.id)


async def test_jobs_go_through_their_life_in_rows(database, definition_id):
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id, "Dev")
        release = await saved(connection, release, c.Activated(make.CREATOR))
        job = release.stages[0].newest.jobs[0]
        release = await saved(connection, release, c.JobClaimed(job.id, "w1", "t1"))
        assert release.stages[0].newest.jobs[0].token == "t1"
        assert release == await releases.locked(connection, release.id)
