"""Delay (Delay@1): waits some minutes, then succeeds."""

import asyncio

from quaymaster.runner.tasks.call import TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import Input, TaskDefinition

LONGEST_MINUTES = 86_400


async def run(task: TaskCall) -> None:
    """Wait `delayForMinutes` whole minutes, at most 60 days (SEMANTICS 20.2)."""
    text = task.inputs.required("delayForMinutes")
    if not (text.isascii() and text.isdigit()) or int(text) > LONGEST_MINUTES:
        raise TaskFailed(
            f"delayForMinutes is '{text}'; it must be a whole number from 0 to {LONGEST_MINUTES}."
        )
    task.log(f"Waiting for {text} minutes.")
    await asyncio.sleep(int(text) * 60)


TASK = TaskDefinition(
    id="28782b92-5e8e-4458-9751-a71cd1492bae",
    name="Delay",
    title="Delay",
    version="1.241.0",
    inputs=(Input("delayForMinutes", "string", "0", required=True),),
    run=run,
    kind="server",
)
