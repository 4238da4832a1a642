"""Gives waiting jobs to free slots: the job rows are the queue, wake-ups only say when to look."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from quaymaster.actions.call import Call, Installation
from quaymaster.actions.jobs import build_jobs
from quaymaster.actions.jobs import jobs as job_actions
from quaymaster.actions.jobs.jobs import Taken, Taker, new_token
from quaymaster.domain.build import BuildId
from quaymaster.domain.release import JobId, ReleaseId
from quaymaster.runner.pool import HostPool
from quaymaster.store.jobs import jobs
from quaymaster.store.jobs.jobs import NO_BUILD, NO_POOL, HeldJob
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.worker.job_runner import JobRun
from quaymaster.worker.server_host import ServerHost
from quaymaster.worker.slots import Slot

LOOK_SECONDS = 5.0  # how long a wake-up may be lost before the job is found all the same
RETRY_SECONDS = 1.0
SHUN_SECONDS = 5.0  # how long a job is left alone that could not be taken
TURN_SECONDS = 10.0  # how long a slot may go on with one release while others wait

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """A worker as the rows know it; `number` is what APIs call its agent id.

    `target` is the target of a deployment group that it is; such a worker runs no other jobs.
    """

    id: str
    name: str
    pool: int
    number: int
    capabilities: Mapping[str, str] | None = None
    target: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job to take, with a token of its own; or one that was taken and never started."""

    id: JobId
    release_id: ReleaseId
    token: str
    build_id: BuildId = NO_BUILD


class Dispatcher:
    """The slots of one worker, and the jobs that run in them."""

    def __init__(
        self, installation: Installation, hosts: HostPool, identity: Identity, slots: list[Slot]
    ) -> None:
        self.identity = identity
        self.running: dict[JobId, JobRun] = {}
        self._installation = installation
        self._hosts = hosts
        self._server = ServerHost(installation.outside.server_tasks)
        self._free = sorted(slots, key=lambda slot: -slot.number)
        self._busy: set[JobId] = set()  # being claimed, or running
        self._begun: set[JobId] = set()  # started here and not ended well: never to run again
        self._adopted: list[Candidate] = []
        self._shunned: dict[JobId, float] = {}  # until when
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._is_open = True

    @property
    def has_free_slot(self) -> bool:
        return self._is_open and bool(self._free)

    def is_busy_with(self, job: JobId) -> bool:
        """Whether some slot claims, runs or is ending this job."""
        return job in self._busy

    def adopt(self, held: HeldJob) -> bool:
        """Run a job that the rows say is ours; False when it has run here already."""
        if held.id in self._begun:
            return False
        self._busy.add(held.id)
        self._adopted.append(Candidate(held.id, held.release_id, held.token, held.build_id))
        self.wake()
        return True

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
            except Exception:  # noqa: BLE001 - the jobs wait; the worker goes on looking
                _log.exception("waiting jobs cannot be read")
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
                self._busy.add(job.id)
                task = asyncio.ensure_future(self._run(self._free.pop(), job))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _waiting(self) -> list[Candidate]:
        """As many jobs as there are free slots; jobs without a pool are for anyone."""
        if self._adopted:
            most = len(self._free)
            taken, self._adopted = self._adopted[:most], self._adopted[most:]
            return taken
        now = time.monotonic()
        self._shunned = {job: until for job, until in self._shunned.items() if until > now}
        most = len(self._free) + len(self._busy) + len(self._shunned)
        async with self._installation.database.read() as connection:
            found = await jobs.waiting(connection, self.identity.pool, most, self.identity.target)
            if len(found) < most and not self.identity.target:
                found += await jobs.waiting(connection, NO_POOL, most)
        candidates = [
            Candidate(job.id, job.release_id, new_token(), job.build_id)
            for job in found
            if job.id not in self._busy and job.id not in self._shunned
        ]
        return candidates[: len(self._free)]

    async def _run(self, slot: Slot, job: Candidate) -> None:
        try:
            await self._claim_and_run(slot, job)
        except Exception:  # noqa: BLE001 - one job must not end the worker; see `adopt`
            _log.exception("a job was left by an error of ours", job=job.id)
        finally:
            self._free.append(slot)
            self.wake()

    async def _claim_and_run(self, slot: Slot, job: Candidate) -> None:
        """Run the job and, for a while, those of its release that follow it at once.

        A release goes on without waiting for a turn of each of its stages, but a slot does not
        stay with one release while others wait.
        """
        turn_ends = time.monotonic() + TURN_SECONDS

        def next_taker() -> Taker | None:
            is_over = not self._is_open or time.monotonic() > turn_ends
            return None if is_over else self._taker(slot, new_token())

        taken = await self._claimed(slot, job)
        while taken is not None:
            taken = await self._ran(slot, taken, next_taker)

    async def _claimed(self, slot: Slot, job: Candidate) -> Taken | None:
        """The job, if it is ours now; the answer to a claim may come late, but is not lost."""
        taker = self._taker(slot, job.token)
        try:
            while True:
                try:
                    return await self._claim(job, taker)
                except DatabaseUnavailable as error:
                    _log.warning("a claim has to wait", job=job.id, reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._busy.discard(job.id)

    async def _claim(self, job: Candidate, taker: Taker) -> Taken | None:
        call = Call(self._installation)
        self._shunned[job.id] = time.monotonic() + SHUN_SECONDS
        try:
            if job.build_id:
                taken = await build_jobs.claim(call, job.build_id, job.id, taker)
            else:
                taken = await job_actions.claim(call, job.release_id, job.id, taker)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the job fails for it, saying so
            _log.exception("a job cannot be started", job=job.id)
            reason = f"The job could not be started: {type(error).__name__}. The log of the worker "
            reason += f"{self.identity.name} says more."
            if job.build_id:
                await build_jobs.fail_to_start(call, job.build_id, job.id, taker, reason)
            else:
                await job_actions.fail_to_start(call, job.release_id, job.id, taker, reason)
            return None
        if taken is not None:
            self._shunned.pop(job.id, None)
        return taken

    def _taker(self, slot: Slot, token: str) -> Taker:
        place = slot.place(self.identity.name, self.identity.number)
        if self.identity.target:  # a target is known by its own name, whatever slot it has
            place = replace(place, agent_name=self.identity.name, agent_id=self.identity.target)
        return Taker(self.identity.id, place, token, self.identity.capabilities)

    async def _ran(
        self, slot: Slot, taken: Taken, next_taker: Callable[[], Taker | None]
    ) -> Taken | None:
        job = taken.held
        _log.info(
            "a job starts",
            job=job.id,
            release=job.release_id or None,
            build=job.build_id or None,
            slot=slot.number,
        )
        hosts = self._hosts if taken.needs_agent else self._server
        run = JobRun(self._installation, hosts, taken, next_taker)
        self._busy.add(job.id)
        self.running[job.id] = run
        self._begun.add(job.id)
        try:
            following = await run.run()
            self._begun.discard(job.id)
            return following
        finally:
            self.running.pop(job.id, None)
            self._busy.discard(job.id)
