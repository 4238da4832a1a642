"""The job host: a process that runs one job at a time for the worker that started it.

Messages come on standard input and go out on standard output. When the input ends, the worker is
gone: everything the host has started is killed at once, so that no task outlives its worker.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field

from quaymaster.protocol import frames
from quaymaster.protocol.job import (
    CancelJob,
    HostReady,
    LogAck,
    Published,
    RunJob,
    WorkerMessage,
)
from quaymaster.runner import descendants
from quaymaster.runner.environment import inherited
from quaymaster.runner.job import Job
from quaymaster.runner.outbox import Outbox, open_outbox

READ_LIMIT = 256 * 1024


@dataclass(slots=True)
class Host:
    """The one job at hand, and what earlier jobs were allowed to leave running."""

    outbox: Outbox
    environment: dict[str, str]
    released: set[int] = field(default_factory=set)
    job: Job | None = None
    job_id: int = 0
    running: asyncio.Task[None] | None = None

    def take(self, message: WorkerMessage) -> None:
        """Act upon one message of the worker."""
        match message:
            case RunJob():
                self._start(message)
            case CancelJob() if self.job is not None and message.job_id == self.job_id:
                self.job.cancel(message.reason)
            case Published() if self.job is not None and message.job_id == self.job_id:
                self.job.published(message)
            case CancelJob() | Published():
                return  # the job has ended meanwhile
            case LogAck():
                self.outbox.acknowledged(message.bytes)

    def _start(self, message: RunJob) -> None:
        if self.running is not None and not self.running.done():
            raise frames.FrameError(f"Job {message.job_id} was sent while another one is running.")
        self._forget_ended()
        self.outbox.new_job()
        self.job_id = message.job_id
        self.job = Job(message, self.outbox, inherited=self.environment, released=self.released)
        self.running = asyncio.get_running_loop().create_task(self.job.run())

    def _forget_ended(self) -> None:
        if self.released:
            self.released -= descendants.reap(self.released)


async def serve(incoming: int, outgoing: int) -> None:
    """Serve the worker until it closes the input; the descriptors are the host's alone."""
    reader = await _open_reader(incoming)
    host = Host(await open_outbox(outgoing), inherited())
    host.outbox.send(HostReady(pid=os.getpid()))
    while (message := await frames.read_from_worker(reader)) is not None:
        host.take(message)
    descendants.end_all_now(host.released)
    os._exit(0)  # nothing of the job is to be tidied up or waited for any more


async def _open_reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=READ_LIMIT)
    stream = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), stream
    )
    return reader


def main() -> int:
    """Run as `python -m quaymaster.runner`; the exit code is 0 when the worker closed the input."""
    descendants.adopt_orphans()
    # Ctrl-C in a terminal reaches every process; the worker decides how its jobs end. Ignoring
    # the signal would be inherited by the tasks, a handler is not.
    signal.signal(signal.SIGINT, _leave_it_to_the_worker)
    incoming, outgoing = _take_standard_streams()
    asyncio.run(serve(incoming, outgoing))
    return 0


def _leave_it_to_the_worker(_number: int, _frame: object) -> None:
    """The handler of SIGINT: the host ends when its worker closes the input."""


def _take_standard_streams() -> tuple[int, int]:
    """Move the two pipes out of reach of anything that reads or prints by accident."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(sys.stderr.fileno(), 1)
    return incoming, outgoing
