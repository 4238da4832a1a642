"""Puts the tasks of a task group in the place of the step that names it (SEMANTICS 13.1)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from quaymaster.domain.expressions import ExpressionError, parse
from quaymaster.domain.expressions.tree import Call, Path
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.task_groups import GROUP, TakenGroup
from quaymaster.domain.task_versions import newest
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.azure_tasks import task, warn_unless_runnable
from quaymaster.plans.reading import Node, shown

MOST_TASKS = 1000  # that one phase may become; groups of groups grow fast

_MACRO = re.compile(r"\$\(([^()$]+)\)")
_DEFAULT = ("", "succeeded()")
_STATUS = frozenset({"always", "canceled", "failed", "succeeded", "succeededorfailed"})

Runnable = Mapping[str, frozenset[int]] | None


@dataclass(slots=True)
class _Room:
    """How many more tasks, and groups that hold them, a phase may become."""

    left: int = MOST_TASKS


@dataclass(frozen=True, slots=True)
class _Place:
    """Where tasks are compiled: what is known, what runs there, and the groups around them."""

    scope: Scope
    runnable: Runnable
    warns: bool = True
    room: _Room = field(default_factory=_Room)
    trail: tuple[tuple[str, str], ...] = ()  # version and name of each group, the outermost first

    def inside(self, key: str, name: str) -> "_Place":
        return replace(self, trail=(*self.trail, (key, name)))


def steps(
    entries: Iterable[Node],
    scope: Scope,
    overrides: Mapping[str, str],
    parameters: Mapping[str, str],
    runnable: Runnable = None,
    *,
    warns: bool = True,
) -> tuple[TaskPlan, ...]:
    """The tasks that these steps of a phase or gate become, task groups expanded.

    `overrides` and `parameters` as `task` takes them, `runnable` as `warn_unless_runnable`; without
    `warns` nobody is told which of them cannot be run. A group that the project does not have
    stays one task, which nobody can run; one that contains itself is refused.
    """
    place = _Place(scope, runnable, warns)
    made: list[TaskPlan] = []
    for entry in entries:
        made += _step(entry, place, overrides, parameters)
    return tuple(made)


def is_group(node: Node) -> bool:
    """Whether a step stands for a task group."""
    return node.text("definitionType").strip().lower() == GROUP


def as_step(step: Node) -> Node:
    """A step of a task group in the words of a definition's workflow task."""
    named = step.object("task")
    value = {
        **{key: value for key, value in step.value.items() if key not in ("task", "displayName")},
        "name": step.value.get("displayName"),
        "taskId": named.value.get("id"),
        "version": named.value.get("versionSpec"),
        "definitionType": named.value.get("definitionType"),
    }
    return Node(value, step.path, step.report)


def _step(
    entry: Node, place: _Place, overrides: Mapping[str, str], parameters: Mapping[str, str]
) -> list[TaskPlan]:
    place.room.left -= 1
    if place.room.left < 0 and place.trail:
        if place.room.left == -1:
            entry.complain("taskId", f"task groups become more than {MOST_TASKS} tasks; split them")
        return []
    plan = task(entry, overrides, parameters)
    if not is_group(entry):
        if place.warns:
            warn_unless_runnable(entry, plan, place.scope, place.runnable)
        return [plan]
    found = _found(entry, plan, place)
    return [plan] if found is None else _expanded(entry, plan, found, place, overrides)


def _found(entry: Node, plan: TaskPlan, place: _Place) -> tuple[str, Mapping[str, Any]] | None:
    """The newest version that the step asks for, with its document."""
    versions = place.scope.groups.get(plan.task_id, {})
    version = newest(plan.version, versions)
    if version is None:
        place.scope.taken.add(TakenGroup(plan.task_id, plan.version))
        if plan.enabled and place.warns:
            what = "version " + shown(plan.version or "*") if versions else "task group"
            entry.warn(
                "taskId",
                f"there is no {what} {plan.task_id} of {shown(plan.display_name)!r} in this "
                "project; make it, or disable the step",
            )
        return None
    document = versions[version]
    revision = document.get("revision")
    number = revision if isinstance(revision, int) else 0
    place.scope.taken.add(TakenGroup(plan.task_id, plan.version, version, number))
    return version, document


