"""Which jobs a phase of a build becomes: one, or one for each combination, machine or task.

Done once, when a build is queued: by then every variable that can multiply a phase has its value
(SEMANTICS 12.5, 20.1).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

from quaymaster.domain.build_plan import BuildJobPlan, BuildPlan, GroupPlan
from quaymaster.domain.errors import Refused
from quaymaster.domain.plan import Parallelism, PhaseKind, Spread
from quaymaster.domain.spreading import multiplied

MOST_JOBS = 256
LONGEST_NAME = 100  # of a job among those of its phase; it is part of an index


def spread(plan: BuildPlan, variables: Mapping[str, str]) -> BuildPlan:
    """The plan with each phase as the jobs that it becomes; those that wait for it wait for all.

    Raises Refused for a multiplier without values and for more jobs than a build may have.
    """
    became: dict[str, tuple[str, ...]] = {}
    made: list[BuildJobPlan] = []
    for job in plan.jobs:
        legs = [task for leg in _legs(job, variables) for task in _tasks(leg)]
        became[job.key] = tuple(leg.key for leg in legs)
        made += legs
        if len(made) > MOST_JOBS:
            raise Refused(f"The build would have more than {MOST_JOBS} jobs; multiply it by less.")
    _check_keys(made)
    ranked = (replace(one, work=replace(one.work, rank=n)) for n, one in enumerate(made, 1))
    return replace(plan, jobs=tuple(_waiting(one, became) for one in ranked))


def _check_keys(jobs: list[BuildJobPlan]) -> None:
    seen: set[str] = set()
    for job in jobs:
        if job.key in seen:
            raise Refused(
                f"Two jobs of the build would be called {job.key}. Give its phases and jobs names "
                "of which none is another one with a dot behind it."
            )
        seen.add(job.key)


def _waiting(job: BuildJobPlan, became: Mapping[str, tuple[str, ...]]) -> BuildJobPlan:
    waits = tuple(key for name in job.depends_on for key in became.get(name, (name,)))
    return job if waits == job.depends_on else replace(job, depends_on=waits)


def _legs(job: BuildJobPlan, variables: Mapping[str, str]) -> Iterator[BuildJobPlan]:
    parallel = job.work.parallelism
    match parallel.spread:
        case Spread.NONE:
            yield job
        case Spread.MACHINES:
            yield from _machines(job, max(parallel.most_agents, 1))
        case Spread.CONFIGURATIONS:
            yield from _combinations(job, parallel, variables)


def _machines(job: BuildJobPlan, count: int) -> Iterator[BuildJobPlan]:
    if count > MOST_JOBS:
        raise Refused(f"Phase {job.work.name} would become {count} jobs; {MOST_JOBS} are the most.")
    total = {
        "System.TotalJobsInPhase": str(count),
        "System.ParallelExecutionType": Spread.MACHINES.value,
    }
    group = GroupPlan(job.key)
    for place in range(1, count + 1):
        own = {"System.JobPositionInPhase": str(place), **total}
        yield _leg(job, str(place), own, group)


def _combinations(
    job: BuildJobPlan, parallel: Parallelism, variables: Mapping[str, str]
) -> Iterator[BuildJobPlan]:
    """Each multiplier is a variable with a comma list; every combination is a job (12.5)."""
    lists = multiplied({**variables, **job.variables}, parallel.multipliers)
    empty = [name for name, values in lists.items() if not values]
    if empty or not lists:
        problem = f"Phase {job.work.name} multiplies by {', '.join(empty) or 'no variable'}"
        raise Refused(f"{problem}, which holds no comma list of values. Give it some.")
    group = GroupPlan(
        job.key,
        most_at_once=max(parallel.most_agents, 1),
        stops=not parallel.continue_on_error,
        tolerant=parallel.continue_on_error,
    )
    combinations = list(dict.fromkeys(product(*lists.values())))
    names = ["_".join(values)[:LONGEST_NAME] for values in combinations]
    for place, values in enumerate(combinations, 1):
        own = {
            **dict(zip(lists, values, strict=True)),
            "System.JobPositionInPhase": str(place),
            "System.TotalJobsInPhase": str(len(combinations)),
            "System.ParallelExecutionType": Spread.CONFIGURATIONS.value,
        }
        name = names[place - 1]
        yield _leg(job, f"{name}_{place}" if names.count(name) > 1 else name, own, group)


def _leg(
    job: BuildJobPlan, name: str, variables: Mapping[str, str], group: GroupPlan
) -> BuildJobPlan:
    return replace(
        job,
        key=f"{job.key}.{name}",
        leg=name,
        group=group,
        variables={**job.variables, **variables},
        work=replace(job.work, name=f"{job.work.name} {name}"),
    )


def _tasks(job: BuildJobPlan) -> Iterator[BuildJobPlan]:
    """Every enabled task of a phase without an agent is a job of its own, in their order."""
    tasks = [task for task in job.work.tasks if task.enabled]
    if job.work.kind is not PhaseKind.SERVER or len(tasks) <= 1:
        yield replace(job, work=replace(job.work, tasks=tuple(tasks)))
        return
    group = GroupPlan(job.key, in_order=True)
    for place, task in enumerate(tasks, 1):
        name = f"{job.work.name} - {task.display_name}"
        work = replace(job.work, name=name, tasks=(task,))
        yield replace(job, key=f"{job.key}.{place}", group=group, work=work)
