"""Compiles a YAML pipeline to the plan of a build: stages, jobs, steps, matrix, conditions.

What this server cannot carry out is refused by its name and line, never left out silently.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from quaymaster.domain.build_dependencies import NAMED
from quaymaster.domain.build_plan import (
    DEFAULT_NUMBER_FORMAT,
    BuildJobPlan,
    BuildPlan,
    BuildStagePlan,
    GroupPlan,
)
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import PhaseKind, PhasePlan, VariablePlan
from quaymaster.plans.build_definition import ONLY_STAGE
from quaymaster.plans.yaml_parts import (
    Leg,
    Pool,
    check_name,
    legs,
    pool,
    refuse_others,
    repository,
    variables,
)
from quaymaster.plans.yaml_reading import Value, read
from quaymaster.plans.yaml_steps import Known, Steps, condition, steps
from quaymaster.plans.yaml_triggers import check_triggers

MOST_JOBS = 256
MOST_SPREAD = 16 * 1024 * 1024  # characters: each job carries the variables of its stage
COUNTER = "counter"  # what variables of the whole pipeline may count with (SEMANTICS 14.10)
ROOT = frozenset({"name", "pool", "variables", "stages", "jobs", "steps", "trigger", "pr"})
STAGE = frozenset({"stage", "displayName", "dependsOn", "condition", "variables", "jobs", "pool"})
JOB = frozenset(
    {
        "job",
        "displayName",
        "dependsOn",
        "condition",
        "continueOnError",
        "timeoutInMinutes",
        "cancelTimeoutInMinutes",
        "pool",
        "variables",
        "strategy",
        "steps",
        "workspace",
    }
)
ALONE = frozenset({"continueOnError", "timeoutInMinutes", "cancelTimeoutInMinutes", "strategy"})


@dataclass(frozen=True, slots=True)
class _Job:
    """A job as it is written, before it is spread over its matrix."""

    name: str
    said: Mapping[str, Value]
    at: Value
    steps: Steps
    pool: Pool


def compile_yaml(
    text: str,
    definition: BuildPlan,
    names: Mapping[str, str],
    installed: Mapping[str, frozenset[str]],
    on_server: Mapping[str, frozenset[str]] | None = None,
    linked: frozenset[str] = frozenset(),
) -> BuildPlan:
    """The plan of a build by this text and the definition that names its file.

    `names` are the ids of installed tasks by name in lower case, `installed` their versions,
    `on_server` the versions of those that need no agent; `linked` are the casefolded names of the
    variable groups of the definition: whoever may push a file does not open secrets by it.
    Variables of the text win over those of the definition. Raises Invalid with every problem at
    its line.
    """
    root = read(text, definition.yaml_path)
    compiled = _Compiler(definition, Known(names, installed, on_server or {}), linked).plan(root)
    if root.problems.found:
        raise Invalid("The pipeline cannot be run.", tuple(dict.fromkeys(root.problems.found)))
    return compiled


class _Compiler:
    """One compilation; what is wrong is noted at the values themselves."""

    def __init__(self, definition: BuildPlan, known: Known, linked: frozenset[str]) -> None:
        self._definition = definition
        self._known = known
        self._linked = linked
        self._characters = 0  # of all jobs

    def plan(self, root: Value) -> BuildPlan:
        """The whole file."""
        said = root.entries()
        refuse_others(said, ROOT | ALONE if "steps" in said else ROOT, "a pipeline")
        check_triggers(said)
        if sum(name in said for name in ("stages", "jobs", "steps")) != 1:
            root.complain("a pipeline has one of stages, jobs and steps; write one of them")
            return self._definition
        stages, jobs = self._stages(root, said, pool(said.get("pool"), Pool()))
        if len(jobs) > MOST_JOBS:
            root.complain(f"it comes to {len(jobs)} jobs; {MOST_JOBS} are the most")
        found = variables(said, [COUNTER])
        self._check_groups(found.groups)
        own = {name: VariablePlan(value) for name, value in found.values.items()}
        names = {name.casefold() for name in own}
        inherited = {
            name: one
            for name, one in self._definition.variables.items()
            if name.casefold() not in names
        }
        return replace(
            self._definition,
            stages=tuple(stages),
            jobs=tuple(jobs),
            number_format=said["name"].text() if "name" in said else DEFAULT_NUMBER_FORMAT,
            variables={**inherited, **own},
            warnings=(),
        )

    def _check_groups(self, groups: Iterable[Value]) -> None:
        for group in groups:
            if (name := group.text()).casefold() not in self._linked:
                group.complain(
                    f"the variable group {name[:80]!r} is not linked to the definition; link it in "
                    "the definition (variableGroups), or remove it here"
                )

    def _stages(
        self, root: Value, said: Mapping[str, Value], usual: Pool
    ) -> tuple[list[BuildStagePlan], list[BuildJobPlan]]:
        if "stages" not in said:
            listed = said.get("jobs")
            jobs = self._jobs(ONLY_STAGE, root, said, listed, usual, {})
            return [BuildStagePlan(ONLY_STAGE)], jobs
        made: list[BuildStagePlan] = []
        jobs = []
        for place, stage in enumerate(said["stages"].items(), 1):
            inside = stage.entries()
            refuse_others(inside, STAGE, "a stage")
            name = inside["stage"].text() if "stage" in inside else ""
            name = name or f"Stage{place}"
            check_name(stage, name, "stage")
            known = {one.name.casefold(): one.name for one in made}
            if name.casefold() in known:
                stage.complain(f"there are two stages {name!r}; give each a name of its own")
            made.append(
                BuildStagePlan(
                    name=name,
                    display_name=inside["displayName"].text() if "displayName" in inside else "",
                    depends_on=_depends(inside, known, "stage", made[-1].name if made else ""),
                    condition=condition(inside, NAMED),
                )
            )
            own = pool(inside.get("pool"), usual)
            given = _without_groups(inside)
            jobs += self._jobs(name, stage, inside, inside.get("jobs"), own, given)
            if len(jobs) > MOST_JOBS:
                break
        return made, jobs

    def _jobs(
        self,
        stage: str,
        at: Value,
        said: Mapping[str, Value],
        listed: Value | None,
        usual: Pool,
        given: Mapping[str, str],
    ) -> list[BuildJobPlan]:
        if listed is None and "steps" not in said:
            at.complain("it has no jobs; give it some")
            return []
        written = self._written(at, said, listed, usual)
        known: dict[str, list[str]] = {}
        made: list[BuildJobPlan] = []
        for job in written:
            if job.name.casefold() in known:
                job.at.complain(f"there are two jobs {job.name!r}; give each a name of its own")
            waits = _depends(job.said, {name: name for name in known}, "job", "")
            before = tuple(key for name in waits for key in known[name.casefold()])
            spread = legs(job.said)
            if not self._fits(job, given, len(spread.legs)):
                return []
            plans = [self._job(stage, job, leg, given, before) for leg in spread.legs]
            if spread.most_at_once and len(plans) > 1:
                group = GroupPlan(_key(stage, job.name), spread.most_at_once)
                plans = [replace(plan, group=group) for plan in plans]
            made += plans
            known[job.name.casefold()] = [plan.key for plan in plans]
        return made

    def _fits(self, job: _Job, given: Mapping[str, str], how_many: int) -> bool:
        before = self._characters
        self._characters += how_many * (job.at.characters + sum(map(len, given.values())))
        if before <= MOST_SPREAD < self._characters:
            job.at.complain(
                f"all jobs together come to more than {MOST_SPREAD} characters, each with the "
                "variables of its stage; make them shorter, or give each job its own"
            )
        return self._characters <= MOST_SPREAD

    def _written(
        self, at: Value, said: Mapping[str, Value], listed: Value | None, usual: Pool
    ) -> Iterable[_Job]:
        """The jobs of a list; one whose dependency stands further down is found in any order."""
        if listed is None:
            inside = {name: value for name, value in said.items() if name in ALONE}
            found = steps(said["steps"], self._known, on_server=usual.on_server)
            return [_Job("Job", inside, at, found, usual)]
        made: list[_Job] = []
        found_jobs = list(listed.items())
        if len(found_jobs) > MOST_JOBS:
            listed.complain(f"these are {len(found_jobs)} jobs; {MOST_JOBS} are the most")
            return made
        for place, job in enumerate(found_jobs, 1):
            inside = job.entries()
            first = next(iter(inside), "")
            if first in ("template", "deployment") or "job" not in inside:
                job.complain(f"{first[:40]!r} is not supported here; only jobs with steps are")
                continue
            refuse_others(inside, JOB, "a job")
            name = inside["job"].text() or f"Job{place}"
            check_name(job, name, "job")
            if "steps" not in inside:
                job.complain(f"the job {name!r} has no steps; give it some")
                continue
            own = pool(inside.get("pool"), usual)
            found = steps(inside["steps"], self._known, on_server=own.on_server)
            made.append(_Job(name, inside, job, found, own))
        return _in_order(made)

    def _job(
        self,
        stage: str,
        job: _Job,
        leg: Leg,
        given: Mapping[str, str],
        before: tuple[str, ...],
    ) -> BuildJobPlan:
        said, own = job.said, job.pool
        shown = said["displayName"].text() if "displayName" in said else job.name
        key = _key(stage, job.name)
        clean = _cleaning(said)
        minutes = said["timeoutInMinutes"].whole() if "timeoutInMinutes" in said else 60
        cancel = said["cancelTimeoutInMinutes"].whole() if "cancelTimeoutInMinutes" in said else 5
        checkout = job.steps.checkout
        return BuildJobPlan(
            key=f"{key}.{leg.name}" if leg.name else key,
            stage=stage,
            depends_on=before,
            variables={**given, **_without_groups(said), **leg.variables},
            continue_on_error=said["continueOnError"].flag()
            if "continueOnError" in said
            else False,
            queue_name=own.queue,
            checks_out=checkout.is_wanted and not own.on_server,
            checkout=repository(
                self._definition.repository, checkout, cleaned=clean in ("resources", "all")
            ),
            cleans_outputs=clean in ("outputs", "all"),
            leg=leg.name,
            work=PhasePlan(
                rank=1,
                name=f"{shown} {leg.name}" if leg.name else shown,
                kind=PhaseKind.SERVER if own.on_server else PhaseKind.AGENT,
                reference_name=job.name,
                condition=condition(said, NAMED),
                demands=own.demands,
                timeout=timedelta(minutes=minutes),
                cancel_timeout=timedelta(minutes=min(cancel, 60)),
                skip_artifacts=True,
                tasks=job.steps.tasks,
            ),
        )


def _key(stage: str, job: str) -> str:
    return job if stage == ONLY_STAGE else f"{stage}.{job}"


def _without_groups(said: Mapping[str, Value]) -> dict[str, str]:
    """The variables of a stage or a job; groups are those of the whole pipeline."""
    found = variables(said)
    for group in found.groups:
        group.complain("a variable group stands among the variables of the whole pipeline only")
    return found.values


def _cleaning(said: Mapping[str, Value]) -> str:
    """What of the workspace is emptied before the job: outputs, resources or all."""
    if "workspace" not in said:
        return ""
    inside = said["workspace"].entries()
    refuse_others(inside, frozenset({"clean"}), "a workspace")
    word = inside["clean"].text().strip().lower() if "clean" in inside else ""
    if word not in ("outputs", "resources", "all"):
        said["workspace"].complain("'clean' is one of outputs, resources and all")
    return word


def _in_order(jobs: list[_Job]) -> list[_Job]:
    """The jobs with each behind those it depends on; what is in a circle stays where it is."""
    left, placed = list(jobs), list[_Job]()
    names = {job.name.casefold() for job in jobs}
    while left:
        done = {job.name.casefold() for job in placed}
        ready = [
            job for job in left if {name.casefold() for name in _named(job.said)} & names <= done
        ]
        if not ready:
            left[0].at.complain(f"the job {left[0].name!r} waits for itself in a circle")
            return placed
        placed += ready
        over = {id(job) for job in ready}
        left = [job for job in left if id(job) not in over]
    return placed


def _named(said: Mapping[str, Value]) -> tuple[str, ...]:
    return said["dependsOn"].texts() if "dependsOn" in said else ()


def _depends(
    said: Mapping[str, Value], known: Mapping[str, str], what: str, usual: str
) -> tuple[str, ...]:
    """What must be over before; nothing said means the one before for stages."""
    if "dependsOn" not in said:
        return (usual,) if usual else ()
    made = []
    for name in said["dependsOn"].texts():
        if name.casefold() not in known:
            said["dependsOn"].complain(
                f"there is no {what} {name[:40]!r} before this one; name one that stands above"
            )
        else:
            made.append(known[name.casefold()])
    return tuple(dict.fromkeys(made))
