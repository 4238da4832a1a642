"""A worker's end of the pipe that keeps what a host sends, for tests without a process."""

import asyncio
from typing import Any

from quaymaster.protocol.job import LogChunk
from quaymaster.runner.log_stream import LogStream
from quaymaster.runner.outbox import Outbox


class Sent:
    """Stands where an outbox stands; nothing is ever full."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send(self, message: Any) -> None:
        self.messages.append(message)

    @property
    def chunks(self) -> list[LogChunk]:
        return [message for message in self.messages if isinstance(message, LogChunk)]

    def lines(self) -> list[str]:
        """The lines of the log without their time stamps."""
        body = b"".join(chunk.body for chunk in self.chunks).decode()
        return [line.partition(" ")[2] for line in body.split("\n")[:-1]]


class FullPipe(asyncio.WriteTransport):
    """A transport that takes everything and counts it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)


def log_stream(sent: Sent, limit: int = 10**9) -> LogStream:
    outbox: Any = sent
    assert isinstance(outbox, Sent | Outbox)
    return LogStream(outbox, job_id=1, step_id=2, limit=limit, now=lambda: 1_767_225_600.25)
