"""Runs one process for a step: its output into the log, its end whatever happens."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence

from quaymaster.runner import descendants
from quaymaster.runner.environment import milliseconds
from quaymaster.runner.output import TaskOutput
from quaymaster.runner.processes import Patience, Pipe, TaskProcess, start
from quaymaster.runner.step import StepRun

LAST_OUTPUT_SECONDS = 5.0
REAP_SECONDS = 1.0
SHOWN_ERRORS = 8 * 1024


class _ErrorText:
    """The beginning of what was printed to standard error, for the issue about it."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, text: str) -> None:
        if len(self.text) < SHOWN_ERRORS and text.strip():
            self.text = f"{self.text}\n{text}".lstrip("\n")[:SHOWN_ERRORS]


class Execution:
    """One process of a step. `on_command` None: its output may not give commands."""

    def __init__(self, step: StepRun, on_command: Callable[[str], None] | None) -> None:
        self._step = step
        self._state = step.state
        self._on_command = on_command

    async def run(
        self,
        command: list[str],
        *,
        directory: str,
        environment: Mapping[str, str],
        errors_fail: bool = False,
    ) -> int:
        """The exit code. When this is canceled, the process is stopped politely, then firmly.

        Raises CannotStart.
        """
        output, errors = Pipe(), Pipe() if errors_fail else None
        pipes = [pipe for pipe in (output, errors) if pipe is not None]
        try:
            process = start(
                command,
                environment=dict(environment),
                directory=directory,
                output=output,
                errors=errors,
            )
        except BaseException:
            _close(pipes)
            raise
        said = _ErrorText()
        pumps = [asyncio.ensure_future(self._pump(output, process, None))]
        if errors is not None:
            pumps.append(asyncio.ensure_future(self._pump(errors, process, said.add)))
        self._step.processes.add(process)
        self._reap_later(process)
        try:
            await asyncio.wait(pumps)
            for pump in pumps:
                pump.result()
            code = await process.ended
        except BaseException:
            await self._stop(process, pumps)
            _close(pipes)
            raise
        finally:
            self._step.processes.discard(process)
            self._reaping.cancel()
        await self._settle(code, pipes)
        self._report(said.text)
        return code

    async def _pump(
        self, pipe: Pipe, process: TaskProcess, on_text: Callable[[str], None] | None
    ) -> None:
        """Bring what is printed into the log, no faster than the worker takes it."""
        taker = TaskOutput(self._step.log, self._state.masker, self._on_command, on_text)
        async for portion in pipe.chunks(process.ended):
            taker.feed(portion)
            await asyncio.sleep(0)
            await self._state.outbox.room()
        taker.close()

    def _reap_later(self, process: TaskProcess) -> None:
        """While it runs, bury what it orphans: a host's zombies would use up all process ids."""
        loop = asyncio.get_running_loop()
        self._reaping = loop.call_later(REAP_SECONDS, self._reap, process)

    def _reap(self, process: TaskProcess) -> None:
        orphans = set(descendants.children(os.getpid())) - {process.pid}
        self._state.background -= descendants.reap(orphans)
        self._reap_later(process)

    async def _stop(self, process: TaskProcess, pumps: Sequence["asyncio.Future[None]"]) -> None:
        """End the process and all it started; hear its last words while they come."""
        try:
            await process.stop(self._patience())
        finally:
            process.kill()
            await descendants.end_all(self._state.background)
            await asyncio.wait(pumps, timeout=LAST_OUTPUT_SECONDS)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    def _patience(self) -> Patience:
        """The usual waits, or those of PROCESS_SIGINT_TIMEOUT and PROCESS_SIGTERM_TIMEOUT (ms)."""
        usual = Patience()
        variables = self._state.expanded
        return Patience(
            milliseconds(variables, "PROCESS_SIGINT_TIMEOUT", usual.interrupt_seconds),
            milliseconds(variables, "PROCESS_SIGTERM_TIMEOUT", usual.terminate_seconds),
        )

    async def _settle(self, code: int, pipes: list[Pipe]) -> None:
        """Remember what was left in the background; end it when the task's own shell was killed."""
        own = os.getpid()
        left = set(descendants.children(own)) - self._state.background
        if left:
            descendants.reap(left)
            left = set(descendants.children(own)) - self._state.background
        if left and code < 0:
            await descendants.end_all(self._state.background)
        elif left:
            self._state.background |= left
            self._state.pipes.extend(pipes)
            for pipe in pipes:
                pipe.discard_rest()
            return
        _close(pipes)

    def _report(self, errors: str) -> None:
        """Standard error fails a step that asked for it (`failOnStderr`)."""
        if errors:
            self._step.fail("The script wrote one or more lines to the standard error stream.")
            self._step.fail(errors)


def _close(pipes: list[Pipe]) -> None:
    for pipe in pipes:
        pipe.close()
