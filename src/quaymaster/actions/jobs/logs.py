"""Reading the logs of jobs: one step's text, or everything of a release as a zip."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from quaymaster.actions.call import Call
from quaymaster.actions.releases import reading
from quaymaster.actions.storage.zips import Entry, safe_name, zipped_entries
from quaymaster.domain.errors import NotFound
from quaymaster.store.jobs import logs
from quaymaster.store.jobs.logs import Lines
from quaymaster.store.jobs.task_runs import TaskRun
from quaymaster.store.releases.views import JobView, PhaseView, ReleaseView, StageView


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """A step with the place at which its log belongs."""

    stage: StageView
    phase: PhaseView
    job: JobView
    step: TaskRun
    attempt: int


async def of_step(
    call: Call, release_id: int, stage_id: int, step_id: int, lines: Lines, phase_id: int | None
) -> AsyncIterator[bytes]:
    """The wanted lines of one step's log, in pieces, also while it is being written.

    Raises NotFound when the step is not one of this stage (and phase) of this release. The id
    of a job stands for its first step, unless a step has that id itself.
    """
    found = await reading.release(call, release_id)
    there = [
        logged
        for logged in steps(found.view)
        if logged.stage.id == stage_id and phase_id in (None, logged.phase.id)
    ]
    meant = [logged for logged in there if logged.step.id == step_id]
    meant += [logged for logged in there if logged.job.id == step_id]
    if not meant:
        raise NotFound("task", step_id, f"Stage {stage_id} of this release has no task {step_id}.")
    installation = call.installation
    return logs.read(installation.database, installation.files, meant[0].step.id, lines)


async def of_release(call: Call, release_id: int) -> AsyncIterator[bytes]:
    """A zip with one file for each step of each attempt, made while it is sent."""
    found = await reading.release(call, release_id)
    return zipped_entries(_entries(call, list(steps(found.view))))


def steps(view: ReleaseView) -> Iterator[LoggedStep]:
    """All steps of a release in the order in which they ran."""
    for stage in view.stages:
        for attempt in stage.attempts:
            for phase in attempt.phases:
                for job in phase.jobs:
                    for step in job.steps:
                        yield LoggedStep(stage, phase, job, step, attempt.attempt)


def _entries(call: Call, logged: list[LoggedStep]) -> Iterator[Entry]:
    installation = call.installation
    for each in logged:
        pieces = logs.read(installation.database, installation.files, each.step.id, Lines())
        yield Entry(_name(each), pieces)


def _name(logged: LoggedStep) -> str:
    """A path inside the zip that says what the log is of; nothing in it leads elsewhere."""
    stage = safe_name(logged.stage.name)
    attempt = f" (attempt {logged.attempt})" if logged.attempt > 1 else ""
    job = f"{logged.phase.rank}_{safe_name(logged.job.name)}"
    several = f"_{logged.job.position + 1}" if len(logged.phase.jobs) > 1 else ""
    return f"{stage}{attempt}/{job}{several}/{logged.step.rank}_{safe_name(logged.step.name)}.log"
