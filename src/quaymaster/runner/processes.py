"""Starts a task's process in a session of its own, and ends it politely, then firmly.

Between the host and the script stands a tiny shell: a script that kills its parent kills that
shell, so only its own task fails.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

READ_BYTES = 128 * 1024
PIPE_BYTES = 256 * 1024
STREAM_CLOSE_SECONDS = 1.0
LAST_WORDS_BYTES = 1024 * 1024
F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", None)

# The shell must outlive the signals that the script may handle: a trap, unlike ignoring, is not
# inherited by what it starts. `exit` keeps it from replacing itself by the script.
_SHIM = ("-c", 'trap : INT TERM HUP; "$@"; exit $?', "sh")
# Some shells drop what they could not name, such as agent.jobstatus or a connection's id; bash
# passes it on. `-p` keeps it from running what BASH_ENV names.
_BASH = shutil.which("bash")
_SHELL = (_BASH, "-p") if _BASH else ("/bin/sh",)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a process may take to end after SIGINT, and then after SIGTERM."""

    interrupt_seconds: float = 7.5
    terminate_seconds: float = 2.5


class CannotStart(Exception):
    """The process could not be started; the text says why, without any value of the task."""


class Pipe:
    """The reading end of what a process prints; reading stops while nobody takes the bytes."""

    def __init__(self) -> None:
        self._closes_at = 0.0
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        os.set_blocking(self.reader, False)
        if F_SETPIPE_SZ is not None:
            # When the user's pipe quota is used up, the default size serves as well.
            with contextlib.suppress(PermissionError):
                fcntl.fcntl(self.reader, F_SETPIPE_SZ, PIPE_BYTES)

    def close_writer(self) -> None:
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def close(self) -> None:
        self.close_writer()
        if self.reader >= 0:
            asyncio.get_running_loop().remove_reader(self.reader)
            os.close(self.reader)
            self.reader = -1

    async def chunks(self, ended: "asyncio.Future[int]") -> AsyncIterator[bytes]:
        """What is printed, until all writers are gone or the process and its last words are.

        Heirs that hold the pipe open are heard for a second more, and for a mebibyte at most.
        """
        allowance = LAST_WORDS_BYTES
        while allowance > 0:
            try:
                piece = os.read(self.reader, READ_BYTES)
            except BlockingIOError:
                if not await self._readable(ended):
                    return
                continue
            if not piece:
                return
            if ended.done():
                allowance -= len(piece)
            yield piece

    async def _readable(self, ended: "asyncio.Future[int]") -> bool:
        """Wait for bytes; False when the process has ended and its time for last words as well."""
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self.reader, _settle, readable)
        try:
            if not ended.done():
                await asyncio.wait((readable, ended), return_when=asyncio.FIRST_COMPLETED)
            if not readable.done():
                self._closes_at = self._closes_at or loop.time() + STREAM_CLOSE_SECONDS
                await asyncio.wait((readable,), timeout=self._closes_at - loop.time())
            return readable.done()
        finally:
            loop.remove_reader(self.reader)

    def discard_rest(self) -> None:
        """Keep emptying the pipe, so that a process left in the background can go on printing."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self.reader, self._discard)

    def _discard(self) -> None:
        try:
            if os.read(self.reader, READ_BYTES):
                return
        except BlockingIOError:
            return
        self.close()


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class TaskProcess:
    """One running process; `ended` gives its exit code, negative for a signal's number."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.pid = process.pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._watch()

    def _watch(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            self._pidfd = -1
            self._waiter = asyncio.create_task(self._wait_in_thread())
        else:
            asyncio.get_running_loop().add_reader(self._pidfd, self._has_ended)

    def _has_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        code = self._process.wait()
        if not self.ended.done():
            self.ended.set_result(code)

    async def _wait_in_thread(self) -> None:
        code = await asyncio.to_thread(self._process.wait)
        if not self.ended.done():
            self.ended.set_result(code)

    async def stop(self, patience: Patience) -> None:
        """SIGINT, a wait, SIGTERM, a wait, SIGKILL, each to the whole group (SEMANTICS 13.10)."""
        for sent, seconds in (
            (signal.SIGINT, patience.interrupt_seconds),
            (signal.SIGTERM, patience.terminate_seconds),
        ):
            self._signal(sent)
            await asyncio.wait((self.ended,), timeout=seconds)
            if self.ended.done():
                break
        self.kill()
        await asyncio.wait((self.ended,))

    def kill(self) -> None:
        """SIGKILL to the whole group, now."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return  # the group is gone; macOS answers EPERM for a group of zombies


def start(
    command: list[str],
    *,
    environment: dict[str, str],
    directory: str,
    output: Pipe,
    errors: Pipe | None,
) -> TaskProcess:
    """Start a command with its output in `output`, and its errors there too unless kept apart.

    Raises CannotStart when the directory is missing or the environment is too large.
    """
    if not Path(directory).is_dir():
        raise CannotStart(f"The working directory {directory} does not exist.")
    try:
        process = subprocess.Popen(  # noqa: S603 - running what the definition says is the job
            [*_SHELL, *_SHIM, *command],
            stdin=subprocess.DEVNULL,
            stdout=output.writer,
            stderr=output.writer if errors is None else errors.writer,
            env=environment,
            cwd=directory,
            start_new_session=True,
            close_fds=False,  # every descriptor of the host is close-on-exec
        )
    except OSError as error:
        raise CannotStart(_reason(error, environment)) from error
    except ValueError as error:
        raise CannotStart(f"The process cannot be started: {error}.") from None
    finally:
        output.close_writer()
        if errors is not None:
            errors.close_writer()
    return TaskProcess(process)


def _reason(error: OSError, environment: dict[str, str]) -> str:
    if error.errno == errno.E2BIG:
        largest = max(environment, key=lambda name: len(environment[name]))
        return (
            "The variables and inputs are too large to hand to a process; the largest is "
            f"{largest} with {len(environment[largest])} characters. Put it into a file."
        )
    return f"The process cannot be started: {error.strerror}."
