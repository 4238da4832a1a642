"""The message that tells a job host what to run, put together from a plan and a release."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from quaymaster.domain.plan import PhasePlan, TaskPlan
from quaymaster.domain.predefined import CarriedArtifact, JobContext, predefined
from quaymaster.domain.pushes import REPOSITORY_TYPES
from quaymaster.domain.release import Job, JobKind
from quaymaster.domain.variables import Scopes, Variable, VariableSet, effective
from quaymaster.plans.connections import InputsOf, holding_inputs, words_in
from quaymaster.protocol.job import (
    SYSTEM_CONNECTION,
    ArtifactDownload,
    Endpoint,
    JobVariable,
    RunJob,
    Section,
    Step,
    StepKind,
)

GITHUB = "https://github.com/"


@dataclass(frozen=True, slots=True)
class ChosenTask:
    """The installed version that a step gets, and the sections of a job in which it runs."""

    version: str
    sections: frozenset[Section]


Choose = Callable[[TaskPlan], ChosenTask | None]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One row of a job's timeline before it has an id; `task` only for steps that run one.

    `version` is the task's, resolved where it could be; `task_number` counts the tasks from 1.
    """

    kind: StepKind
    name: str
    task: TaskPlan | None = None
    section: Section = "main"
    version: str = ""
    task_number: int = 0


@dataclass(frozen=True, slots=True)
class NumberedStep:
    """A planned step with the id of its row and the id under which its record is published."""

    id: int
    instance_id: str
    step: PlannedStep


@dataclass(frozen=True, slots=True)
class Place:
    """The slot of a worker that runs the job: its own directory, and its name as an agent.

    `tasks_directory` is where its installed tasks are, `node` what runs them ("": of the PATH);
    `allowed_addresses` may be reached by downloads although they are not public.
    """

    work_directory: str
    agent_name: str
    agent_id: int = 0
    tasks_directory: str = ""
    node: str = ""
    allowed_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """The variables of a job by scope, from the outer to the inner; secret ones say so."""

    release: tuple[Variable, ...] = ()
    stage: tuple[Variable, ...] = ()
    deployment: tuple[Variable, ...] = ()
    job: tuple[Variable, ...] = ()  # of one combination (SEMANTICS 12.5)
    access_token: str = field(default="", repr=False)  # for scripts that call this server
    task_token: str = field(default="", repr=False)  # the same for tasks alone (12.10)


def part_of(phase: PhasePlan, job: Job) -> PhasePlan:
    """What this job does of its phase: in a server phase, one task and no artifacts (20.1)."""
    if job.kind is not JobKind.SERVER:
        return phase
    return replace(phase, tasks=(phase.tasks[job.position],), skip_artifacts=True)


def none_installed(_task: TaskPlan) -> ChosenTask | None:
    """The choice where no tasks are installed: each task is one of the runner's own."""
    return None


def planned_steps(
    part: PhasePlan,
    artifacts: Sequence[CarriedArtifact],
    choose: Choose = none_installed,
    sources: str = "",
) -> tuple[PlannedStep, ...]:
    """The timeline of a job that does this part of a phase, in the order of SEMANTICS 13.4.

    Disabled tasks are left out (13.3), and so is a download with nothing to download (12.9).
    `choose` gives the installed task that a step means, if it means one (13.2). `sources` names
    the repository that a job of a build checks out.
    """
    return tuple(_steps(part, artifacts, choose, sources))


def _steps(
    part: PhasePlan, artifacts: Sequence[CarriedArtifact], choose: Choose, sources: str
) -> Iterator[PlannedStep]:
    tasks = [task for task in part.tasks if task.enabled]
    numbered = [_Numbered(number, task, choose(task)) for number, task in enumerate(tasks, 1)]
    yield PlannedStep("initialize", "Initialize job")
    yield from _section(numbered, "pre")
    if sources:
        yield PlannedStep("checkout", f"Checkout {sources}")
    if downloads(part, artifacts):
        yield PlannedStep("download", "Download artifacts")
    yield from _section(numbered, "main")
    yield from _section(numbered[::-1], "post")
    yield PlannedStep("finalize", "Finalize job")


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A task of a job; the runner's own tasks, not chosen, have no section but the main one."""

    number: int
    task: TaskPlan
    chosen: ChosenTask | None

    def has(self, section: Section) -> bool:
        return section == "main" if self.chosen is None else section in self.chosen.sections


def _section(tasks: Sequence[_Numbered], section: Section) -> Iterator[PlannedStep]:
    for entry in tasks:
        if entry.has(section):
            yield PlannedStep(
                "task",
                _TITLES[section] + entry.task.display_name,
                entry.task,
                section,
                entry.chosen.version if entry.chosen else entry.task.version,
                entry.number,
            )


_TITLES: dict[Section, str] = {"pre": "Pre-job: ", "main": "", "post": "Post-job: "}


