"""The worker's end of one job host: its process, its messages, its end."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process

from quaymaster.protocol import frames
from quaymaster.protocol.job import HostMessage, HostReady, WorkerMessage
from quaymaster.runner.environment import inherited

READ_LIMIT = 256 * 1024
START_SECONDS = 30.0
CLOSE_SECONDS = 5.0


class HostLost(Exception):
    """The host's process has ended, or no longer speaks the protocol; the text says how."""


class HostProcess:
    """A running job host."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.idle_since = 0.0

    @classmethod
    async def spawn(cls) -> "HostProcess":
        """Start a host and wait until it is ready; raises HostLost when it does not come up.

        It gets a session of its own and none of the product's settings, which hold secrets, nor
        what the product signs in with elsewhere.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "quaymaster.runner"),
                stdin=PIPE,
                stdout=PIPE,
                env=inherited(),
                start_new_session=True,
                limit=READ_LIMIT,
            )
        except OSError as error:
            raise HostLost(f"A job host could not be started: {error.strerror}.") from error
        host = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                ready = await host.read()
        except BaseException:
            await host.kill()
            raise
        if not isinstance(ready, HostReady):
            await host.kill()
            raise HostLost("A job host did not begin by saying that it is ready.")
        return host

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    def send(self, message: WorkerMessage) -> None:
        """Send a message; what a dead host no longer reads is noticed by `read`."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(frames.encode(message))

    async def read(self) -> HostMessage:
        """The host's next message; raises HostLost when there will be none."""
        assert self._process.stdout is not None  # noqa: S101 - asked for when it was spawned
        try:
            message = await frames.read_from_host(self._process.stdout)
        except frames.FrameError as error:
            raise HostLost(f"The job host (process {self.pid}) sent nonsense: {error}") from error
        if message is None:
            raise HostLost(await self._how_it_ended())
        return message

    async def _how_it_ended(self) -> str:
        code = await self._process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"The job host (process {self.pid}) {how}."

    async def close(self) -> None:
        """Let an idle host end by itself; one that does not is killed."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it now, whatever it is doing."""
        if self.is_alive:
            self._process.kill()
        await self._process.wait()
