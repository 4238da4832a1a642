"""Runs one claimed job: its host's messages into rows and logs, its end into the release."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

import structlog

from quaymaster.actions.call import Call, Installation
from quaymaster.actions.jobs import attachments, build_jobs, build_publishing, jobs
from quaymaster.actions.jobs.build_publishing import Outcome
from quaymaster.actions.jobs.jobs import End, Finished, Taken, Taker
from quaymaster.domain.errors import Conflict
from quaymaster.domain.statuses import JobStatus
from quaymaster.protocol.job import (
    Attachment,
    HostMessage,
    JobEnded,
    JobResult,
    LogChunk,
    OutputVariable,
    Publication,
    Published,
    ReleaseRenamed,
    RunJob,
    StepProgress,
)
from quaymaster.store.jobs import reports
from quaymaster.store.jobs.attachments import NewAttachment, object_key
from quaymaster.store.jobs.logs import Chunk
from quaymaster.store.jobs.reports import Report, StoredChunk
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.storage.object_storage import StorageUnavailable
from quaymaster.worker.handed_on import HandedOn
from quaymaster.worker.report_buffer import Portion, ReportBuffer, storable

FLUSH_SECONDS = 0.3  # a log can be read this soon after it was written
MOST_WAITING_BYTES = 512 * 1024  # beyond this the host is made to wait until the log is stored
LONGEST_PAUSE_SECONDS = 2.0
LONGEST_PUBLISHING_PAUSE_SECONDS = 60.0

STATUS = {
    JobResult.SUCCEEDED: JobStatus.SUCCEEDED,
    JobResult.SUCCEEDED_WITH_ISSUES: JobStatus.WITH_ISSUES,
    JobResult.FAILED: JobStatus.FAILED,
    JobResult.CANCELED: JobStatus.CANCELED,
    JobResult.SKIPPED: JobStatus.SUCCEEDED,
    JobResult.ABANDONED: JobStatus.FAILED,
}

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Hosts(Protocol):
    """Whoever carries jobs out: the job hosts of this worker, or the server itself."""

    async def run(
        self,
        job: RunJob,
        sink: Callable[[HostMessage], Awaitable[Published | None]],
        cancelled: "asyncio.Future[str] | None" = None,
    ) -> JobEnded:
        """Run a job to its end, giving every message but the last, which it answers, to `sink`."""


class JobRun:
    """One job on its host. Made by the dispatcher; others may cancel, stop or kill it."""

    def __init__(
        self,
        installation: Installation,
        hosts: Hosts,
        taken: Taken,
        next_taker: Callable[[], Taker | None],
    ) -> None:
        self.held = taken.held
        self._next_taker = next_taker
        self.is_finishing = False
        self._installation = installation
        self._hosts = hosts
        self._message = taken.message
        self._buffer = ReportBuffer(taken.message.steps)
        self._handed_on = HandedOn()
        self._writing = asyncio.Lock()
        self._flush_at: asyncio.TimerHandle | None = None
        self._flushes: set[asyncio.Task[None]] = set()
        self._canceled: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._hosted: asyncio.Task[JobEnded] | None = None
        self._is_stale = False
        self._is_ending = False
        self._failure = ""
        self._lost = ""

    def cancel(self, reason: str) -> None:
        """Ask the job to stop; steps whose condition holds when canceled still run."""
        if not self._canceled.done():
            self._canceled.set_result(reason)

    @property
    def canceled_text(self) -> str:
        """What a job tells that somebody cancels."""
        return f"The {'build' if self.held.build_id else 'deployment'} was canceled."

    def stop(self, failure: str) -> None:
        """The same because of us, not because somebody asked: the job will have failed."""
        self._failure = self._failure or failure
        self.cancel(failure)

    def _lose(self, failure: str) -> None:
        """The same because what the job gave us was not kept: it fails, even if it has ended well
        before it could be stopped (SEMANTICS 15.5)."""
        self._lost = self._lost or failure
        self.stop(failure)

    def kill(self, failure: str) -> None:
        """End everything the job runs, now; it has failed."""
        self._failure = self._failure or failure
        self._end_host()

    def drop(self) -> None:
        """Somebody else has decided about the job: end what it runs and report nothing."""
        self._is_stale = True
        self._end_host()

    def _end_host(self) -> None:
        """Once only: a second cancel would interrupt the pool in ending what the job has left."""
        if self._hosted is not None and not self._is_ending:
            self._is_ending = True
            self._hosted.cancel()

    async def run(self) -> Taken | None:
        """Run the job to its end, whatever that is, and write it down; the job that follows it
        at once in the same slot, if there is one."""
        ended = await self._ended()
        self.is_finishing = True
        if self._flush_at is not None:
            self._flush_at.cancel()
        await asyncio.gather(*self._flushes)
        if self._is_stale:
            _log.warning("a job was taken from this worker", job=self.held.id)
            return None
        if ended is None:
            self._buffer.end_open_steps(JobResult.FAILED, datetime.now(UTC))
        return await self._finish(ended)

    async def _ended(self) -> JobEnded | None:
        """How the host ended the job; None when it was killed."""
        self._hosted = asyncio.ensure_future(
            self._hosts.run(self._message, self._take, self._canceled)
        )
        if self._is_stale or self._failure:
            self._end_host()
        await asyncio.wait((self._hosted,))
        if self._hosted.cancelled():
            return None
        return self._hosted.result()

    async def _take(self, message: HostMessage) -> Published | None:
        """The sink of the host: it is read no further until this returns."""
        if isinstance(message, Publication):
            return await self._publish(message)
        if isinstance(message, ReleaseRenamed):
            await self._rename(message.name)
        elif isinstance(message, Attachment):
            await self._attach(message)
        else:
            await self._tell(message)
        return None

    async def _tell(self, message: HostMessage) -> None:
        """Gather what the timeline and the logs show."""
        if isinstance(message, OutputVariable) and self.held.build_id:
            problem = self._handed_on.take(message)
            if problem:
                self._lose(problem)
        self._buffer.take(message)
        if self._buffer.is_empty or self._is_stale:
            return
        if isinstance(message, LogChunk) and self._buffer.bytes_waiting >= MOST_WAITING_BYTES:
            await asyncio.wait((self._start_flush(),))  # not canceled with us: it holds log lines
        elif self._flush_at is None:
            loop = asyncio.get_running_loop()
            self._flush_at = loop.call_later(FLUSH_SECONDS, self._start_flush)

    def _start_flush(self) -> "asyncio.Task[None]":
        self._flush_at = None
        task = asyncio.ensure_future(self._flush())
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)
        return task

    async def _flush(self) -> None:
        """Write what has gathered; one at a time, so that a log stays in its order."""
        async with self._writing:
            if self._buffer.is_empty or self._is_stale:
                return
            try:
                told = await self._stored(self._buffer.portion())
                still_ours = await self._until_done(
                    lambda: jobs.report(Call(self._installation), self.held, told)
                )
            except Exception as error:  # noqa: BLE001 - a job whose log has a gap must not succeed
                _log.exception("a report could not be written", job=self.held.id)
                self.kill(f"The job's log could not be written ({type(error).__name__}).")
                return
            if not still_ours:
                self.drop()

    async def _stored(self, portion: Portion) -> Report:
        """The portion with its large pieces in the storage."""
        chunks = [await self._kept(step, chunk) for step, chunk in portion.chunks]
        return Report(portion.steps, chunks)

    async def _kept(self, step: int, chunk: Chunk) -> StoredChunk:
        files, token = self._installation.files, self.held.token
        return await self._until_done(lambda: reports.kept(files, step, token, chunk))

    async def _finish(self, ended: JobEnded | None) -> Taken | None:
        if ended is not None and ended.is_waiting:
            await self._await_report()
            return None
        status, error = self._verdict(ended)
        told = await self._stored(self._buffer.portion())
        end = End(status, error, told, self._handed_on.plain(), self._handed_on.secret())
        taker = self._next_taker()
        finished = await self._until_done(lambda: self._end(end, taker))
        _log.info(
            "a job ended" if finished.is_done else "a job was decided about elsewhere",
            job=self.held.id,
            release=self.held.release_id or None,
            build=self.held.build_id or None,
            status=status.value,
            error=error or None,
        )
        return finished.following

    async def _await_report(self) -> None:
        """Let go of the job: whoever was asked reports how it ends."""
        told = await self._stored(self._buffer.portion())
        let_go = build_jobs.await_report if self.held.build_id else jobs.await_report
        is_done = await self._until_done(lambda: let_go(Call(self._installation), self.held, told))
        _log.info("a job awaits a report", job=self.held.id, is_taken_in=is_done)

    async def _end(self, end: End, taker: Taker | None) -> Finished:
        call = Call(self._installation)
        if self.held.build_id:
            return await build_jobs.finish(call, self.held, end)
        return await jobs.finish(call, self.held, end, taker)

    def _verdict(self, ended: JobEnded | None) -> tuple[JobStatus, str]:
        if ended is None:
            return JobStatus.FAILED, self._failure
        if self._lost:
            return JobStatus.FAILED, self._lost
        said = ended.error or " ".join(issue.message for issue in ended.issues)
        if self._failure and ended.result is JobResult.CANCELED:
            return JobStatus.FAILED, self._failure
        return STATUS[ended.result], storable(said)

    async def _rename(self, name: str) -> None:
        problem = await self._until_done(
            lambda: jobs.rename_release(Call(self._installation), self.held, storable(name))
        )
        if problem:
            _log.warning("a release was not renamed", job=self.held.id, reason=problem)

    async def _publish(self, message: Publication) -> Published | None:
        """What a step publishes to its build; the host's next message waits until it is kept."""
        if self._is_stale or not self.held.build_id:
            return None
        outcome = await self._until_done(lambda: self._published(message))
        warnings = [outcome.warning] if outcome.warning else []
        return Published(message.job_id, message.step_id, outcome.problem, warnings)

    async def _published(self, message: Publication) -> Outcome:
        """While the storage fails the timeline says what is waited for, and a cancel ends that. A
        storage that is full is not filled again and again: the pauses become long."""
        pause = 0.1
        while True:
            try:
                return await build_publishing.publish(Call(self._installation), self.held, message)
            except StorageUnavailable as error:
                _log.warning(
                    "what a job publishes has to wait", job=self.held.id, reason=str(error)
                )
                if self._canceled.done():
                    return Outcome(f"{error} It was not tried again, because the job ends.")
                waits = f"Waits to publish: {error}"
                await self._tell(StepProgress(message.job_id, message.step_id, 0, waits))
            await asyncio.wait((self._canceled,), timeout=pause)
            pause = min(2 * pause, LONGEST_PUBLISHING_PAUSE_SECONDS)

    async def _attach(self, message: Attachment) -> None:
        """Keep an attached file; the host's next message waits until its bytes are stored."""
        copy = Path(message.path)
        try:
            if not self._is_stale:
                await self._keep(message, copy)
        except FileNotFoundError:
            self._lose(f"The attachment {message.name} was removed before it could be kept.")
        finally:
            _remove(copy)

    async def _keep(self, message: Attachment, copy: Path) -> None:
        files, key = self._installation.files, object_key(message.step_id, uuid4().hex)
        size = await self._until_done(lambda: files.put_file(key, copy))
        new = NewAttachment(
            message.step_id, storable(message.attachment_type), storable(message.name), size, key
        )
        still_ours = await self._until_done(
            lambda: attachments.keep(Call(self._installation), self.held, new)
        )
        if not still_ours:
            self.drop()

    async def _until_done(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try again while the database or the storage is away: the job waits, it is not lost."""
        pause = 0.1
        while True:
            try:
                return await attempt()
            except (DatabaseUnavailable, StorageUnavailable, Conflict) as error:
                _log.warning("a job's report has to wait", job=self.held.id, reason=str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _remove(copy: Path) -> None:
    copy.unlink(missing_ok=True)
