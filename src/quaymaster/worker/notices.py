"""Hears at once what concerns this worker: a deployment was canceled, a job waits for it.

Both are hints: the lease's heartbeat and the queue's wake-ups say the same a little later.
"""

import asyncio
from collections.abc import Callable

import structlog

from quaymaster.domain.release import JobId
from quaymaster.store.jobs.jobs import NO_POOL
from quaymaster.store.postgres import notify
from quaymaster.store.postgres.database import Database, DatabaseUnavailable
from quaymaster.worker.dispatcher import Dispatcher

RETRY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


async def listen(database: Database, dispatcher: Dispatcher, on_lost: Callable[[], None]) -> None:
    """Cancel running jobs and look for waiting ones as notices name them, until canceled; a lost
    connection is opened anew.

    What was missed meanwhile is answered from the rows. `on_lost` hears that the database has
    ended our connection, and probably others.
    """
    own = {dispatcher.identity.pool, NO_POOL}
    while True:
        try:
            async with notify.heard(database) as notices:
                async for notice in notices:
                    if not own.isdisjoint(notice.pools):
                        dispatcher.wake()
                    for job in notice.canceled:
                        run = dispatcher.running.get(JobId(job))
                        if run is not None:
                            run.cancel(run.canceled_text)
        except DatabaseUnavailable as error:
            _log.warning("notices cannot be heard", reason=str(error))
        except Exception:  # noqa: BLE001 - only a hint is lost; the heartbeat knows as well
            _log.exception("notices cannot be heard")
        on_lost()
        await asyncio.sleep(RETRY_SECONDS)
