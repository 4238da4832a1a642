"""Runs one task of a job: its inputs, its environment, its time limit and its retries."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from quaymaster.domain import macros
from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.variables import Handler, expand_input, handler_environment
from quaymaster.protocol.job import SYSTEM_CONNECTION, JobResult, Step
from quaymaster.runner.descendants import MARKER
from quaymaster.runner.environment import usable, with_path
from quaymaster.runner.execution import Execution
from quaymaster.runner.obey import Obedience
from quaymaster.runner.processes import CannotStart
from quaymaster.runner.state import in_words
from quaymaster.runner.step import StepRun, Stop
from quaymaster.runner.tasks import finding
from quaymaster.runner.tasks.call import Inputs, TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import TaskDefinition
from quaymaster.runner.tasks.installed import environment as protocol

MOST_RETRIES = 10
_RULE = "=" * 78


class TaskStep:
    """One task from its header in the log to its result; the condition was met before."""

    def __init__(self, run: StepRun) -> None:
        self._run = run
        self._state = run.state
        self._step = run.step
        self._task = finding.find(run.state.message, run.step)
        self._obedience = Obedience(run, self._task)
        self._texts = run.state.expanded.texts()
        run.task_version = self._task.version

    async def run(self) -> None:
        """Run it, again after a failure as often as asked; the result is left in the step."""
        self._header()
        retries = self._retries()
        timer = self._start_timer()
        try:
            for attempt in range(retries + 1):
                await self._attempt()
                if attempt == retries or not self._run.has_failed():
                    return
                if not await self._wait_before_retry(attempt):
                    return
        finally:
            if timer is not None:
                timer.cancel()

    def _start_timer(self) -> asyncio.TimerHandle | None:
        """The time limit of the step, over all its attempts."""
        if not self._step.timeout_seconds:
            return None
        loop = asyncio.get_running_loop()
        return loop.call_later(self._step.timeout_seconds, self._run.stop, Stop.TIMED_OUT)

    def _header(self) -> None:
        self._run.print(
            f"{_RULE}\nTask         : {self._task.title}\n"
            f"Version      : {self._task.version}\n{_RULE}"
        )

    def _retries(self) -> int:
        if self._step.retry_count > MOST_RETRIES:
            self._run.warning(
                f"The task asks for {self._step.retry_count} retries; {MOST_RETRIES} is the most."
            )
        return max(0, min(self._step.retry_count, MOST_RETRIES))

    async def _attempt(self) -> None:
        """One try, ended from outside when the job is canceled or the time is over."""
        working = asyncio.ensure_future(self._work())
        await asyncio.wait((working, self._run.stop_wanted), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))
        if self._run.stop_wanted.done():
            self._stopped(self._run.stop_wanted.result())
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error

    async def _work(self) -> None:
        try:
            await self._task.run(self._call())
        except (TaskFailed, CannotStart) as error:
            self._run.fail(str(error))

    def _stopped(self, why: Stop) -> None:
        if why is Stop.TIMED_OUT:
            limit = in_words(self._step.timeout_seconds or 0)
            self._run.error(f"The task has timed out after {limit}.")
            self._run.result = JobResult.FAILED
        elif why is Stop.CANCELED:
            self._run.error("The operation was canceled.")
            self._run.result = JobResult.CANCELED

    async def _wait_before_retry(self, attempt: int) -> bool:
        """Wait (attempt + 1)² seconds; False when the step is to end instead (13.11)."""
        if self._run.stop_wanted.done():
            return False
        seconds = (attempt + 1) ** 2
        self._run.warning(f"The task failed; it is tried again in {in_words(seconds)}.")
        await asyncio.wait((self._run.stop_wanted,), timeout=seconds)
        if self._run.stop_wanted.done():
            self._stopped(self._run.stop_wanted.result())
            return False
        self._run.forget_failure()
        return True

    def _call(self) -> TaskCall:
        inputs = _inputs(self._task, self._step, self._expand, str(self._state.home.artifacts))
        environment = self._environment(inputs)
        execution = Execution(self._run, self._obedience.take)

        async def execute(
            command: list[str],
            *,
            directory: str,
            environment: Mapping[str, str] | None = None,
            errors_fail: bool = False,
        ) -> int:
            return await execution.run(
                command,
                directory=directory,
                environment={**own, **(environment or {})},
                errors_fail=errors_fail,
            )

        own = environment
        return TaskCall(
            inputs=Inputs({name.lower(): value for name, value in inputs.items()}),
            workspace=self._state.home,
            working_directory=str(self._state.home.artifacts),
            environment=environment,
            log=self._run.print,
            warn=self._run.warning,
            command=self._obedience.take,
            execute=execute,
            expand=lambda text: self._expand(macros.replaced(text, IgnoreCase(inputs))),
        )

    def _expand(self, text: str) -> str:
        return expand_input(text, self._texts, self._state.inherited)

    def _environment(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """Everything the task's processes find in their environment (SEMANTICS 16.5, 18.3)."""
        own = {name: self._expand(value) for name, value in self._step.environment.items()}
        given = handler_environment(self._task.handler, self._state.expanded, inputs, own)
        if self._task.handler is not Handler.PROCESS:
            given |= self._connections(inputs)
            given |= self._secure_files(inputs)
            given |= protocol.of_task_variables(
                self._state.variables_of_task(self._step.task_number)
            )
        environment, left_out = usable({**self._state.inherited, **given})
        for name in left_out:
            self._run.warning(
                f"The variable {name[:200]} cannot be put into the environment of a process: its "
                "name or value is too long or holds a character that is not allowed there."
            )
        with_path(environment, self._state.paths)
        environment[MARKER] = self._state.marker
        return environment

    def _secure_files(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """The names and tickets of the secure files that inputs name (SEMANTICS 18.4)."""
        given: dict[str, str] = {}
        for written in protocol.named_secure_files(self._task.inputs, inputs):
            file = self._state.secure_file(written)
            if file is None:
                raise TaskFailed(
                    f"The project has no secure file {written}, which the task {self._task.name} "
                    "names. Add it, or name another one in the pipeline."
                )
            for name in {written, written.lower()}:
                given |= protocol.of_secure_file(file, name)
        return given

    def _connections(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """The connections that inputs name, and that to this server (SEMANTICS 18.4)."""
        given: dict[str, str] = {}
        if system := self._state.endpoints.get(SYSTEM_CONNECTION.lower()):
            given |= protocol.of_connection(system, SYSTEM_CONNECTION)
        for written in protocol.named_connections(self._task.inputs, inputs):
            endpoint = self._state.connection(written)
            if endpoint is None:
                raise TaskFailed(
                    f"The project has no service connection {written}, which the task "
                    f"{self._task.name} names, that this job may use. Add it, name another one in "
                    "the pipeline, or have the pipeline saved by somebody who may use it."
                )
            for name in {written, written.lower()}:
                given |= protocol.of_connection(endpoint, name)
        return given


def _inputs(
    task: TaskDefinition, step: Step, expand: Callable[[str], str], root: str
) -> dict[str, str]:
    """Defaults, overlaid by what the step gives, trimmed, expanded, paths rooted (16.3)."""
    texts = {declared.name.lower(): declared.default for declared in task.inputs}
    names = {alias.lower(): d.name.lower() for d in task.inputs for alias in d.aliases}
    given = {name.strip().lower(): value.strip() for name, value in step.inputs.items()}
    texts |= {names[name]: value for name, value in given.items() if name in names}
    texts |= given
    paths = {declared.name.lower() for declared in task.inputs if declared.type == "filePath"}
    expanded = {name: expand(value) for name, value in texts.items()}
    return {
        name: str(Path(root, value)) if name in paths else value for name, value in expanded.items()
    }
