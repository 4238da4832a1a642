"""Telling subscribers of what happens to a candidate beside its deployments (AVIATOR 7)."""

from datetime import datetime

from quaymaster.actions.decisions.follow_up import DELIVERIES
from quaymaster.domain.announcements import Announcement, Happening
from quaymaster.store.announcements import deliveries
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue


async def tell(
    connection: Connection, happening: Happening, release: int, status: str, at: datetime
) -> None:
    """Queue it with the change itself for whoever wants to hear of it."""
    told = Announcement(happening, release, status)
    if await deliveries.queue(connection, release, [told], at):
        await enqueue(connection, [Wakeup(DELIVERIES, {"id": 0})])
