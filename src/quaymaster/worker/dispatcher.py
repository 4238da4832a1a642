"""Gives waiting jobs to free slots: the job rows are the queue, wake-ups only say when to look."""

import asyncio
from dataclasses import dataclass

import structlog

from quaymaster.actions import jobs as job_actions
from quaymaster.actions.call import Call, Installation
from quaymaster.domain.release import JobId
from quaymaster.runner.pool import HostPool
from quaymaster.store import jobs
from quaymaster.store.database import DatabaseUnavailable
from quaymaster.store.jobs import NO_POOL, HeldJob, WaitingJob
from quaymaster.worker.job_runner import JobRun
from quaymaster.worker.slots import Slot

LOOK_SECONDS = 5.0  # how long a wake-up may be lost before the job is found all the same
RETRY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """A worker as the rows know it; `number` is what APIs call its agent id."""

    id: str
    name: str
    pool: int
    number: int


class Dispatcher:
    """The slots of one worker, and the jobs that run in them."""

    def __init__(
        self, installation: Installation, hosts: HostPool, identity: Identity, slots: list[Slot]
    ) -> None:
        self.identity = identity
        self.running: dict[JobId, JobRun] = {}
        self._installation = installation
        self._hosts = hosts
        self._free = sorted(slots, key=lambda slot: -slot.number)
        self._busy: set[JobId] = set()  # claimed by us, being claimed, or running
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._is_open = True

    @property
    def has_free_slot(self) -> bool:
        return self._is_open and bool(self._free)

    def is_busy_with(self, job: JobId) -> bool:
        """Whether some slot claims, runs or is ending this job."""
        return job in self._busy

    def wake(self) -> None:
        """Look for waiting jobs soon."""
        self._wake.set()

    def close(self) -> None:
        """Take no further job."""
        self._is_open = False
        self._wake.set()

    async def until_idle(self) -> None:
        """Wait until no job runs any more."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def run(self) -> None:
        """Fill free slots until closed."""
        while self._is_open:
            pause = LOOK_SECONDS
            self._wake.clear()
            try:
                await self._fill()
            except DatabaseUnavailable as error:
                _log.warning("waiting jobs cannot be read", reason=str(error))
                pause = RETRY_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _fill(self) -> None:
        while self.has_free_slot:
            found = await self._waiting()
            if not found or not self._is_open:
                return
            for job in found:
                if not self._free:
                    return
                self._busy.add(job.id)
                task = asyncio.ensure_future(self._run(self._free.pop(), job))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _waiting(self) -> list[WaitingJob]:
        """Waiting jobs that no slot of ours is claiming; those without a pool are for anyone."""
        most = len(self._free) + len(self._busy)
        async with self._installation.database.read() as connection:
            found = await jobs.waiting(connection, self.identity.pool, most)
            if len(found) < most:
                found += await jobs.waiting(connection, NO_POOL, most)
        return [job for job in found if job.id not in self._busy][: len(self._free)]

    async def _run(self, slot: Slot, job: WaitingJob) -> None:
        try:
            await self._claim_and_run(slot, job)
        except DatabaseUnavailable as error:
            _log.warning("a job could not be claimed", job=job.id, reason=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        except Exception:  # noqa: BLE001 - one job must not end the worker; see Lease for its row
            _log.exception("a job was left by an error of ours", job=job.id)
        finally:
            self.running.pop(job.id, None)
            self._busy.discard(job.id)
            self._free.append(slot)
            self.wake()

    async def _claim_and_run(self, slot: Slot, job: WaitingJob) -> None:
        place = slot.place(self.identity.name, self.identity.number)
        taken = await job_actions.claim(
            Call(self._installation), job.release_id, job.id, self.identity.id, place
        )
        if taken is None:
            return
        _log.info("a job starts", job=job.id, release=job.release_id, slot=slot.number)
        run = JobRun(self._installation, self._hosts, taken)
        self.running[job.id] = run
        await run.run()

    def forgotten(self, held: list[HeldJob]) -> list[HeldJob]:
        """Those of the jobs that the rows say we run which no slot of ours knows of."""
        return [job for job in held if job.id not in self._busy]
