"""Builders of plans and releases with every default set, so that a test says only what matters."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from operator import is_
from typing import Any, TypeVar

from quaymaster.domain.plan import (
    ApprovalPolicy,
    Approver,
    GatePolicy,
    PhaseKind,
    PhasePlan,
    Plan,
    ReleaseStarts,
    StagePlan,
    StageReached,
    StartCondition,
    TaskPlan,
)
from quaymaster.domain.release import (
    UNSAVED,
    ApprovalId,
    Deployment,
    DeploymentId,
    InterventionId,
    JobId,
    Person,
    PersonId,
    Phase,
    Release,
    ReleaseId,
    Stage,
    StageId,
)
from quaymaster.domain.spreading import DELAY, INTERVENTIONS
from quaymaster.domain.statuses import ReleaseReason, ReleaseStatus, StageStatus
from tests import outlines

R = TypeVar("R", bound=Any)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
CREATOR = PersonId("alice")


def person(name: str, *groups: str, admin: bool = False) -> Person:
    """Somebody who acts; `admin` may decide any approval."""
    return Person(PersonId(name), frozenset(groups), may_override_approvals=admin)


def asks(*people: str, **options: Any) -> ApprovalPolicy:
    """A policy that asks all of these at once."""
    return ApprovalPolicy(approvers=tuple(Approver(who) for who in people), **options)


def asks_in_turn(*people: str, **options: Any) -> ApprovalPolicy:
    """A policy that asks one after the other."""
    ranked = tuple(Approver(who, rank) for rank, who in enumerate(people, 1))
    return ApprovalPolicy(approvers=ranked, **options)


def gates(*names: str, **options: Any) -> GatePolicy:
    """Gates that are asked after 5 minutes, every 5 minutes, for half an hour."""
    minutes = {"delay": 5, "interval": 5, "minimum_success": 0, "timeout": 30, **options}
    tasks = tuple(TaskPlan(task_id="gate", version="1.*", display_name=name) for name in names)
    times = {name: timedelta(minutes=number) for name, number in minutes.items()}
    return GatePolicy(enabled=True, tasks=tasks, **times)


def phase(rank: int = 1, **changes: Any) -> PhasePlan:
    return PhasePlan(**{"rank": rank, "name": f"Phase {rank}", **changes})


def server_phase(*tasks: TaskPlan, rank: int = 1, **changes: Any) -> PhasePlan:
    return phase(rank, kind=PhaseKind.SERVER, tasks=tasks, **changes)


def delay(minutes: str = "10", **changes: Any) -> TaskPlan:
    return task("Wait", DELAY, inputs={"delayForMinutes": minutes}, **changes)


def intervention(name: str = "Look at it", **changes: Any) -> TaskPlan:
    inputs = {name: changes.pop(name) for name in ("instructions", "onTimeout") if name in changes}
    return task(name, INTERVENTIONS[0], inputs=inputs, **changes)


def task(name: str = "Run", task_id: str = "some-task", **changes: Any) -> TaskPlan:
    return TaskPlan(task_id=task_id, version="1.*", display_name=name, **changes)


def phases(number: int, **changes: Any) -> tuple[PhasePlan, ...]:
    return tuple(phase(rank, **changes) for rank in range(1, number + 1))


def plan(outline: str = "Dev", **stages: dict[str, Any]) -> Plan:
    """A plan from an outline such as "Dev → QA; Dev → Load; QA → Prod; Load → Prod".

    A stage with nothing before it starts with the release. Keywords change a stage's fields.
    """
    before = outlines.waits_for(outline)
    unknown = set(stages) - set(before)
    if unknown:
        raise ValueError(f"The outline {outline!r} has no stage {unknown}.")
    return Plan(
        stages=tuple(
            stage_plan(
                name, number, **{"conditions": _conditions(before[name]), **stages.get(name, {})}
            )
            for number, name in enumerate(before, 1)
        )
    )


def _conditions(before: list[str]) -> tuple[StartCondition, ...]:
    if not before:
        return (ReleaseStarts(),)
    return tuple(StageReached(name, frozenset({StageStatus.SUCCEEDED})) for name in before)


def stage_plan(name: str, definition_stage_id: int = 1, **changes: Any) -> StagePlan:
    defaults = {
        "definition_stage_id": definition_stage_id,
        "name": name,
        "rank": definition_stage_id,
        "phases": (phase(),),
    }
    if "after_any_end_of" in changes:
        reached = StageReached(changes.pop("after_any_end_of"), frozenset(StageStatus))
        changes["conditions"] = (reached,)
    return StagePlan(**{**defaults, **changes})


def release(of: Plan | str = "Dev", **changes: Any) -> Release:
    """A draft that nobody has activated; `manual` names stages that do not start themselves."""
    made_from = plan(of) if isinstance(of, str) else of
    manual = changes.pop("manual", ())
    number = changes.get("id", 1)
    stages = tuple(
        Stage(
            id=StageId(100 * number + stage.definition_stage_id),
            plan=stage,
            modified_at=NOW,
            is_manual=stage.name in manual,
        )
        for stage in made_from.stages
    )
    defaults = {
        "id": ReleaseId(1),
        "plan": made_from,
        "status": ReleaseStatus.DRAFT,
        "reason": ReleaseReason.MANUAL,
        "created_by": CREATOR,
        "created_for": CREATOR,
        "created_at": NOW,
        "modified_at": NOW,
        "modified_by": CREATOR,
        "stages": stages,
        "name": "Release-1",
    }
    return Release(**{**defaults, **changes})


def ids() -> Iterator[int]:
    """Ids as a database hands them out: each once."""
    return count(1001)


def saved(of: Release, free: Iterator[int]) -> Release:
    """The release as the store gives it back: every record has an id, and what had one is kept."""
    stages = tuple(
        stage if stage.newest is None else _put(stage, newest=_saved_deployment(stage.newest, free))
        for stage in of.stages
    )
    return _put(of, stages=stages)


def _saved_deployment(deployment: Deployment, free: Iterator[int]) -> Deployment:
    return _put(
        deployment,
        id=deployment.id or DeploymentId(next(free)),
        approvals=_each(deployment.approvals, lambda a: replace(a, id=ApprovalId(next(free)))),
        gates=_each(deployment.gates, lambda run: replace(run, id=next(free))),
        interventions=_each(
            deployment.interventions, lambda asked: replace(asked, id=InterventionId(next(free)))
        ),
        phases=tuple(_saved_phase(phase, free) for phase in deployment.phases),
    )


def _saved_phase(phase: Phase, free: Iterator[int]) -> Phase:
    jobs = _each(phase.jobs, lambda job: replace(job, id=JobId(next(free))))
    return _put(phase, id=phase.id or next(free), jobs=jobs)


def _each(records: tuple[R, ...], numbered: Callable[[R], R]) -> tuple[R, ...]:
    return tuple(numbered(one) if one.id == UNSAVED else one for one in records)


def _put(record: R, **parts: Any) -> R:
    """The very same record when it holds these parts already."""
    if all(_is_same(getattr(record, name), part) for name, part in parts.items()):
        return record
    return replace(record, **parts)


def _is_same(old: Any, new: Any) -> bool:
    if isinstance(old, tuple):
        return len(old) == len(new) and all(map(is_, old, new))
    return old is new or (isinstance(old, int) and old == new)
