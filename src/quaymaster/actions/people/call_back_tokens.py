"""The tokens with which services report, each good for one job or one gate of a sample (20.3)."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from quaymaster.actions.people.people import TOKEN_BYTES, digest
from quaymaster.actions.ports.outside import InstalledTasks
from quaymaster.domain.build import BuildJob
from quaymaster.domain.build_predefined import BuildContext
from quaymaster.domain.plan import PhasePlan, TaskPlan
from quaymaster.domain.predefined import JobContext
from quaymaster.domain.release import Job, JobKind
from quaymaster.plans.call_backs import may_wait, patience
from quaymaster.plans.job_message import NumberedStep
from quaymaster.protocol.job import JobVariable
from quaymaster.store.jobs import call_backs
from quaymaster.store.jobs.call_backs import GatePlace, JobPlace, Names
from quaymaster.store.postgres.database import Connection


async def for_job(
    connection: Connection,
    job: Job | BuildJob,
    part: PhasePlan,
    context: JobContext | BuildContext,
    steps: Sequence[NumberedStep],
    now: datetime,
    tasks: InstalledTasks | None,
) -> list[JobVariable]:
    """The variables with which a job of a server phase is called back; none when it is not.

    The token ends with the job, or when the report takes longer than the task or its phase allow.
    """
    step = next((step for step in steps if step.step.task is not None), None)
    if job.kind is not JobKind.SERVER or step is None or step.step.task is None:
        return []
    task = step.step.task
    if not task_may_wait(task, tasks):
        return []
    token = secrets.token_urlsafe(TOKEN_BYTES)
    build = context.build_id if isinstance(context, BuildContext) else 0
    release = 0 if isinstance(context, BuildContext) else context.release_id
    place = JobPlace(release, UUID(context.project_id), job.id, step.id, build)
    names = Names(UUID(context.plan_id), UUID(context.job_id), UUID(step.instance_id))
    due = now + patience(part, task)
    await call_backs.for_job(connection, place, names, digest(token), due)
    return variables(token)


def task_may_wait(task: TaskPlan, tasks: InstalledTasks | None) -> bool:
    """Whether a task of a server phase or a gate may wait to be called back."""
    execution = tasks.server_execution(task.task_id, task.version) if tasks else None
    return may_wait(task.task_id, task.inputs, execution)


async def for_gate(
    connection: Connection, place: GatePlace, names: Names, expires_at: datetime
) -> list[JobVariable]:
    """The same for a gate of a sample."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await call_backs.for_gate(connection, place, names, digest(token), expires_at)
    return variables(token)


def variables(token: str) -> list[JobVariable]:
    """Where a task finds the token, by its two published names."""
    return [
        JobVariable(name, token, is_secret=True, is_read_only=True)
        for name in ("System.AccessToken", "System.AuthToken")
    ]
