"""The consumer of wake-ups: PgQueuer behind our port, started anew whenever its connection breaks.

A wake-up that fails is logged and forgotten: what it was about waits in rows, where the sweeper
finds it (decision 0006).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import HealthCheckEvent, Job
from pgqueuer.domain.types import QueueEntrypoint
from pgqueuer.ports.driver import NotifyCallback

from quaymaster.store.postgres.database import (
    SERVER_SETTINGS,
    DatabaseUnavailable,
    leave_as_it_is,
    understood,
)
from quaymaster.store.postgres.queue import read_payload

Handler = Callable[[int], Awaitable[None]]

BATCH = 10
AT_ONCE = 20
POLL = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=30)
RETRY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Wakeups:
    """Delivers wake-ups to handlers by kind; each handler is given the id that it is about.

    `is_wanted` says at any moment whether wake-ups of a kind should be taken: one that is left
    stays for another worker.
    """

    def __init__(
        self, dsn: str, handlers: Mapping[str, Handler], is_wanted: Callable[[str], bool]
    ) -> None:
        self._dsn = dsn
        self._handlers = handlers
        self._is_wanted = is_wanted
        self._manager: _Manager | None = None
        self._is_open = True

    async def run(self) -> None:
        """Take wake-ups until closed."""
        while self._is_open:
            try:
                with understood():
                    await self._consume()
            except (DatabaseUnavailable, OSError) as error:
                _log.warning("wake-ups cannot be heard", reason=str(error))
            except Exception:  # noqa: BLE001 - the rows wait; without wake-ups they wait longer
                _log.exception("the consumer of wake-ups failed and starts again")
            if self._is_open:
                await asyncio.sleep(RETRY_SECONDS)

    def close(self) -> None:
        """Take no further wake-ups; `run` ends when those in hand are done."""
        self._is_open = False
        self.reopen()

    def reopen(self) -> None:
        """Connect anew: PgQueuer itself needs 20 s to notice that it hears nothing any more."""
        if self._manager is not None:
            self._manager.shutdown.set()

    async def _consume(self) -> None:
        pool = await asyncpg.create_pool(
            self._dsn, min_size=2, max_size=3, server_settings=SERVER_SETTINGS, reset=leave_as_it_is
        )
        try:
            self._manager = _Manager(_Driver(pool), self._is_wanted)
            for kind, handler in self._handlers.items():
                self._manager.entrypoint(kind, accepts_context=False)(_delivered(kind, handler))
            if self._is_open:
                await self._manager.run(
                    dequeue_timeout=POLL,
                    batch_size=BATCH,
                    max_concurrent_tasks=AT_ONCE,
                    heartbeat_timeout=HEARTBEAT,
                    shutdown_on_listener_failure=True,
                    log_aggregation_interval=timedelta(0),
                )
        finally:
            self._manager = None
            pool.terminate()


class _Driver(AsyncpgPoolDriver):
    """PgQueuer's access to the database, which says from when on it listens."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.listens = asyncio.Event()

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        await super().add_listener(channel, callback)
        self.listens.set()


class _Manager(QueueManager):
    """PgQueuer's loop, but for the kinds that this worker cannot use at the moment."""

    def __init__(self, driver: _Driver, is_wanted: Callable[[str], bool]) -> None:
        super().__init__(Queries(driver))
        self._listens = driver.listens
        self._is_wanted = is_wanted

    async def listener_healthy(
        self,
        timeout: timedelta = timedelta(seconds=10),  # noqa: ASYNC109 - PgQueuer's own signature
    ) -> HealthCheckEvent:
        """Whether notices arrive. PgQueuer asks before it listens, and would never hear itself.

        Raises FailingListenerError when none has come within `timeout`.
        """
        await self._listens.wait()
        return await super().listener_healthy(timeout)

    def entrypoints_below_capacity_limits(self) -> set[QueueEntrypoint]:
        return {kind for kind in self.entrypoint_registry if self._is_wanted(kind)}


def _delivered(kind: str, handler: Handler) -> Callable[[Job], Awaitable[None]]:
    async def deliver(job: Job) -> None:
        try:
            await handler(int(read_payload(job.payload)["id"]))
        except Exception:  # noqa: BLE001 - see above: logged here, found again by the sweeper
            _log.exception("a wake-up could not be followed", kind=kind)

    return deliver