def downloads(
    phase: PhasePlan, artifacts: Sequence[CarriedArtifact]
) -> tuple[ArtifactDownload, ...]:
    """What a job of this phase downloads: an alias that is not mentioned is taken whole (12.9)."""
    if phase.skip_artifacts:
        return ()
    limits = {download.alias.casefold(): download for download in phase.downloads}
    wanted = []
    for artifact in artifacts:
        limit = limits.get(artifact.alias.casefold())
        if limit is None or not limit.skip:
            items = list(limit.items) if limit and limit.items is not None else None
            wanted.append(_download(artifact, items))
    return tuple(wanted)


def _download(artifact: CarriedArtifact, items: list[str] | None) -> ArtifactDownload:
    is_repository = artifact.type.casefold() in REPOSITORY_TYPES
    commit = artifact.commit if is_repository else ""  # a build has a commit, and is not one
    reference = {**artifact.reference, "version": commit or artifact.version_id}
    reference.update(_repository(artifact))
    return ArtifactDownload(artifact.alias, artifact.type, reference, items)


def _repository(artifact: CarriedArtifact) -> dict[str, str]:
    """Where a repository is: an address, or a path on the worker's machine."""
    source = artifact.reference.get("definition", "")
    match artifact.type.casefold():
        case "github":
            return {"url": source if urlsplit(source).scheme else GITHUB + source}
        case "git":
            return {"url" if urlsplit(source).scheme else "path": source}
        case _:
            return {}


def job_message(
    job: Job,
    phase: PhasePlan,
    context: JobContext,
    setting: Setting,
    steps: Sequence[NumberedStep],
    place: Place,
) -> RunJob:
    """Everything that a host needs to run this job, secrets included: it is never logged.

    `steps` are the rows made for `planned_steps` of the same job.
    """
    return RunJob(
        job_id=job.id,
        token=job.token,
        name=job.name,
        plan_id=context.plan_id,
        workspace=f"{context.project_id}/{context.definition_id}",
        work_directory=place.work_directory,
        steps=[step_message(numbered) for numbered in steps],
        variables=job_variables(context, setting),
        endpoints=[
            system_connection(context.collection_url, setting.access_token or setting.task_token)
        ],
        artifacts=list(downloads(phase, context.artifacts)),
        skip_artifacts=phase.skip_artifacts,
        timeout_seconds=seconds(phase.timeout),
        cancel_timeout_seconds=phase.cancel_timeout.total_seconds(),
        agent_name=place.agent_name,
        agent_id=place.agent_id,
        tasks_directory=place.tasks_directory,
        node=place.node,
        allowed_addresses=list(place.allowed_addresses),
    )


def system_connection(collection_url: str, token: str) -> Endpoint:
    """The connection to this server that every task finds (SEMANTICS 18.4); the token is empty
    unless the phase lets scripts have one."""
    return Endpoint(
        id=SYSTEM_CONNECTION,
        name="SystemVssConnection",
        type="Generic",
        url=collection_url.rstrip("/") + "/",
        scheme="OAuth",
        parameters={"AccessToken": token},
    )


def connections_named(
    part: PhasePlan, variables: Callable[[], Sequence[JobVariable]], inputs_of: InputsOf
) -> frozenset[str]:
    """The ids and names of connections that the enabled tasks of a job hold, macros replaced."""
    enabled = [task for task in part.tasks if task.enabled]
    if not any(any(holding_inputs(task, inputs_of)) for task in enabled):
        return frozenset()
    known = (Variable(v.name, v.value, v.is_secret) for v in variables())
    return words_in(enabled, VariableSet(known), inputs_of)


def job_variables(context: JobContext, setting: Setting) -> list[JobVariable]:
    """The variables a job starts with: the narrower scope wins, ours win over all (5.4)."""
    system = [Variable(name, value) for name, value in predefined(context).items()]
    if setting.access_token:  # SEMANTICS 17.3
        system.append(Variable("System.EnableAccessToken", "True"))
        system.append(Variable("System.AccessToken", setting.access_token, is_secret=True))
    found = effective(
        Scopes(
            release=setting.release,
            stage=setting.stage,
            overrides=(*setting.deployment, *setting.job),
            system=system,
        )
    )
    return [
        JobVariable(variable.name, variable.value, variable.is_secret, variable.is_read_only)
        for variable in found.values()
    ]


def step_message(numbered: NumberedStep) -> Step:
    """A step as the host is told of it."""
    task = numbered.step.task
    if task is None:
        return Step(
            id=numbered.id,
            kind=numbered.step.kind,
            display_name=numbered.step.name,
            instance_id=numbered.instance_id,
        )
    return Step(
        id=numbered.id,
        kind=numbered.step.kind,
        display_name=numbered.step.name,
        instance_id=numbered.instance_id,
        task_id=task.task_id,
        version=numbered.step.version,
        reference_name=task.reference_name,
        condition="always()" if numbered.step.section == "post" else task.condition,
        always_run=task.always_run,
        continue_on_error=task.continue_on_error,
        timeout_seconds=seconds(task.timeout),
        retry_count=task.retry_count,
        inputs=dict(task.inputs),
        environment=dict(task.environment),
        section=numbered.step.section,
        task_number=numbered.step.task_number,
    )


def seconds(limit: timedelta) -> float | None:
    """A time limit in seconds; 0 in a definition is unlimited (SEMANTICS 12.8)."""
    return limit.total_seconds() or None
