"""Output variables that a service reports with the end of its task (SEMANTICS 13.12, 20.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from quaymaster.actions.call import Call
from quaymaster.actions.jobs import job_telling
from quaymaster.domain.build import Build
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.release import JobId, Release
from quaymaster.runner.masking import Masker
from quaymaster.store.builds import outputs as build_outputs
from quaymaster.store.jobs import call_backs
from quaymaster.store.jobs.call_backs import CallBack
from quaymaster.store.jobs.task_runs import StepOutput
from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Output:
    """A variable as a service sets it, without the name of its step."""

    name: str
    value: str = field(repr=False)
    is_secret: bool = False


async def keep(
    connection: Connection,
    call: Call,
    owner: Release | Build,
    about: CallBack,
    outputs: Sequence[Output],
    masker: Masker,
) -> str:
    """Keep what a service set in its task, to be shown and for later jobs; what to say of it.

    A secret is sealed and shown by its name alone. The caller has locked the owner.
    """
    if about.job_id is None or not outputs:
        return ""
    reference = _task(owner, about.job_id).reference_name
    names = ", ".join(masker.mask(one.name) for one in outputs)
    if not reference:
        return f"Not kept, because the task has no reference name: {names}."
    for one in outputs:
        if one.is_secret:
            masker.add(one.value)
    shown = [_shown(f"{reference}.{one.name}", one, masker) for one in outputs]
    await call_backs.keep_outputs(connection, about.task_run_id or 0, shown)
    plain = {one.name: one.value for one in shown if not one.is_secret}
    hidden = {
        kept.name: one.value for kept, one in zip(shown, outputs, strict=True) if one.is_secret
    }
    await build_outputs.keep(connection, call.vault, about.job_id, plain, hidden)
    return f"The service set output variables: {names}."


def _shown(name: str, output: Output, masker: Masker) -> StepOutput:
    value = "" if output.is_secret else masker.mask(output.value)
    return StepOutput(masker.mask(name), value, output.is_secret)


def _task(owner: Release | Build, job_id: int) -> TaskPlan:
    """The task of a job without an agent, which is its only one."""
    if isinstance(owner, Release):
        found = job_telling.found(owner, JobId(job_id))
        return found.stage.phase_plan(found.phase).tasks[found.job.position]
    job = next(one for one in owner.jobs if one.id == job_id)
    return owner.plan.job(job.key).work.tasks[0]
