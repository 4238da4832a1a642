"""A task group's own document: what is wrong with it, and which groups a document uses."""

from collections.abc import Iterator
from typing import Any

from quaymaster.domain.errors import Invalid
from quaymaster.domain.task_groups import GROUP, Groups
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.azure_task_groups import as_step, steps
from quaymaster.plans.azure_tasks import task
from quaymaster.plans.features import BUILT
from quaymaster.plans.reading import Node, Report, repeated, shown

MOST_STEPS = 500
MOST_DEPTH = 64

Document = dict[str, Any]


def check(document: Document) -> None:
    """Raises Invalid with everything that is wrong with a task group, each at its JSON path."""
    report = Report()
    root = Node(document, "$", report)
    root.name("name", "a task group")
    for key in ("friendlyName", "description", "category", "instanceNameFormat", "author"):
        root.text(key)
    _check_parameters(root)
    listed = root.objects("tasks")
    if not listed:
        root.complain("tasks", "a task group needs at least one task; add one")
    if len(listed) > MOST_STEPS:
        root.complain("tasks", f"holds more than {MOST_STEPS} tasks; split the group")
    for step in listed[:MOST_STEPS]:
        task(as_step(step), {}, {})
    _refuse(report)


def check_circles(group_id: str, version: str, document: Document, groups: Groups) -> None:
    """Raises Invalid naming the way when the group, saved like this, would contain itself.

    `groups` are all that it reaches; itself is taken as `document`.
    """
    report = Report()
    mine = {**groups.get(group_id, {}), version: document}
    whole = {**groups, group_id: mine}
    scope = Scope(runnable={}, built=BUILT, groups=whole)
    use = {
        "taskId": group_id,
        "version": version,
        "name": document.get("name"),
        "definitionType": GROUP,
    }
    steps([Node(use, "$", report)], scope, {}, {}, warns=False)
    _refuse(report)


def _check_parameters(root: Node) -> None:
    listed = root.objects("inputs")
    twice = repeated(entry.text("name").strip() for entry in listed)
    for entry in listed:
        name = entry.name("name", "a parameter")
        entry.text("defaultValue")
        if name and name.lower() in twice:
            entry.complain("name", f"another parameter is called {shown(name)!r}; rename one")


def _refuse(report: Report) -> None:
    if report.problems:
        raise Invalid("The task group cannot be saved.", tuple(dict.fromkeys(report.problems)))


def groups_in(document: object) -> frozenset[str]:
    """The ids, in lower case, of the task groups that a definition or a task group uses."""
    return frozenset(_groups(document))


def _groups(document: object) -> Iterator[str]:
    pending = [(document, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > MOST_DEPTH:
            continue
        if isinstance(value, list):
            pending += [(entry, depth + 1) for entry in value]
        elif isinstance(value, dict):
            pending += [(entry, depth + 1) for entry in value.values()]
            kind, named = value.get("definitionType"), value.get("taskId", value.get("id"))
            if isinstance(kind, str) and kind.lower() == GROUP and isinstance(named, str):
                yield named.strip().lower()
