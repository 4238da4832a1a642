"""Carries out jobs of server phases in the worker itself: one task each, no agent (SEMANTICS 20).

It speaks as a job host does, so that timeline, log and cancel are those of every other job.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from quaymaster.actions.ports.outside import ServerTask, ServerTaskEnd, ServerTasks
from quaymaster.domain.variables import Variable, VariableSet
from quaymaster.protocol.job import (
    HostMessage,
    Issue,
    JobEnded,
    JobResult,
    LogChunk,
    Published,
    RunJob,
    Step,
    StepEnded,
    StepStarted,
)

Sink = Callable[[HostMessage], Awaitable[Published | None]]
MOST_SECONDS = 3600.0  # for a task whose definition sets no time limit

_LINE_TIME = "%Y-%m-%dT%H:%M:%S.%f0Z"


class ServerHost:
    """Runs the one task of a job by the server tasks there are."""

    def __init__(self, tasks: ServerTasks | None) -> None:
        self._tasks = tasks

    async def run(
        self, job: RunJob, sink: Sink, cancelled: "asyncio.Future[str] | None" = None
    ) -> JobEnded:
        """Run the job to its end; a cancel ends its task at once."""
        result = JobResult.SUCCEEDED
        for step in job.steps:
            await sink(StepStarted(job.job_id, step.id, step.display_name, _now()))
            if step.kind == "task":
                end = await self._until_canceled(job, step, cancelled)
                if end is not None and end.is_waiting:
                    await _tell(job, step, sink, end.evidence)
                    return JobEnded(job.job_id, result, _now(), is_waiting=True)
                result = await self._task(job, step, sink, end)
            else:
                await sink(StepEnded(job.job_id, step.id, JobResult.SUCCEEDED, _now()))
        return JobEnded(job.job_id, result, _now())

    async def _task(
        self, job: RunJob, step: Step, sink: Sink, end: ServerTaskEnd | None
    ) -> JobResult:
        result = _result(step, end)
        await _tell(job, step, sink, end.evidence if end else ("The job was canceled.",))
        failed = end is not None and not end.succeeded
        issues = [Issue("error", end.message)] if end and failed else []
        await sink(
            StepEnded(job.job_id, step.id, result, _now(), issues, len(issues), 0, step.version)
        )
        return result

    async def _until_canceled(
        self, job: RunJob, step: Step, cancelled: "asyncio.Future[str] | None"
    ) -> ServerTaskEnd | None:
        """What came of the task; None when the job was canceled first."""
        running = asyncio.ensure_future(self._ended(job, step))
        waited: set[asyncio.Future[Any]] = {running, cancelled} if cancelled else {running}
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            return running.result() if running.done() else None
        finally:
            running.cancel()

    async def _ended(self, job: RunJob, step: Step) -> ServerTaskEnd:
        limit = min(step.timeout_seconds or MOST_SECONDS, job.timeout_seconds or MOST_SECONDS)
        if self._tasks is None:
            return ServerTaskEnd(False, "This worker has no way to call the outside.")
        variables = VariableSet(
            Variable(v.name, v.value, v.is_secret, v.is_read_only) for v in job.variables
        )
        variables.put(Variable("System.TaskInstanceId", step.instance_id, is_read_only=True))
        variables.put(Variable("System.TaskDisplayName", step.display_name, is_read_only=True))
        task = ServerTask(
            step.task_id,
            step.version,
            step.display_name,
            step.inputs,
            variables,
            job.endpoints,
            step.retry_count,
        )
        try:
            async with asyncio.timeout(limit):
                return await self._tasks.run(task)
        except TimeoutError:
            text = f"The task did not end within {limit:g} seconds."
            return ServerTaskEnd(False, text, (text,))


async def _tell(job: RunJob, step: Step, sink: Sink, lines: tuple[str, ...]) -> None:
    body = _log(lines)
    await sink(LogChunk(job.job_id, step.id, 1, 1, body.count(b"\n"), body))


def _result(step: Step, end: ServerTaskEnd | None) -> JobResult:
    if end is None:
        return JobResult.CANCELED
    if end.succeeded:
        return JobResult.SUCCEEDED
    return JobResult.SUCCEEDED_WITH_ISSUES if step.continue_on_error else JobResult.FAILED


def _log(lines: tuple[str, ...]) -> bytes:
    at = datetime.now(UTC).strftime(_LINE_TIME)
    written = (piece for line in lines for piece in line.splitlines() or [""])
    return "".join(f"{at} {line}\n" for line in written).encode("utf-8", "replace")


def _now() -> float:
    return datetime.now(UTC).timestamp()
