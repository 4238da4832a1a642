"""Staying alive in the eyes of the others: the worker's row, its heartbeat, and giving up in time.

A worker that cannot renew its lease ends its own jobs before anybody else may take them for lost.
"""

import asyncio
import time
from datetime import timedelta

import structlog

from quaymaster.actions.call import Call, Installation
from quaymaster.actions.jobs import jobs as job_actions
from quaymaster.domain.release import JobId
from quaymaster.store.jobs import jobs
from quaymaster.store.jobs.jobs import HeldJob
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.resources import workers
from quaymaster.store.resources.workers import Heartbeat, NewWorker
from quaymaster.worker.dispatcher import Dispatcher

MOST_SECONDS_BETWEEN = 5.0  # also how late a cancel or a lost job is noticed at worst
BEATS_PER_LEASE = 3
MARGIN = 0.9  # of the lease: our own jobs end before it does

_log = structlog.get_logger(__name__)


class Lease:
    """One worker's lease. `registered` must have been called before."""

    def __init__(
        self,
        installation: Installation,
        dispatcher: Dispatcher,
        worker: NewWorker,
        length: timedelta,
    ) -> None:
        self._installation = installation
        self._dispatcher = dispatcher
        self._worker = worker
        self._length = length
        self._ends = time.monotonic() + length.total_seconds() * MARGIN
        self._steady_since: float | None = None
        self._missing: set[JobId] = set()

    @property
    def seconds_between(self) -> float:
        """How often the lease is renewed."""
        return min(self._length.total_seconds() / BEATS_PER_LEASE, MOST_SECONDS_BETWEEN)

    @property
    def may_judge(self) -> bool:
        """Whether silence of others means something: after the database was away, every worker
        needs a moment to renew its lease."""
        since = self._steady_since
        return since is not None and time.monotonic() - since > 2 * self.seconds_between

    async def keep(self) -> None:
        """Renew the lease again and again, until canceled."""
        while True:
            begun = time.monotonic()
            try:
                await self._beat(begun)
                self._steady_since = self._steady_since or begun
            except DatabaseUnavailable as error:
                self._steady_since = None
                _log.warning("the lease could not be renewed", reason=str(error))
            except Exception:  # noqa: BLE001 - tried again; if in vain, `watch` ends our jobs
                self._steady_since = None
                _log.exception("the lease could not be renewed")
            await asyncio.sleep(max(0.1, begun + self.seconds_between - time.monotonic()))

    async def watch(self) -> None:
        """End the worker's jobs when the lease was not renewed in time, until canceled.

        Apart from `keep`, which may hang in a connection that has gone silent.
        """
        while True:
            left = self._ends - time.monotonic()
            if left <= 0:
                self._give_up()
            await asyncio.sleep(max(left, 1.0))

    async def _beat(self, begun: float) -> None:
        running = set(self._dispatcher.running)
        async with self._installation.database.read() as connection:
            heard = await workers.heartbeat(connection, self._worker.id, self._length)
            if not heard.is_known:
                _log.warning("this worker was not known any more and registers again")
                await workers.register(connection, self._worker, self._length)
        self._ends = begun + self._length.total_seconds() * MARGIN
        self._obey(heard, running)
        await self._settle_forgotten(heard)

    def _obey(self, heard: Heartbeat, running: set[JobId]) -> None:
        """Stop what was canceled; end what was running before we asked and is not ours now."""
        for job, run in list(self._dispatcher.running.items()):
            if job in heard.canceled:
                run.cancel(run.canceled_text)
            elif job in running and job not in heard.held and not run.is_finishing:
                run.drop()

    async def _settle_forgotten(self, heard: Heartbeat) -> None:
        """The answer to a claim may have been lost: such a job is ours in the rows alone."""
        missing = {job for job in heard.held if not self._dispatcher.is_busy_with(job)}
        again, self._missing = missing & self._missing, missing
        if not again:
            return
        async with self._installation.database.read() as connection:
            held = await jobs.held_by(connection, self._worker.id)
        for job in held:
            if job.id not in again or self._dispatcher.is_busy_with(job.id):
                continue
            _log.warning("a job is ours and does not run", job=job.id)
            if not self._dispatcher.adopt(job):
                await job_actions.give_up(Call(self._installation), job, self._left(job))

    def _left(self, job: HeldJob) -> str:
        return (
            f"The worker {self._worker.name} met an error of its own while it ran this job. Its "
            f"log says which; {job_actions.again(job.build_id)} if it is safe to run again."
        )

    def _give_up(self) -> None:
        seconds = self._length.total_seconds()
        for run in list(self._dispatcher.running.values()):
            if not run.is_finishing:
                run.kill(
                    f"The worker {self._worker.name} could not reach the database for {seconds:g} "
                    "seconds and ended the job, because another worker may by now believe it lost."
                )
