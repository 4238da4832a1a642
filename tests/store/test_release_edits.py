"""Tags, deletion and revisions of a release's own snapshot."""

from datetime import timedelta
from uuid import UUID

import pytest

from quaymaster.domain.errors import NotFound
from quaymaster.store.people import projects
from quaymaster.store.postgres.database import Database
from quaymaster.store.releases import edits
from quaymaster.store.releases.records import ReleaseArtifact
from quaymaster.store.releases.writing import snapshots
from quaymaster.store.resources import pools
from tests import make
from tests.store import build

LATER = make.NOW + timedelta(hours=1)


@pytest.fixture
async def release_id(database: Database) -> int:
    async with database.transaction() as connection:
        definition_id = await build.definition(connection)
        release = await build.release(connection, definition_id, document='{"first": 1}')
    return release.id


async def test_tags_are_a_set_in_any_case(database, release_id):
    async with database.transaction() as connection:
        await edits.add_tags(connection, release_id, ["Blue", "red"])
        await edits.add_tags(connection, release_id, ["BLUE", "green"])
        await edits.remove_tag(connection, release_id, "Red")
        await edits.remove_tag(connection, release_id, "never there")
        assert await edits.tags(connection, release_id) == ("Blue", "green")


async def test_tags_of_no_release(database):
    with pytest.raises(NotFound):
        async with database.transaction() as connection:
            await edits.add_tags(connection, 404, ["a"])


async def test_deleting_and_bringing_back(database, release_id):
    async with database.transaction() as connection:
        by = {"by": make.CREATOR, "at": LATER}
        assert await edits.set_deleted(connection, release_id, deleted=True, **by)
        assert not await edits.set_deleted(connection, release_id, deleted=True, **by)
        assert await edits.set_deleted(connection, release_id, deleted=False, **by)


async def test_every_revision_of_a_snapshot_stays_readable(database, release_id):
    async with database.transaction() as connection:
        assert await edits.snapshot_at(connection, release_id, 1) == '{"first": 1}'
        number = await edits.revise_snapshot(
            connection, release_id, '{"second": 2}', "ann", LATER, "why"
        )
        assert number == 2
        assert await edits.snapshot_at(connection, release_id, 1) == '{"first": 1}'
        assert await edits.snapshot_at(connection, release_id, 2) == '{"second": 2}'
        revisions = await edits.snapshot_revisions(connection, release_id)
    assert [(r.revision, r.changed_by, r.comment) for r in revisions] == [
        (1, make.CREATOR, ""),
        (2, "ann", "why"),
    ]
    assert [r.changed_at for r in revisions] == [make.NOW, LATER]


async def test_a_revision_that_never_was(database, release_id):
    with pytest.raises(NotFound):
        async with database.transaction() as connection:
            await edits.snapshot_at(connection, release_id, 3)


async def test_artifacts_of_a_draft_are_replaced(database, release_id):
    chosen = (ReleaseArtifact("app", "Git", "7", "beef", reference={"k": "v"}),)
    async with database.transaction() as connection:
        for _ in range(2):
            await snapshots.set_artifacts(connection, release_id, chosen)
        assert await snapshots.artifacts(connection, release_id) == chosen


async def test_a_new_pool_has_a_queue_in_every_project(database):
    async with database.transaction() as connection:
        project: UUID = await build.project_id(connection)
        organization = await projects.organization(connection, "DEFAULT")
        pool = await pools.add_pool(connection, organization.id, "Linux")
        assert [p.name for p in await pools.pools(connection, organization.id)] == [
            "Default",
            "Linux",
        ]
        [queue] = await pools.queues(connection, project, "linux")
        assert (queue.pool_id, queue.pool_name) == (pool, "Linux")
        assert await pools.queue(connection, project, queue.id) == queue
        assert await pools.queue(connection, UUID(int=0), queue.id) is None
