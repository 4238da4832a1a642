"""Pools of workers and the queues through which projects reach them."""

from dataclasses import dataclass
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.actions.people import projects
from quaymaster.actions.people.people import check_name, default_organization
from quaymaster.store.postgres.database import Database
from quaymaster.store.resources import pools, workers
from quaymaster.store.resources.pools import Pool, Queue
from quaymaster.store.resources.workers import Usage


async def listed(call: Call) -> list[Pool]:
    """All pools of the caller's organization, with how many workers are there now."""
    if call.caller is None:
        return []
    async with call.database.read() as connection:
        return await pools.pools(connection, UUID(call.caller.organization))


async def create(database: Database, name: str) -> int:
    """Make a pool in the default organization, with a queue of its name in every project; its id.

    Raises Invalid or Conflict for the name.
    """
    check_name(name)
    async with database.transaction() as connection:
        organization = await default_organization(connection)
        return await pools.add_pool(connection, organization.id, name.strip())


@dataclass(frozen=True, slots=True)
class Reach:
    """A pool and the id of a project's queue that leads to it; None where it has none."""

    pool: Pool
    queue: int | None


async def reached(database: Database, project: str) -> list[Reach]:
    """All pools, as phases of this project of the default organization name them. Raises NotFound
    for the project."""
    place = UUID(await projects.id_of(database, project))
    async with database.read() as connection:
        organization = await default_organization(connection)
        ways = {one.pool_id: one.id for one in await pools.queues(connection, place)}
        known = await pools.pools(connection, organization.id)
    return [Reach(pool, ways.get(pool.id)) for pool in known]


async def queues(call: Call) -> list[Queue]:
    """The queues of the call's project. Raises Invalid when it names none."""
    project = call.required_project("whose queues you want")
    async with call.database.read() as connection:
        return await pools.queues(connection, project)


async def usage(call: Call) -> Usage:
    """What the workers of the caller's organization are doing now."""
    if call.caller is None:
        return Usage(0, 0, 0)
    async with call.database.read() as connection:
        return await workers.usage(connection, UUID(call.caller.organization))
