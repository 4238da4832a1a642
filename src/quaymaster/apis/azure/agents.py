"""Agent pools and queues, as far as release definitions need their ids (CONTRACT B.2)."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.resources import pools
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import number_in, numbers_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.resources.pools import Pool, Queue

NO_QUEUE = "TaskAgentQueueNotFoundException"
NO_POOL = "TaskAgentPoolNotFoundException"


@get("/distributedtask/queues", opt=needs(Scope.ANY))
async def list_queues(request: AzureRequest) -> Response[bytes]:
    """The queues of a project; `queueName`, `queueNames` and `queueIds` narrow the list."""
    query = request.parameters
    names = {
        name.strip().casefold()
        for given in (*query.all("queueName"), *query.all("queueNames"))
        for name in given.split(",")
        if name.strip()
    }
    ids = numbers_in(query.all("queueIds"), "queueIds")
    found = [
        queue
        for queue in await pools.queues(request.in_project())
        if (not names or queue.name.casefold() in names) and (not ids or queue.id in ids)
    ]
    return request.collection("agentQueue", [_queue(queue) for queue in found])


@get("/distributedtask/queues/{queue_id:str}", opt=needs(Scope.ANY))
async def get_queue(request: AzureRequest, queue_id: FromPath[str]) -> Response[bytes]:
    """One queue of the project."""
    number = number_in(queue_id, "queueId", lowest=1)
    for queue in await pools.queues(request.in_project()):
        if queue.id == number:
            return request.answer("agentQueue", _queue(queue))
    raise Problem(404, NO_QUEUE, f"VSS402887: There is no agent queue {number} in this project.")


@get("/distributedtask/pools", opt=needs(Scope.ANY))
async def list_pools(request: AzureRequest) -> Response[bytes]:
    """The pools of the organization; `poolName` narrows the list."""
    name = request.parameters.text("poolName").casefold()
    found = [pool for pool in await pools.listed(request.call) if not name or _is(pool, name)]
    return request.collection("agentPool", [_pool(pool) for pool in found])


@get("/distributedtask/pools/{pool_id:str}", opt=needs(Scope.ANY))
async def get_pool(request: AzureRequest, pool_id: FromPath[str]) -> Response[bytes]:
    """One pool of the organization."""
    number = number_in(pool_id, "poolId", lowest=1)
    for pool in await pools.listed(request.call):
        if pool.id == number:
            return request.answer("agentPool", _pool(pool))
    raise Problem(404, NO_POOL, f"There is no agent pool {number}.")


def _is(pool: Pool, name: str) -> bool:
    return pool.name.casefold() == name


def _queue(queue: Queue) -> dict[str, Any]:
    return {
        "id": queue.id,
        "projectId": str(queue.project_id),
        "name": queue.name,
        "pool": {
            "id": queue.pool_id,
            "name": queue.pool_name,
            "isHosted": False,
            "poolType": "automation",
        },
    }


def _pool(pool: Pool) -> dict[str, Any]:
    return {
        "id": pool.id,
        "name": pool.name,
        "isHosted": False,
        "poolType": "automation",
        "size": pool.workers,
    }


ROUTES = [list_queues, get_queue, list_pools, get_pool]
