"""Waiting until somebody stands behind the locks of an open transaction."""

import asyncio
from typing import Any

from quaymaster.store.postgres.database import Connection
from tests.server.waiting import eventually

# Not pg_stat_activity: a transaction that has read it once does not see who connects afterwards.
WAITS = """
SELECT EXISTS (SELECT FROM pg_locks
  WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))
"""


async def waits_for(connection: Connection, task: "asyncio.Task[Any]") -> None:
    """Return once the task waits for what this transaction has locked, or is over."""

    async def is_so() -> bool:
        return task.done() or bool(await connection.fetchval(WAITS))

    await eventually(is_so, "somebody to wait for the transaction")
