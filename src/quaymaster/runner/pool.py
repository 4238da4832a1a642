"""The worker's job hosts: as many as jobs may run at once, kept warm, replaced when they die."""

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from quaymaster.protocol.frames import FrameError
from quaymaster.protocol.job import (
    CancelJob,
    HostMessage,
    HostReady,
    Issue,
    JobEnded,
    JobResult,
    LogAck,
    LogChunk,
    Publication,
    Published,
    RunJob,
    StepEnded,
    StepStarted,
)
from quaymaster.runner import descendants, workspace
from quaymaster.runner.host_process import HostLost, HostProcess

Sink = Callable[[HostMessage], Awaitable[Published | None]]

_log = structlog.get_logger(__name__)

IDLE_SECONDS = 10.0
STOP_SECONDS = 30.0  # what a host may need beyond the time granted to steps after a cancel


class HostPool:
    """Runs up to `size` jobs at once, each in a host and a work directory of its own.

    A job without a work directory gets `<work root>/<slot>`, the lowest slot that is free.
    """

    def __init__(self, size: int, work_root: Path) -> None:
        self._work_root = work_root
        self._free_slots = list(range(1, size + 1))
        self._room = asyncio.Semaphore(size)
        self._idle: list[HostProcess] = []
        self._all: set[HostProcess] = set()
        self._sweep: asyncio.Task[None] | None = None

    @property
    def pids(self) -> list[int]:
        """The process ids of the hosts there are."""
        return [host.pid for host in self._all]

    async def warm(self) -> None:
        """Have one host ready before the first job comes."""
        if not self._idle:
            self._rest(await self._spawn())

    async def run(
        self, job: RunJob, sink: Sink, cancelled: "asyncio.Future[str] | None" = None
    ) -> JobEnded:
        """Run a job to its end, giving every message to `sink` in order; JobEnded is the last.

        What the sink returns for something that a step publishes is the step's answer, None that
        all is well.

        `cancelled` holds the reason when the job is to be canceled. When `sink` raises, or this is
        canceled itself, the job is killed and nothing more is reported. A host that dies makes the
        job fail with the reason; the pool goes on with another one.
        """
        async with self._room:
            slot = heapq.heappop(self._free_slots)
            placed = self._placed(job, slot)
            try:
                return await self._run(placed, sink, cancelled)
            finally:
                await _clear(workspace.temporary(placed.work_directory))
                heapq.heappush(self._free_slots, slot)

    async def close(self) -> None:
        """End every host; the jobs that still run are killed."""
        if self._sweep is not None:
            self._sweep.cancel()
        self._idle.clear()
        await asyncio.gather(*(host.close() for host in list(self._all)))
        self._all.clear()

    def _placed(self, job: RunJob, slot: int) -> RunJob:
        if job.work_directory:
            return job
        return msgspec.structs.replace(job, work_directory=str(self._work_root / str(slot)))

    async def _run(
        self, job: RunJob, sink: Sink, cancelled: "asyncio.Future[str] | None"
    ) -> JobEnded:
        conversation = _Conversation(job, sink)
        try:
            host = await self._take()
        except (HostLost, TimeoutError) as lost:
            return await conversation.lost(str(lost) or "A job host did not come up in time.")
        try:
            ended = await conversation.hold(host, cancelled)
        except (HostLost, FrameError) as lost:
            await self._bury(host, job)
            return await conversation.lost(str(lost))
        except BaseException:
            await self._bury(host, job)
            raise
        self._rest(host)
        return ended

    async def _take(self) -> HostProcess:
        while self._idle:
            host = self._idle.pop()
            if host.is_alive:
                return host
            self._all.discard(host)
        return await self._spawn()

    async def _spawn(self) -> HostProcess:
        host = await HostProcess.spawn()
        self._all.add(host)
        return host

    def _rest(self, host: HostProcess) -> None:
        """Keep a host for the next job; those beyond one end after a while."""
        host.idle_since = time.monotonic()
        self._idle.append(host)
        if len(self._idle) > 1 and (self._sweep is None or self._sweep.done()):
            self._sweep = asyncio.get_running_loop().create_task(self._end_idle())

    async def _end_idle(self) -> None:
        """The newest idle host is taken first, so the oldest ones are those nobody needs."""
        while len(self._idle) > 1:
            wait = self._idle[0].idle_since + IDLE_SECONDS - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            host = self._idle.pop(0)
            self._all.discard(host)
            await host.close()

    async def _bury(self, host: HostProcess, job: RunJob) -> None:
        """Make sure that neither a host nor anything its job started is left."""
        self._all.discard(host)
        await host.kill()
        await descendants.end_marked(descendants.marker_of(job))


async def _clear(directory: Path) -> None:
    """Leave nothing of a job's scripts behind: values of secrets may stand in them."""
    try:
        if workspace.is_small(directory):
            workspace.clear(directory)
        else:
            await asyncio.to_thread(workspace.clear, directory)
    except OSError as error:
        _log.warning("what a job has left stays", directory=str(directory), reason=str(error))


class _Conversation:
    """One job's messages between the host and the sink."""

    def __init__(self, job: RunJob, sink: Sink) -> None:
        self._job = job
        self._sink = sink
        self._open: StepStarted | None = None

    async def hold(self, host: HostProcess, cancelled: "asyncio.Future[str] | None") -> JobEnded:
        """Pass everything on until the job has ended; raises HostLost."""
        host.send(self._job)
        watch = asyncio.ensure_future(self._watch(host, cancelled))
        try:
            while True:
                message = await host.read()
                await self._pass_on(host, message)
                if isinstance(message, JobEnded):
                    return message
        finally:
            watch.cancel()

    async def lost(self, reason: str) -> JobEnded:
        """Report a job whose host is gone: the running step and the job have failed."""
        now = time.time()
        if self._open is not None:
            await self._sink(
                StepEnded(
                    job_id=self._job.job_id,
                    step_id=self._open.step_id,
                    result=JobResult.FAILED,
                    at=now,
                    issues=[Issue("error", reason)],
                    error_count=1,
                )
            )
        text = f"{reason} The job cannot go on; what it had started was ended."
        ended = JobEnded(
            job_id=self._job.job_id,
            result=JobResult.FAILED,
            at=now,
            issues=[Issue("error", text)],
            error=text,
        )
        await self._sink(ended)
        return ended

    async def _pass_on(self, host: HostProcess, message: HostMessage) -> None:
        if isinstance(message, HostReady):
            return
        if isinstance(message, StepStarted):
            self._open = message
        elif isinstance(message, StepEnded):
            self._open = None
        answer = await self._sink(message)
        if isinstance(message, Publication):
            host.send(answer or Published(message.job_id, message.step_id))
        if isinstance(message, LogChunk):
            host.send(LogAck(len(message.body)))

    async def _watch(self, host: HostProcess, cancelled: "asyncio.Future[str] | None") -> None:
        """Pass a cancel on; a host that has not ended long after it should have is killed."""
        limit = self._job.timeout_seconds
        grace = self._job.cancel_timeout_seconds + STOP_SECONDS
        if cancelled is None:
            if not limit:
                return
            await asyncio.sleep(limit + grace)
        else:
            await asyncio.wait((cancelled,), timeout=limit + grace if limit else None)
            if cancelled.done() and not cancelled.cancelled():
                host.send(CancelJob(self._job.job_id, cancelled.result()))
                await asyncio.sleep(grace)
        await host.kill()
