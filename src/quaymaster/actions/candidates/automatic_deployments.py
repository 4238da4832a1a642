"""Candidates that are to be deployed by themselves once they are built: rows, taken up once."""

from quaymaster.actions.decisions.follow_up import DEPLOYMENTS
from quaymaster.domain.release import ReleaseId
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.triggers import cut_schedules


async def want(connection: Connection, release: ReleaseId) -> None:
    """Have a new candidate deployed to the environments that are set so, once it is built."""
    if await cut_schedules.want_deployments(connection, release):
        await look(connection, release)


async def look(connection: Connection, release: ReleaseId) -> None:
    """Look whether a candidate can be deployed now: its build has ended."""
    await enqueue(connection, [Wakeup(DEPLOYMENTS, {"id": release})])
