"""Delay (Delay@1): waits some minutes, then succeeds."""

import asyncio

from quaymaster.domain.numbers import digits
from quaymaster.runner.tasks.call import TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import Input, TaskDefinition

LONGEST_MINUTES = 86_400


async def run(task: TaskCall) -> None:
    """Wait `delayForMinutes` whole minutes, at most 60 days (SEMANTICS 20.2)."""
    text = task.inputs.required("delayForMinutes")
    minutes = digits(text)
    if minutes is None or minutes > LONGEST_MINUTES:
        raise TaskFailed(
            f"delayForMinutes is '{text[:40]}'; it must be a whole number from 0 to "
            f"{LONGEST_MINUTES}."
        )
    task.log(f"Waiting for {minutes} minutes.")
    await asyncio.sleep(minutes * 60)


TASK = TaskDefinition(
    id="28782b92-5e8e-4458-9751-a71cd1492bae",
    name="Delay",
    title="Delay",
    version="1.241.0",
    inputs=(Input("delayForMinutes", "string", "0", required=True),),
    run=run,
    kind="server",
)
