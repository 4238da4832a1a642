"""What every job is told alike: its steps and its place."""

from collections.abc import Sequence
from dataclasses import replace

from quaymaster.actions.ports.outside import Outside
from quaymaster.plans.job_message import NumberedStep, Place, PlannedStep
from quaymaster.store.jobs import task_runs
from quaymaster.store.postgres.database import Connection


async def numbered(
    connection: Connection, job: int, token: str, planned: Sequence[PlannedStep]
) -> list[NumberedStep]:
    """The steps of a job that was just claimed with this token, with the rows made for them."""
    rows = await task_runs.plan(
        connection,
        job,
        token,
        [
            task_runs.PlannedStep(
                rank,
                step.kind,
                step.name,
                step.task.task_id if step.task else "",
                step.version,
            )
            for rank, step in enumerate(planned, 1)
        ],
    )
    return [
        NumberedStep(row.id, str(row.instance_id), step)
        for row, step in zip(rows, planned, strict=True)
    ]


def equipped(slot: Place, outside: Outside) -> Place:
    """The slot, which has the tasks that are installed beside it."""
    slot = replace(slot, allowed_addresses=outside.allowed_addresses)
    if (tasks := outside.tasks) is None:
        return slot
    return replace(slot, tasks_directory=tasks.directory, node=tasks.node)
