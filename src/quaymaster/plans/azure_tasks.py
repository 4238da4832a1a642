"""Compiles the tasks of a phase or a gate (SEMANTICS 13)."""

import re
from collections.abc import Mapping
from datetime import timedelta

from quaymaster.domain.plan import TaskPlan
from quaymaster.plans.azure_expressions import condition
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.connections import warn_of_unknown
from quaymaster.plans.features import can_run, is_installed
from quaymaster.plans.reading import Node, shown

MOST_RETRIES = 10

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PARAMETER = re.compile(r"\$\(parameters\.([^()]+)\)", re.IGNORECASE)


def process_parameters(stage: Node) -> dict[str, str]:
    """The process parameters of a stage: what `$(Parameters.x)` stands for, by lower-case x."""
    return {
        entry.text("name").strip().lower(): entry.text("defaultValue")
        for entry in stage.object("processParameters").objects("inputs")
    }


def task(node: Node, overrides: Mapping[str, str], parameters: Mapping[str, str]) -> TaskPlan:
    """One task; `overrides` are the phase's inputs that replace inputs of the same name (12.11).

    `parameters` are the stage's process parameters by name in lower case: `$(Parameters.x)` in an
    input or environment value stands for the value of x.
    """
    name = node.text("name")
    version = node.text("version")
    return TaskPlan(
        task_id=_task_id(node),
        version=version,
        display_name=filled(name, parameters) or "Task",
        reference_name=node.text("refName"),
        enabled=node.flag("enabled", True),
        always_run=node.flag("alwaysRun"),
        continue_on_error=node.flag("continueOnError"),
        condition=condition(node),
        timeout=timedelta(minutes=node.whole("timeoutInMinutes")),
        retry_count=retries(node),
        inputs=_inputs(node, overrides, parameters),
        environment={
            name: filled(value, parameters) for name, value in node.text_map("environment").items()
        },
    )


def warn_unless_runnable(
    node: Node,
    plan: TaskPlan,
    scope: Scope,
    without_agent: Mapping[str, frozenset[int]] | None = None,
) -> None:
    """A task that cannot be run here is kept: the stage fails clearly when it comes to it.

    `without_agent` are the tasks that can be run where it stands, when that is no agent.
    """
    if not plan.enabled:
        return
    warn_of_unknown(node, plan, scope.connections)
    if without_agent is not None:
        if not (
            can_run(without_agent, plan.task_id, plan.version)
            or is_installed(scope.on_server, plan.task_id, plan.version)
        ):
            node.warn(
                "taskId",
                f"task {shown(plan.display_name)!r} ({plan.task_id}, version "
                f"{plan.version or '*'}) cannot be run here without an agent; disable it, or use "
                "Invoke REST API",
            )
    elif not _is_there(scope, plan):
        node.warn(
            "taskId",
            f"task {shown(plan.display_name)!r} ({plan.task_id}, version {plan.version or '*'}) "
            "cannot be run here; install it, disable it, or replace it by a script",
        )


def _is_there(scope: Scope, plan: TaskPlan) -> bool:
    return can_run(scope.runnable, plan.task_id, plan.version) or is_installed(
        scope.installed, plan.task_id, plan.version
    )


def _task_id(node: Node) -> str:
    task_id = node.text("taskId").strip()
    if not _GUID.fullmatch(task_id):
        node.complain("taskId", "is not the id (a GUID) of a task; give one")
    return task_id.lower()


def retries(node: Node) -> int:
    """How often a failed task is run again; 10 at most (SEMANTICS 13.11)."""
    retries = node.whole("retryCountOnTaskFailure")
    if retries > MOST_RETRIES:
        node.warn("retryCountOnTaskFailure", f"a task is retried {MOST_RETRIES} times at most")
    return min(retries, MOST_RETRIES)


def _inputs(
    node: Node, overrides: Mapping[str, str], parameters: Mapping[str, str]
) -> dict[str, str]:
    own = node.text_map("overrideInputs")
    winning = {name.lower(): value for said in (overrides, own) for name, value in said.items()}
    inputs = node.text_map("inputs")
    present = {name.lower() for name in inputs}
    replaced = {name: winning.get(name.lower(), value) for name, value in inputs.items()}
    added = {name: value for name, value in own.items() if name.lower() not in present}
    return {name: filled(value, parameters) for name, value in (replaced | added).items()}


def filled(text: str, parameters: Mapping[str, str]) -> str:
    """The text with `$(Parameters.x)` replaced; `parameters` by name in lower case."""
    if not parameters or "$(" not in text:
        return text
    return _PARAMETER.sub(
        lambda found: parameters.get(found.group(1).strip().lower(), found.group()), text
    )
