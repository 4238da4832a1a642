"""Pools of workers, and a way to each of them from every project."""

import asyncio
from uuid import UUID

import pytest

from quaymaster.actions.people import people, projects
from quaymaster.actions.resources import pools
from quaymaster.domain.errors import Conflict, Invalid, NotFound
from quaymaster.store.people import projects as rows
from tests.actions.office import Office
from tests.server.locks import waits_for


async def test_every_project_reaches_a_new_pool(office: Office):
    database = office.installation.database
    await projects.create(database, "Website")
    made = await pools.create(database, " Linux ")
    await projects.create(database, "Later")
    queues = set()
    for project in ("Default", "Website", "Later"):
        [first, added] = await pools.reached(database, project)
        assert first.pool.name == "Default"
        assert (added.pool.id, added.pool.name, added.pool.workers) == (made, "Linux", 0)
        queues |= {first.queue, added.queue}
    assert len(queues) == 6, "each project has its own"
    assert None not in queues


async def test_names_that_no_pool_can_have(office: Office):
    database = office.installation.database
    with pytest.raises(Conflict, match="already a pool named 'DEFAULT'"):
        await pools.create(database, "DEFAULT")
    for name in ("", " ", "a\tb", "x" * 300):
        with pytest.raises(Invalid):
            await pools.create(database, name)
    with pytest.raises(NotFound):
        await pools.reached(database, "Nowhere")


async def test_a_project_that_is_made_at_the_same_moment_reaches_it_too(office: Office):
    database = office.installation.database
    async with database.transaction() as connection:
        organization: UUID = (await people.default_organization(connection)).id
        await rows.create(connection, organization, "Website", "")
        other = asyncio.create_task(pools.create(database, "Linux"))
        await waits_for(connection, other)
    await other
    reached = await pools.reached(database, "Website")
    assert [(one.pool.name, one.queue is None) for one in reached] == [
        ("Default", False),
        ("Linux", False),
    ]
