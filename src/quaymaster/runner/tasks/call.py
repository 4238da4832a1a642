"""One run of a task, as its handler sees it: inputs, directories, log, and ways to do things."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from quaymaster.runner.workspace import Workspace

T = TypeVar("T")


class TaskFailed(Exception):
    """The task has failed; the text becomes the step's error issue."""


class TaskStopped(Exception):
    """Raised in a task's thread when the step was canceled or has timed out."""


class Execute(Protocol):
    """Runs a program as the task's process and waits for its end."""

    def __call__(
        self,
        command: list[str],
        *,
        directory: str,
        environment: Mapping[str, str] | None = None,
        errors_fail: bool = False,
    ) -> Awaitable[int]: ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one run, complete, trimmed and expanded; names ignore case."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.values.get(name.lower(), "")

    def required(self, name: str) -> str:
        """The input; TaskFailed when it is empty."""
        if not (value := self.text(name)):
            raise TaskFailed(f"Input required: {name}")
        return value

    def flag(self, name: str) -> bool:
        """True for `true` in any case, else False (SEMANTICS 18.8)."""
        return self.text(name).lower() == "true"

    def lines(self, name: str) -> list[str]:
        """The lines that are not blank, trimmed."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]


def _no_command(line: str) -> None:
    raise TaskFailed(f"The task cannot give the command {line} here.")


@dataclass(frozen=True, slots=True)
class TaskCall:
    """`command` obeys a line with a logging command as if the task had printed it.

    `log` adds a line to the step's log, `warn` an issue; `execute` gives the exit code.

    `expand` replaces macros by the inputs and then by the variables of the job.
    """

    inputs: Inputs
    workspace: Workspace
    working_directory: str
    environment: Mapping[str, str]
    log: Callable[[str], None]
    warn: Callable[[str], None]
    execute: Execute
    command: Callable[[str], None] = _no_command
    expand: Callable[[str], str] = str
    stopped: threading.Event = field(default_factory=threading.Event)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run file work in a thread; when the step is canceled, the thread is told and awaited.

        The work calls `check` between its parts.
        """
        running = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.stopped.set()
            await asyncio.wait((running,))
            raise

    def check(self) -> None:
        """Raise TaskStopped in a thread whose step has been canceled."""
        if self.stopped.is_set():
            raise TaskStopped

    def log_from_thread(self, loop: asyncio.AbstractEventLoop, text: str) -> None:
        """`log` for work that runs in a thread."""
        loop.call_soon_threadsafe(self.log, text)
