"""Runs the steps of one job in order, and ends it in a legal way (SEMANTICS 13.4-13.10)."""

import asyncio
import sys
import time
import traceback
from collections.abc import Callable, Mapping

from quaymaster.domain.expressions import ConditionResult, ExpressionError, evaluate_condition
from quaymaster.protocol.job import Issue, JobEnded, JobResult, Published, RunJob, Step
from quaymaster.runner import checkouts, descendants, downloads, fixed_steps
from quaymaster.runner.outbox import Outbox
from quaymaster.runner.results import merge
from quaymaster.runner.state import JobState, in_words
from quaymaster.runner.step import StepRun, Stop
from quaymaster.runner.task_step import TaskStep

_ALWAYS = ("initialize", "finalize")
_FIXED = {
    "initialize": fixed_steps.initialize,
    "checkout": checkouts.checkout,
    "download": downloads.download,
    "finalize": fixed_steps.finalize,
}


class Job:
    """One job from its message to JobEnded, which is always sent, and sent once."""

    def __init__(
        self,
        message: RunJob,
        outbox: Outbox,
        *,
        inherited: Mapping[str, str],
        released: set[int],
    ) -> None:
        self._message = message
        self._state = JobState(message, outbox, inherited, released)
        self._state.background |= released
        self._state.marker = descendants.marker_of(message)
        self._current: StepRun | None = None
        self._timed_out = False
        self._canceled = False
        self._killed = False
        self._timers: list[asyncio.TimerHandle] = []

    async def run(self) -> None:
        """Run every step whose condition holds, then say how the job ended."""
        if self._message.timeout_seconds:
            self._later(self._message.timeout_seconds, self._time_out)
        error = ""
        try:
            await self._run_steps()
        except Exception as problem:  # noqa: BLE001 - a job always ends, whatever is wrong with us
            error = self._internal_error(problem)
        finally:
            for timer in self._timers:
                timer.cancel()
        await fixed_steps.end_background(self._state, None)
        self._end(error)

    def cancel(self, reason: str) -> None:
        """The job's result is Canceled from now on; conditions decide what still runs (13.9)."""
        if self._canceled:
            return
        self._canceled = True
        self._state.result = JobResult.CANCELED
        if reason:
            self._state.issues.append(Issue("error", self._state.masker.mask(reason)))
        self._later(self._message.cancel_timeout_seconds, self._kill)
        if self._current is not None and not self._may_go_on(self._current):
            self._current.stop(Stop.CANCELED)

    def published(self, answer: Published) -> None:
        """Give the worker's answer to the step that waits for it; a killed one does no more."""
        if self._current is not None and self._current.step.id == answer.step_id:
            self._current.published(answer)

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, what))

    def _time_out(self) -> None:
        limit = in_words(self._message.timeout_seconds or 0)
        self._timed_out = True
        self.cancel(
            f"The job {self._message.name} exceeded the maximum execution time of {limit}. "
            "Raise its timeout in the definition, or make its tasks shorter."
        )

    def _kill(self) -> None:
        """The time for steps that run after a cancel is over."""
        self._killed = True
        if self._current is not None:
            self._current.kill()

    async def _run_steps(self) -> None:
        for step in self._message.steps:
            run = StepRun(self._state, step)
            if not step.enabled or (self._state.is_broken and step.kind not in _ALWAYS):
                run.result = JobResult.SKIPPED
                run.ended()
                continue
            self._current = run
            try:
                await self._run_step(run)
            finally:
                self._current = None
                result = run.ended()
            self._state.step_taken(result)
            if step.kind == "initialize" and result is JobResult.FAILED:
                self._state.is_broken = True

    async def _run_step(self, run: StepRun) -> None:
        """One step: variables, condition, and the work between the two section lines."""
        step = run.step
        is_task = step.kind == "task"
        warnings = self._state.expand_variables(_own_variables(step)) if is_task else ()
        name = fixed_steps.display_name(self._state, step)
        run.started(name)
        if not self._is_due(run):
            return
        run.print(f"##[section]Starting: {name}")
        for warning in warnings:
            run.warning(str(warning))
        try:
            await self._work(run)
        except Exception as problem:  # noqa: BLE001 - it fails this step, the others go on
            run.fail(self._internal_error(problem))
        if not self._killed:
            await run.all_published()
        run.print(f"##[section]Finishing: {name}")

    async def _work(self, run: StepRun) -> None:
        if run.step.kind == "task":
            await TaskStep(run).run()
        else:
            await _FIXED[run.step.kind](run)

    def _is_due(self, run: StepRun) -> bool:
        """Whether the condition holds; if not, the log says what it came to (SEMANTICS 14.14)."""
        if run.step.kind in _ALWAYS:
            return True
        if self._killed:
            run.error("The operation was canceled.")
            run.result = JobResult.CANCELED
            return False
        try:
            outcome = self._condition(run.step)
        except ExpressionError as problem:
            run.fail(f"The condition of this step cannot be evaluated: {problem}.")
            return False
        if not outcome.value:
            run.print("Skipping step due to condition evaluation.")
            run.print(outcome.trace)
            run.result = JobResult.SKIPPED
        return outcome.value

    def _condition(self, step: Step) -> ConditionResult:
        written = step.condition.strip()
        if not written:
            written = "succeededOrFailed()" if step.always_run else "succeeded()"
        return evaluate_condition(written, self._state.expanded.texts(), self._state.result.value)

    def _may_go_on(self, run: StepRun) -> bool:
        """Whether a running step's condition still holds now that the job is canceled."""
        if run.step.kind in _ALWAYS:
            return True
        try:
            return self._condition(run.step).value
        except ExpressionError:
            return False

    def _internal_error(self, problem: Exception) -> str:
        """What went wrong inside the runner, masked; its origin goes to standard error."""
        mask = self._state.masker.mask
        origin = "".join(traceback.format_exception(problem))
        print(mask(origin), file=sys.stderr)  # noqa: T201 - the host's own diagnostics
        return mask(f"The runner met an error: {type(problem).__name__}: {problem}")

    def _end(self, error: str) -> None:
        result = self._state.result
        if error:
            result = merge(result, JobResult.FAILED)
        if self._timed_out:
            result = JobResult.FAILED
        self._state.outbox.send(
            JobEnded(
                job_id=self._message.job_id,
                result=result,
                at=time.time(),
                issues=self._state.issues,
                error=error,
            )
        )


def _own_variables(step: Step) -> dict[str, str]:
    """The variables that each step has of its own (SEMANTICS 17.8)."""
    return {
        "System.TaskInstanceId": step.instance_id,
        "System.TaskInstanceName": step.reference_name,
        "System.TaskDisplayName": step.display_name,
        "Task.DisplayName": step.display_name,
    }
