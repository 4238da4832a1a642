"""Compiles a YAML pipeline to the plan of a build: stages, jobs, steps, matrix, conditions.

What this server cannot carry out is refused by its name and line, never left out silently.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from quaymaster.domain.build_plan import (
    DEFAULT_NUMBER_FORMAT,
    BuildJobPlan,
    BuildPlan,
    BuildStagePlan,
    RepositoryPlan,
)
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import Demand, PhasePlan, VariablePlan
from quaymaster.plans.azure_demands import demand_in
from quaymaster.plans.build_definition import ONLY_STAGE
from quaymaster.plans.yaml_reading import Value, read
from quaymaster.plans.yaml_steps import Checkout, Known, Steps, condition, steps

MOST_JOBS = 256
MOST_LEGS = 50
# Said for others than the run itself: triggers are read where pushes arrive.
NOT_ABOUT_RUNNING = frozenset(
    {"trigger", "pr", "schedules", "appendCommitMessageToRunName", "lockBehavior"}
)
ROOT = frozenset({"name", "pool", "variables", "stages", "jobs", "steps"}) | NOT_ABOUT_RUNNING
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
class Pool:
    """Where jobs run: the name of a queue ("": the definition's) and what they demand."""

    queue: str = ""
    demands: tuple[Demand, ...] = ()


@dataclass(frozen=True, slots=True)
class Leg:
    """One job of a matrix; the only job of what is none has no name."""

    name: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Job:
    """A job as it is written, before it is spread over its matrix."""

    name: str
    said: Mapping[str, Value]
    at: Value
    steps: Steps


def compile_yaml(
    text: str,
    definition: BuildPlan,
    names: Mapping[str, str],
    installed: Mapping[str, frozenset[str]],
) -> BuildPlan:
    """The plan of a build by this text and the definition that names its file.

    `names` are the ids of installed tasks by name in lower case, `installed` their versions.
    Variables of the text win over those of the definition. Raises Invalid with every problem at
    its line.
    """
    root = read(text, definition.yaml_path)
    compiled = _Compiler(definition, Known(names, installed)).plan(root)
    if root.problems.found:
        raise Invalid("The pipeline cannot be run.", tuple(dict.fromkeys(root.problems.found)))
    return compiled


class _Compiler:
    """One compilation; what is wrong is noted at the values themselves."""

    def __init__(self, definition: BuildPlan, known: Known) -> None:
        self._definition = definition
        self._known = known

    def plan(self, root: Value) -> BuildPlan:
        """The whole file."""
        said = root.entries()
        _refuse_others(said, ROOT | ALONE, "a pipeline")
        if sum(name in said for name in ("stages", "jobs", "steps")) != 1:
            root.complain("a pipeline has one of stages, jobs and steps; write one of them")
            return self._definition
        pool = _pool(said.get("pool"), Pool())
        stages, jobs = self._stages(root, said, pool)
        if len(jobs) > MOST_JOBS:
            root.complain(f"it comes to {len(jobs)} jobs; {MOST_JOBS} are the most")
        own = {name: VariablePlan(value) for name, value in _variables(said).items()}
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

    def _stages(
        self, root: Value, said: Mapping[str, Value], pool: Pool
    ) -> tuple[list[BuildStagePlan], list[BuildJobPlan]]:
        if "stages" not in said:
            listed = said.get("jobs")
            jobs = self._jobs(ONLY_STAGE, root, said, listed, pool, {})
            return [BuildStagePlan(ONLY_STAGE)], jobs
        made: list[BuildStagePlan] = []
        jobs = []
        for place, stage in enumerate(said["stages"].items(), 1):
            inside = stage.entries()
            _refuse_others(inside, STAGE, "a stage")
            name = inside["stage"].text() if "stage" in inside else ""
            name = name or f"Stage{place}"
            known = {one.name.casefold(): one.name for one in made}
            if name.casefold() in known:
                stage.complain(f"there are two stages {name!r}; give each a name of its own")
            made.append(
                BuildStagePlan(
                    name=name,
                    display_name=inside["displayName"].text() if "displayName" in inside else "",
                    depends_on=_depends(inside, known, "stage", made[-1].name if made else ""),
                    condition=condition(inside),
                )
            )
            own = _pool(inside.get("pool"), pool)
            variables = _variables(inside)
            jobs += self._jobs(name, stage, inside, inside.get("jobs"), own, variables)
        return made, jobs

    def _jobs(
        self,
        stage: str,
        at: Value,
        said: Mapping[str, Value],
        listed: Value | None,
        pool: Pool,
        variables: Mapping[str, str],
    ) -> list[BuildJobPlan]:
        if listed is None and "steps" not in said:
            at.complain("it has no jobs; give it some")
            return []
        written = self._written(at, said, listed)
        known: dict[str, list[str]] = {}
        made: list[BuildJobPlan] = []
        for job in written:
            if job.name.casefold() in known:
                job.at.complain(f"there are two jobs {job.name!r}; give each a name of its own")
            waits = _depends(job.said, {name: name for name in known}, "job", "")
            before = tuple(key for name in waits for key in known[name.casefold()])
            keys = []
            for leg in _legs(job.said):
                plan = self._job(stage, job, leg, pool, variables, before)
                made.append(replace(plan, work=replace(plan.work, rank=len(made) + 1)))
                keys.append(plan.key)
            known[job.name.casefold()] = keys
        return made

    def _written(
        self, at: Value, said: Mapping[str, Value], listed: Value | None
    ) -> Iterable[_Job]:
        """The jobs of a list; one whose dependency stands further down is found in any order."""
        if listed is None:
            inside = {name: value for name, value in said.items() if name in ALONE}
            return [_Job("Job", inside, at, steps(said["steps"], self._known))]
        made = []
        for place, job in enumerate(listed.items(), 1):
            inside = job.entries()
            first = next(iter(inside), "")
            if first in ("template", "deployment") or "job" not in inside:
                job.complain(f"{first[:40]!r} is not supported here; only jobs with steps are")
                continue
            _refuse_others(inside, JOB, "a job")
            name = inside["job"].text() or f"Job{place}"
            if "steps" not in inside:
                job.complain(f"the job {name!r} has no steps; give it some")
                continue
            made.append(_Job(name, inside, job, steps(inside["steps"], self._known)))
        return _in_order(made)

    def _job(
        self,
        stage: str,
        job: _Job,
        leg: Leg,
        pool: Pool,
        variables: Mapping[str, str],
        before: tuple[str, ...],
    ) -> BuildJobPlan:
        said = job.said
        own = _pool(said.get("pool"), pool)
        shown = said["displayName"].text() if "displayName" in said else job.name
        key = job.name if stage == ONLY_STAGE else f"{stage}.{job.name}"
        minutes = said["timeoutInMinutes"].whole() if "timeoutInMinutes" in said else 60
        cancel = said["cancelTimeoutInMinutes"].whole() if "cancelTimeoutInMinutes" in said else 5
        checkout = job.steps.checkout
        return BuildJobPlan(
            key=f"{key}.{leg.name}" if leg.name else key,
            stage=stage,
            depends_on=before,
            variables={**variables, **_variables(said), **leg.variables},
            continue_on_error=said["continueOnError"].flag()
            if "continueOnError" in said
            else False,
            queue_name=own.queue,
            checks_out=checkout.is_wanted,
            checkout=_repository(self._definition.repository, checkout),
            work=PhasePlan(
                rank=1,
                name=f"{shown} {leg.name}" if leg.name else shown,
                reference_name=job.name,
                condition=condition(said),
                demands=own.demands,
                timeout=timedelta(minutes=minutes),
                cancel_timeout=timedelta(minutes=min(cancel, 60)),
                skip_artifacts=True,
                tasks=job.steps.tasks,
            ),
        )


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
        left = [job for job in left if job not in ready]
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


def _refuse_others(said: Mapping[str, Value], known: frozenset[str], what: str) -> None:
    for name, value in said.items():
        if name not in known:
            value.complain(f"{name[:40]!r} is not supported in {what}; remove it")


def _pool(value: Value | None, usual: Pool) -> Pool:
    """A queue by name; images of hosted machines mean the queue of the definition."""
    if value is None or value.is_nothing:
        return usual
    if value.is_text:
        return Pool(value.text())
    said = value.entries()
    _refuse_others(said, frozenset({"name", "demands", "vmImage"}), "a pool")
    demands: list[Demand] = []
    for text in said["demands"].texts() if "demands" in said else ():
        try:
            demands.append(demand_in(text))
        except Invalid as error:
            said["demands"].complain(error.message)
    return Pool(said["name"].text() if "name" in said else "", tuple(demands))


def _variables(said: Mapping[str, Value]) -> dict[str, str]:
    """Variables as a map, or as a list of names and values; groups are linked in the definition."""
    value = said.get("variables")
    if value is None or value.is_nothing:
        return {}
    if value.is_list:
        found = {}
        for entry in value.items():
            inside = entry.entries()
            if "name" not in inside or not inside.keys() <= {"name", "value", "readonly"}:
                other = next(iter(inside.keys() - {"name", "value", "readonly"}), "this")
                entry.complain(
                    f"{other!r} is not supported among variables; link groups in the pipeline"
                )
                continue
            found[inside["name"].text()] = inside["value"].text() if "value" in inside else ""
    else:
        found = {name: one.text() for name, one in value.entries().items()}
    for name, text in found.items():
        if text.startswith("$["):
            value.complain(f"the variable {name[:40]!r} is computed ($[ ]), which is not supported")
    return found


def _legs(said: Mapping[str, Value]) -> list[Leg]:
    """The jobs that a strategy makes of one: a matrix' legs, numbered parts, or the job itself."""
    if "strategy" not in said:
        return [Leg("", {})]
    strategy = said["strategy"].entries()
    _refuse_others(strategy, frozenset({"matrix", "parallel", "maxParallel"}), "a strategy")
    if "matrix" in strategy:
        legs = [
            Leg(name, {key: one.text() for key, one in leg.entries().items()})
            for name, leg in strategy["matrix"].entries().items()
        ]
    else:
        count = strategy["parallel"].whole() if "parallel" in strategy else 1
        total = {"System.TotalJobsInPhase": str(count)}
        legs = [
            Leg(str(place), {"System.JobPositionInPhase": str(place), **total})
            for place in range(1, min(count, MOST_LEGS) + 1)
        ]
    if not 1 <= len(legs) <= MOST_LEGS:
        said["strategy"].complain(f"a strategy makes 1 to {MOST_LEGS} jobs, not {len(legs)}")
    return legs


def _repository(known: RepositoryPlan, wanted: Checkout) -> RepositoryPlan | None:
    """The definition's repository as the job wants it; None when it says nothing."""
    if wanted == Checkout(wanted.is_wanted):
        return None
    return replace(
        known,
        clean=known.clean if wanted.clean is None else wanted.clean,
        fetch_depth=known.fetch_depth if wanted.depth is None else wanted.depth,
        submodules=known.submodules
        if wanted.submodules is None
        else wanted.submodules in ("true", "recursive"),
        nested_submodules=wanted.submodules == "recursive",
    )