def _expanded(
    entry: Node,
    outer: TaskPlan,
    found: tuple[str, Mapping[str, Any]],
    place: _Place,
    overrides: Mapping[str, str],
) -> list[TaskPlan]:
    version, document = found
    name = str(document.get("name") or outer.task_id)
    key = f"{outer.task_id} {version}"
    if key in {other for other, _ in place.trail}:
        way = " → ".join([*(other for _, other in place.trail), name])
        entry.complain("taskId", f"the task group {shown(name)!r} contains itself: {shown(way)}")
        return []
    group = Node(dict(document), f"{entry.path}→{shown(name)}", entry.report)
    values = _values(group, outer.inputs)
    inside = place.inside(key, name)
    made: list[TaskPlan] = []
    for step in group.objects("tasks"):
        filled = _filled(as_step(step), values)
        made += [within(outer, plan) for plan in _step(filled, inside, overrides, {})]
        if place.room.left < 0:
            break
    return made


def _values(group: Node, given: Mapping[str, str]) -> dict[str, str]:
    """What each parameter of the group stands for, by name in lower case."""
    told = {name.lower(): value for name, value in given.items()}
    return {
        entry.text("name").strip().lower(): told.get(
            entry.text("name").strip().lower(), entry.text("defaultValue")
        )
        for entry in group.objects("inputs")
    }


def _filled(step: Node, values: Mapping[str, str]) -> Node:
    """The step with its parameters filled in; every other `$(name)` waits for the job."""
    if not values:
        return step
    value = dict(step.value)
    value["name"] = _with(step.value.get("name"), values)
    for key in ("inputs", "environment"):
        held = step.value.get(key)
        if isinstance(held, dict):
            value[key] = {name: _with(text, values) for name, text in held.items()}
    quoted = {name: text.replace("'", "''") for name, text in values.items()}
    value["condition"] = _with(step.value.get("condition"), quoted)
    return Node(value, step.path, step.report)


def _with(text: Any, values: Mapping[str, str]) -> Any:
    """Filled in once: what a value brings in is not looked at again."""
    if not isinstance(text, str):
        return text
    return _MACRO.sub(lambda m: values.get(m.group(1).strip().lower(), m.group()), text)


# ---- what the group's step says of all its tasks ----------------------------------------------


def within(outer: TaskPlan, inner: TaskPlan) -> TaskPlan:
    """A task of a group under what the step that uses the group says.

    It is enabled when both are, and an error lets the job go on when either says so; of two time
    limits the shorter holds; the task's own environment and number of retries come first.
    """
    return replace(
        inner,
        enabled=outer.enabled and inner.enabled,
        continue_on_error=outer.continue_on_error or inner.continue_on_error,
        condition=_both(_asked(outer), _asked(inner)),
        always_run=False,
        timeout=_shorter(outer.timeout, inner.timeout),
        retry_count=inner.retry_count or outer.retry_count,
        environment={**outer.environment, **inner.environment},
    )


def _asked(plan: TaskPlan) -> str:
    """The condition in words, that of `alwaysRun` included (13.6)."""
    written = plan.condition.strip()
    return written or ("succeededOrFailed()" if plan.always_run else "")


def _both(outer: str, inner: str) -> str:
    """Both conditions at once. A task without one of its own takes that of the group, and still
    stops after a failure unless the group's asks for the job's status itself."""
    if outer in _DEFAULT:
        return inner
    if inner not in _DEFAULT:
        return f"and({outer}, {inner})"
    return outer if _asks_for_status(outer) else f"and(succeeded(), {outer})"


def _asks_for_status(condition: str) -> bool:
    try:
        return _STATUS.isdisjoint(_called(condition)) is False
    except ExpressionError:
        return True  # refused where it stands


def _called(condition: str) -> Iterator[str]:
    """The functions that an expression calls, in lower case."""
    pending: list[Any] = [parse(condition).tree]
    while pending:
        match pending.pop():
            case Call(name=name, arguments=arguments):
                yield name.lower()
                pending.extend(arguments)
            case Path(base=base, steps=inner):
                pending.extend([base, *inner])
            case _:
                continue


def _shorter(one: timedelta, other: timedelta) -> timedelta:
    """0 is no limit."""
    return min((limit for limit in (one, other) if limit), default=timedelta(0))
