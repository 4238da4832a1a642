"""Builders of jobs for hosts, and what came of them."""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from quaymaster.protocol.job import (
    ArtifactDownload,
    Checkout,
    HostMessage,
    JobEnded,
    JobResult,
    JobVariable,
    LogChunk,
    RunJob,
    Step,
    StepEnded,
)
from quaymaster.runner.pool import HostPool

CMD_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9"
BASH = "6c731c3c-3c68-459a-a5c9-bde6e6595b5b"
POWERSHELL = "e213ff0f-5d5c-4791-802d-52ea3e7be1f1"
PYTHON = "6392f95f-7e76-4a18-b3c7-7f078d2f7700"
DELAY = "28782b92-5e8e-4458-9751-a71cd1492bae"
COPY_FILES = "5bfb729a-a7c8-4a78-a7c3-8d717bb7c13c"
EXTRACT_FILES = "5e1e3830-fbfb-11e5-aab1-090c92bc4988"

FIRST_TASK = 100


def script(text: str, **step: Any) -> Step:
    """A CmdLine step."""
    inputs = {"script": text, **step.pop("inputs", {})}
    return task(CMD_LINE, "2.*", inputs, **step)


def task(task_id: str, version: str, inputs: dict[str, str], **step: Any) -> Step:
    """A step of any task; its id is given by `job`."""
    step.setdefault("display_name", "Step")
    return Step(id=0, kind="task", task_id=task_id, version=version, inputs=inputs, **step)


def job(*steps: Step, variables: Iterable[JobVariable] = (), **fields: Any) -> RunJob:
    """A job of these task steps, numbered from 100, between the steps every job has."""
    numbered = [
        Step(**{name: getattr(step, name) for name in step.__struct_fields__} | {"id": number})
        for number, step in enumerate(steps, FIRST_TASK)
    ]
    fields.setdefault("artifacts", [])
    return RunJob(
        **{
            "job_id": 7,
            "token": "fencing-token",
            "name": "Agent job",
            "plan_id": f"plan-{os.getpid()}",  # so that two runs of the tests do not meet
            "workspace": "project/1",
            "work_directory": "",
            "steps": [
                Step(id=1, kind="initialize", display_name="Initialize job"),
                Step(id=2, kind="download", display_name="Download artifacts"),
                *numbered,
                Step(id=3, kind="finalize", display_name="Finalize job"),
            ],
            "variables": list(variables),
            "cancel_timeout_seconds": 5.0,
            **fields,
        }
    )


def build_job(*steps: Step, checkout: Checkout, **fields: Any) -> RunJob:
    """The same for a build, whose first step with the id 2 checks its sources out."""
    message = job(*steps, host_type="build", checkout=checkout, **fields)
    message.steps[1] = Step(id=2, kind="checkout", display_name="Check out the sources")
    return message


def variable(name: str, value: str) -> JobVariable:
    return JobVariable(name, value)


def secret(name: str, value: str) -> JobVariable:
    return JobVariable(name, value, is_secret=True)


def artifact(alias: str, kind: str = "Git", **reference: str) -> ArtifactDownload:
    return ArtifactDownload(alias, kind, reference)


@dataclass
class Outcome:
    """All messages of a job, and questions about them."""

    messages: list[HostMessage] = field(default_factory=list)

    @property
    def end(self) -> JobEnded:
        last = self.messages[-1]
        assert isinstance(last, JobEnded)
        return last

    @property
    def result(self) -> JobResult:
        return self.end.result

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]

    def log(self, step: int = 0) -> str:
        """A task's log without its time stamps; tasks count from 0."""
        return self.log_of(FIRST_TASK + step)

    def log_of(self, step_id: int) -> str:
        chunks = [chunk for chunk in self.of(LogChunk) if chunk.step_id == step_id]
        lines = b"".join(chunk.body for chunk in chunks).decode().splitlines()
        return "\n".join(line.partition(" ")[2] for line in lines)

    def everything(self) -> str:
        """All that left the host, as one text."""
        return "\n".join(str(m) for m in self.messages) + "".join(
            chunk.body.decode() for chunk in self.of(LogChunk)
        )

    def ended(self, step: int = 0) -> StepEnded:
        return self.ended_of(FIRST_TASK + step)

    def ended_of(self, step_id: int) -> StepEnded:
        return next(m for m in self.of(StepEnded) if m.step_id == step_id)

    def results(self) -> list[str]:
        """The results of the task steps, in order."""
        ends = (m for m in self.of(StepEnded) if m.step_id >= FIRST_TASK)
        return [str(end.result) for end in ends]

    def errors(self, step: int = 0) -> list[str]:
        return [issue.message for issue in self.ended(step).issues if issue.type == "error"]

    def warnings(self, step: int = 0) -> list[str]:
        return [issue.message for issue in self.ended(step).issues if issue.type == "warning"]


class Watched:
    """A job that runs while the test waits for what it prints, cancels it or looks around."""

    def __init__(self, pool: HostPool, message: RunJob) -> None:
        self.outcome = Outcome()
        self.cancelled: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._arrived = asyncio.Event()
        self._running = asyncio.ensure_future(pool.run(message, self._take, self.cancelled))

    async def _take(self, message: HostMessage) -> None:
        self.outcome.messages.append(message)
        self._arrived.set()

    async def until(self, holds: Callable[[Outcome], bool]) -> None:
        """Wait until what has come so far satisfies the test; fails when the job ends before."""
        while not holds(self.outcome):
            assert not self._running.done(), self.outcome.messages
            self._arrived.clear()
            await self._arrived.wait()

    async def until_printed(self, text: str, step: int = 0) -> None:
        await self.until(lambda outcome: text in outcome.log(step).split("\n"))

    async def end(self) -> Outcome:
        await self._running
        return self.outcome


async def run(pool: HostPool, message: RunJob) -> Outcome:
    """Run a job to its end."""
    return await Watched(pool, message).end()


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for something outside of this process; the test's time limit ends a vain wait."""
    while not holds():  # noqa: ASYNC110 - files and processes of others raise no event here
        await asyncio.sleep(0.02)
