"""The host's way to its worker: messages in order, and never more than the worker can take."""

import asyncio

from quaymaster.protocol import frames
from quaymaster.protocol.job import UNACKNOWLEDGED_LIMIT, HostMessage, LogChunk

WRITE_BUFFER_BYTES = 1024 * 1024


class Outbox:
    """Sends at once and never blocks; whoever produces much calls `room()` in between.

    Frames of one turn of the event loop are written together: a short job sends a dozen.
    """

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._frames: list[bytes] = []
        self._unacknowledged = 0
        self._writable = True
        self._room = asyncio.Event()
        self._room.set()
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)

    def send(self, message: HostMessage) -> None:
        """Queue a message for the worker."""
        if isinstance(message, LogChunk):
            self._unacknowledged += len(message.body)
        if not self._frames:
            asyncio.get_running_loop().call_soon(self.flush)
        self._frames.append(frames.encode(message))
        self._update()

    def flush(self) -> None:
        """Hand what is queued to the transport."""
        if self._frames:
            self._transport.write(b"".join(self._frames))
            self._frames.clear()

    def acknowledged(self, count: int) -> None:
        """The worker has stored this many bytes of log."""
        self._unacknowledged = max(0, self._unacknowledged - count)
        self._update()

    def writable(self, *, now: bool) -> None:
        """The pipe to the worker is full (False) or has room again (True)."""
        self._writable = now
        self._update()

    async def room(self) -> None:
        """Wait until the worker has taken enough for more to be sent."""
        if not self._room.is_set():
            self.flush()
            await self._room.wait()

    def new_job(self) -> None:
        """Forget what the last job's log left unacknowledged."""
        self._unacknowledged = 0
        self._update()

    def _update(self) -> None:
        if self._writable and self._unacknowledged < UNACKNOWLEDGED_LIMIT:
            self._room.set()
        else:
            self._room.clear()


class OutboxProtocol(asyncio.BaseProtocol):
    """Tells an outbox of the state of its pipe."""

    outbox: Outbox | None = None

    def pause_writing(self) -> None:
        if self.outbox is not None:
            self.outbox.writable(now=False)

    def resume_writing(self) -> None:
        if self.outbox is not None:
            self.outbox.writable(now=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker is gone; the end of standard input says so as well, and is acted upon."""


async def open_outbox(descriptor: int) -> Outbox:
    """An outbox that writes to this descriptor."""
    loop = asyncio.get_running_loop()
    stream = open(descriptor, "wb", buffering=0)  # noqa: SIM115, ASYNC230 - a descriptor, kept open
    transport, protocol = await loop.connect_write_pipe(OutboxProtocol, stream)
    outbox = Outbox(transport)
    protocol.outbox = outbox
    return outbox
