"""One step while it runs: its log, its issues and the result they come to."""

import asyncio
import time
from enum import StrEnum

from quaymaster.protocol.job import (
    Issue,
    JobResult,
    Publication,
    Published,
    Step,
    StepEnded,
    StepStarted,
)
from quaymaster.runner.log_stream import LogStream
from quaymaster.runner.processes import TaskProcess
from quaymaster.runner.results import merge
from quaymaster.runner.state import JobState

MOST_ISSUES = 10  # of each type are kept; all are counted (SEMANTICS 13.13)
LONGEST_ISSUE = 4096


class Stop(StrEnum):
    """Why a step is ended from outside."""

    CANCELED = "canceled"
    TIMED_OUT = "timed out"
    DONE = "done"


class StepRun:
    """Collects what happens in a step and tells the worker when it begins and ends."""

    def __init__(self, state: JobState, step: Step) -> None:
        self.state = state
        self.step = step
        self.log = LogStream(
            state.outbox,
            job_id=state.message.job_id,
            step_id=step.id,
            limit=state.message.log_limit_bytes,
        )
        self.result: JobResult | None = None
        self.command_result: JobResult | None = None
        self.task_version = ""
        self.stop_wanted: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()
        self.processes: set[TaskProcess] = set()
        self._unanswered = 0  # of what was published
        self._all_answered = asyncio.Event()
        self._finish: asyncio.TimerHandle | None = None
        self._issues: list[Issue] = []
        self._counts = {"error": 0, "warning": 0}

    def started(self, display_name: str) -> None:
        """Tell the worker that the step runs."""
        self.state.outbox.send(
            StepStarted(
                job_id=self.state.message.job_id,
                step_id=self.step.id,
                display_name=self.state.masker.mask(display_name),
                at=time.time(),
            )
        )

    def publish(self, message: Publication) -> None:
        """Ask the worker to keep something; the step does not end before it has answered."""
        self._unanswered += 1
        self.state.outbox.send(message)

    def published(self, answer: Published) -> None:
        """Take the worker's answer: what could not be kept fails the step (SEMANTICS 15.5)."""
        for warning in answer.warnings:
            self.warning(warning)
        if answer.problem:
            self.fail(answer.problem)
            if not self.step.continue_on_error:
                reason = self.state.masker.mask(answer.problem)
                self.state.issues.append(Issue("error", reason))
        self._unanswered -= 1
        if not self._unanswered:
            self._all_answered.set()

    async def all_published(self) -> None:
        """Wait until the worker has answered for everything, or the step is killed."""
        if self._unanswered:
            self._all_answered.clear()
            await self._all_answered.wait()

    def ended(self) -> JobResult:
        """Send the rest of the log and the step's end; gives its effective result."""
        result = self.effective_result()
        if self._finish is not None:
            self._finish.cancel()
        self.log.close()
        self.state.outbox.send(
            StepEnded(
                job_id=self.state.message.job_id,
                step_id=self.step.id,
                result=result,
                at=time.time(),
                issues=self._issues,
                error_count=self._counts["error"],
                warning_count=self._counts["warning"],
                task_version=self.task_version,
            )
        )
        return result

    def effective_result(self) -> JobResult:
        """Both results merged; continueOnError softens a failure (SEMANTICS 13.7)."""
        result = self.result or JobResult.SUCCEEDED
        if self.command_result is not None:
            result = merge(result, self.command_result)
        if result is JobResult.FAILED and self.step.continue_on_error:
            return JobResult.SUCCEEDED_WITH_ISSUES
        return result

    def print(self, text: str) -> None:
        """Add the runner's own words to the log, masked."""
        self.log.write(self.state.masker.mask(text.replace("\r", "")), own=True)

    def debug(self, text: str) -> None:
        """Add a line that only System.Debug shows."""
        if self.state.is_debug:
            self.log.write(self.state.masker.mask(f"##[debug]{text}"))

    def warning(self, text: str) -> None:
        """Count a warning and show it."""
        self.issue(Issue("warning", text), text)

    def error(self, text: str) -> None:
        """Count an error and show it; the result stays as it is."""
        self.issue(Issue("error", text), text)

    def issue(self, issue: Issue, line: str) -> None:
        """Count an issue; `line` is how the log shows it.

        Beyond the first ten, they count against the log's limit: a task may send millions.
        """
        is_own = self._counts[issue.type] < MOST_ISSUES
        self.log.write(self.state.masker.mask(f"##[{issue.type}]{line}"), own=is_own)
        self.add_issue(issue)

    def fail(self, text: str) -> None:
        """An error that makes the step fail."""
        self.error(text)
        self.result = merge(self.result, JobResult.FAILED)

    def command_failed(self, text: str) -> None:
        """An error in a logging command: the command result is Failed (SEMANTICS 15.3)."""
        self.error(text)
        self.command_result = JobResult.FAILED

    def add_issue(self, issue: Issue) -> None:
        """Keep an issue, masked, with the line of the log at which it stands."""
        self._counts[issue.type] += 1
        if self._counts[issue.type] > MOST_ISSUES:
            return
        mask = self.state.masker.mask
        data = {mask(name): mask(value) for name, value in issue.data.items()}
        data["logFileLineNumber"] = str(self.log.last_line)
        self._issues.append(Issue(issue.type, mask(issue.message)[:LONGEST_ISSUE], data))

    def has_failed(self) -> bool:
        """Whether it has failed so far, before continueOnError is looked at."""
        return JobResult.FAILED in (self.result, self.command_result)

    def forget_failure(self) -> None:
        """Begin anew for another attempt (SEMANTICS 13.11)."""
        self.result = self.command_result = None
        if self._finish is not None:
            self._finish.cancel()

    def finish_in(self, seconds: float) -> None:
        """End the step after this time, even if its process lives on (`task.complete` done)."""
        loop = asyncio.get_running_loop()
        self._finish = loop.call_later(seconds, self.stop, Stop.DONE)

    def stop(self, why: Stop) -> None:
        """Ask for the step's end; the first reason counts."""
        if not self.stop_wanted.done():
            self.stop_wanted.set_result(why)

    def kill(self) -> None:
        """End it at once: the time for a polite end is over."""
        self.stop(Stop.CANCELED)
        self._all_answered.set()
        for process in self.processes:
            process.kill()
