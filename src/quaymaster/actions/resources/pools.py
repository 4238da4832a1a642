"""Pools of workers and the queues through which projects reach them, for those who look."""

from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.store.resources import pools, workers
from quaymaster.store.resources.pools import Pool, Queue
from quaymaster.store.resources.workers import Usage


async def listed(call: Call) -> list[Pool]:
    """All pools of the caller's organization, with how many workers are there now."""
    if call.caller is None:
        return []
    async with call.database.read() as connection:
        return await pools.pools(connection, UUID(call.caller.organization))


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
