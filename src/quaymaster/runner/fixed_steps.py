"""The steps that every job has besides its tasks: initialize and finalize."""

import asyncio

from quaymaster.domain.expressions import ExpressionError, parse
from quaymaster.domain.variables import expand_input
from quaymaster.protocol.job import Step
from quaymaster.runner import descendants, workspace
from quaymaster.runner.environment import agent_variables, is_true
from quaymaster.runner.state import JobState
from quaymaster.runner.step import StepRun
from quaymaster.runner.tasks import finding, registry
from quaymaster.runner.tasks.call import TaskFailed

SHORT_SECRET = 4


async def initialize(run: StepRun) -> None:
    """Choose the workspace, set Agent.*, and refuse what cannot run before any task does."""
    state = run.state
    job = state.message
    state.workspace = workspace.choose(job.work_directory, job.workspace, job.host_type)
    for variable in agent_variables(job, state.workspace):
        state.variables.put(variable)
    for warning in state.expand_variables({}):
        run.warning(str(warning))
    run.print(f"Job {job.name} runs on {state.expanded.value('Agent.Name')} in {state.home.base}.")
    _warn_of_short_secrets(run)
    problems = [problem for step in job.steps if (problem := await _problem(run, step))]
    for problem in dict.fromkeys(problems):
        run.fail(problem)
    if problems:
        return
    if workspace.is_small(state.home.temp):
        state.home.prepare()
    else:
        await asyncio.to_thread(state.home.prepare)
    await _prepare_artifacts(run)


def _warn_of_short_secrets(run: StepRun) -> None:
    """Masking a short secret hides half of every log: the author should know (RELIABILITY R-19)."""
    short = [
        variable.name
        for variable in run.state.variables.values()
        if variable.is_secret and 0 < len(variable.value.strip()) < SHORT_SECRET
    ]
    if short:
        run.warning(
            f"These secret variables have fewer than {SHORT_SECRET} characters: "
            f"{', '.join(short)}. Wherever such a text occurs in a log it is masked."
        )


async def _prepare_artifacts(run: StepRun) -> None:
    """Empty the artifacts directory, unless downloads are skipped (SEMANTICS 19.1, 19.2).

    A build keeps its sources for the checkout to look at, and stages its artifacts anew (23.11).
    """
    if run.state.message.host_type == "build":
        home = run.state.home
        more = (home.binaries,) if run.state.message.cleans_outputs else ()
        for directory in (*home.staging, *more):
            await asyncio.to_thread(workspace.empty, directory)
        return
    artifacts = run.state.home.artifacts
    if run.state.message.skip_artifacts:
        run.print(f"The artifacts are not downloaded; {artifacts} is kept as it is.")
        return
    if any(artifacts.iterdir()):
        run.print(f"Emptying {artifacts}.")
        await asyncio.to_thread(workspace.empty, artifacts)


async def _problem(run: StepRun, step: Step) -> str:
    """Why a step can never run: its task is unknown or not for this machine, or its condition
    cannot be read."""
    if not step.enabled:
        return ""
    try:
        if step.condition.strip():
            parse(step.condition)
        if step.kind == "task":
            task = finding.find(run.state.message, step)
            if step.section == "main":
                run.print(f"Task {task.name}, version {task.version}.")
            if task.check is not None:
                await task.check()
    except (registry.UnknownTask, TaskFailed) as error:
        return str(error.args[0])
    except ExpressionError as error:
        return f"The condition of {step.display_name!r} cannot be read: {error}."
    return ""


async def finalize(run: StepRun) -> None:
    """End what tasks left running, unless Process.clean is false (UNCERTAIN 57)."""
    await end_background(run.state, run)


async def end_background(state: JobState, run: StepRun | None) -> None:
    """End what is left of a job, or let it go when `Process.clean` says so."""
    try:
        left = [pid for pid in descendants.children(descendants.own()) if pid not in state.released]
        descendants.reap(left)
        left = [pid for pid in left if descendants.is_alive(pid)]
        if not left:
            return
        if not is_true(state.variables, "Process.clean", default=True):
            state.released.update(left)
            if run is not None:
                run.print("Process.clean is false: processes in the background are left running.")
            return
        await _end(state, run, left)
    finally:
        for pipe in state.pipes:
            pipe.close()
        state.pipes.clear()


async def _end(state: JobState, run: StepRun | None, left: list[int]) -> None:
    if run is not None:
        for pid in left:
            run.print(f"Ending process {pid} ({descendants.name_of(pid)}), left by a task.")
    resisting = await descendants.end_all(state.released)
    if resisting and run is not None:
        run.error(f"These processes could not be ended: {', '.join(map(str, resisting))}.")


def display_name(state: JobState, step: Step) -> str:
    """A step's name with its macros replaced by what is known when the job starts (13.3)."""
    return expand_input(step.display_name, state.expanded.texts())
