"""Which jobs a phase becomes: one, one for each combination, machine or task (SEMANTICS 12)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import product
from math import prod

from quaymaster.domain.attempt_variables import variables_of
from quaymaster.domain.conclusions import Conclusion, PhaseFailed, PhaseSkipped, PhaseStarted
from quaymaster.domain.ordinal import IgnoreCase, upper
from quaymaster.domain.plan import PhaseKind, PhasePlan, Spread, TargetGroup
from quaymaster.domain.release import Deployment, Job, JobKind, Release, Stage, Target
from quaymaster.domain.statuses import JobStatus

EXTERNAL = "5d6c2f54-7c0a-4f0c-9a37-0b7c5f6f6a10"  # our own: done outside, and reported
MOST_JOBS = 1000  # of one phase; more is a slip of a variable, not a wish

DELAY = "28782b92-5e8e-4458-9751-a71cd1492bae"
INTERVENTIONS = (
    "bcb64569-d51a-4af0-9c01-ea5d05b3b622",
    "2003ad3a-104a-451a-9238-60474ab294e6",
)


def begun(
    release: Release, stage: Stage, deployment: Deployment, plan: PhasePlan, now: datetime
) -> Conclusion:
    """The phase starts with its jobs, or fails because none can be made."""
    match plan.kind:
        case PhaseKind.SERVER:
            return PhaseStarted(stage.id, plan.rank, _tasks(plan, now))
        case PhaseKind.DEPLOYMENT_GROUP:
            return _on_targets(release, stage, deployment, plan, now)
        case PhaseKind.AGENT:
            return _on_agents(release, stage, deployment, plan, now)


# ---- server phases --------------------------------------------------------------------------


def _tasks(plan: PhasePlan, now: datetime) -> tuple[Job, ...]:
    """Every enabled task is a job of its own, held until its turn."""
    return tuple(
        Job(
            position=position,
            name=task.display_name,
            status=JobStatus.HELD,
            created_at=now,
            kind=kind_of(task.task_id),
        )
        for position, task in enumerate(plan.tasks)
        if task.enabled
    )


def kind_of(task_id: str) -> JobKind:
    """Who does a task of a server phase."""
    if task_id.lower() == DELAY:
        return JobKind.DELAY
    if task_id.lower() == EXTERNAL:
        return JobKind.EXTERNAL
    return JobKind.INTERVENTION if task_id.lower() in INTERVENTIONS else JobKind.SERVER


# ---- agent phases ---------------------------------------------------------------------------


def _on_agents(
    release: Release, stage: Stage, deployment: Deployment, plan: PhasePlan, now: datetime
) -> Conclusion:
    match plan.parallelism.spread:
        case Spread.NONE:
            only = Job(position=0, name=plan.name, status=JobStatus.WAITING, created_at=now)
            return PhaseStarted(stage.id, plan.rank, (only,))
        case Spread.MACHINES:
            count = min(max(plan.parallelism.most_agents, 1), MOST_JOBS)
            names = [f"{plan.name} {number}" for number in range(1, count + 1)]
            jobs = [_held(position, name, now) for position, name in enumerate(names)]
            return PhaseStarted(stage.id, plan.rank, tuple(jobs))
        case Spread.CONFIGURATIONS:
            variables = variables_of(release, stage, deployment)
            return _for_each_combination(variables, stage, plan, now)


def _held(position: int, name: str, now: datetime) -> Job:
    return Job(position=position, name=name, status=JobStatus.HELD, created_at=now)


def _for_each_combination(
    variables: Mapping[str, str], stage: Stage, plan: PhasePlan, now: datetime
) -> Conclusion:
    """Each multiplier is a variable with a comma list; every combination is a job (12.5)."""
    lists = multiplied(variables, plan.parallelism.multipliers)
    empty = [name for name, values in lists.items() if not values]
    if empty or not lists:
        problem = f"Phase {plan.name} multiplies by {', '.join(empty) or 'no variable'}"
        return PhaseFailed(stage.id, plan.rank, f"{problem}, which holds no comma list of values.")
    count = prod(map(len, lists.values()))
    if count > MOST_JOBS:
        problem = f"Phase {plan.name} would become {count} jobs; at most {MOST_JOBS} are run."
        return PhaseFailed(stage.id, plan.rank, problem)
    jobs = tuple(
        replace(
            _held(position, f"{plan.name} ({', '.join(values)})", now),
            variables=dict(zip(lists, values, strict=True)),
        )
        for position, values in enumerate(product(*lists.values()))
    )
    return PhaseStarted(stage.id, plan.rank, jobs, plan.parallelism.continue_on_error)


def multiplied(variables: Mapping[str, str], multipliers: Iterable[str]) -> dict[str, list[str]]:
    """The items of the comma list that each multiplier holds; none for one that holds no list."""
    known = IgnoreCase(variables)
    return {
        name: [item.strip() for item in known.get(name, "").split(",") if item.strip()]
        for name in multipliers
    }


# ---- deployment groups ----------------------------------------------------------------------


def _on_targets(
    release: Release, stage: Stage, deployment: Deployment, plan: PhasePlan, now: datetime
) -> Conclusion:
    """One job for each target with all tags; those that are offline are passed over (12.6).

    An attempt that is limited to some targets skips a phase that has none of them.
    """
    group = plan.targets or TargetGroup()
    targets = tagged(release.targets.get(plan.queue_id, ()), group.tags)
    if deployment.only_targets:
        targets = [target for target in targets if target.id in deployment.only_targets]
        if not targets:
            return PhaseSkipped(stage.id, plan.rank)
    if not any(target.is_online for target in targets):
        wanted = f" with the tags {', '.join(group.tags)}" if group.tags else ""
        missing = "every target is offline" if targets else "there is no target"
        problem = f"Phase {plan.name}: {missing}{wanted} in deployment group {plan.queue_id}."
        return PhaseFailed(stage.id, plan.rank, problem)
    jobs = tuple(_on_target(position, target, now) for position, target in enumerate(targets))
    return PhaseStarted(stage.id, plan.rank, jobs, is_tolerant=True)


def deployment_groups_of(release: Release) -> tuple[int, ...]:
    """The deployment groups whose targets the release may need, by their ids."""
    return tuple(
        dict.fromkeys(
            plan.queue_id
            for stage in release.stages
            for plan in stage.plan.phases
            if plan.kind is PhaseKind.DEPLOYMENT_GROUP
        )
    )


def tagged(targets: Iterable[Target], tags: tuple[str, ...]) -> list[Target]:
    """Those of these targets that have every one of the tags."""
    return [target for target in targets if carries(target, tags)]


def carries(target: Target, tags: tuple[str, ...]) -> bool:
    """Whether the target has every one of these tags, in any case."""
    own = {upper(tag) for tag in target.tags}
    return all(upper(tag) in own for tag in tags)


def _on_target(position: int, target: Target, now: datetime) -> Job:
    job = replace(_held(position, target.name, now), kind=JobKind.TARGET, target=target.id)
    if target.is_online:
        return job
    return replace(job, status=JobStatus.SKIPPED, ended_at=now, error=passed_over(target.name))


def passed_over(name: str) -> str:
    """The warning about a target that was offline when its turn came."""
    return f"Target {name} is offline and was passed over."


def missed_targets(deployment: Deployment) -> tuple[int, ...]:
    """The targets on which the attempt has not succeeded: failed, canceled, never reached."""
    good = (JobStatus.SUCCEEDED, JobStatus.WITH_ISSUES)
    jobs = [job for job in deployment.jobs if job.kind is JobKind.TARGET]
    return tuple(dict.fromkeys(job.target for job in jobs if job.status not in good))


# ---- how many at once -----------------------------------------------------------------------


def most_at_once(plan: PhasePlan, count: int) -> int:
    """How many of `count` jobs may be at work, or on targets: not in order, at any time."""
    if plan.kind is PhaseKind.DEPLOYMENT_GROUP:
        group = plan.targets or TargetGroup()
        allowed = count * (100 - group.healthy_percent) // 100
        return 1 if group.one_at_a_time else max(allowed, 1)
    return max(plan.parallelism.most_agents, 1)
