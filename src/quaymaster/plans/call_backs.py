"""Which tasks wait until the service that they asked reports how it went (SEMANTICS 20.3)."""

from collections.abc import Mapping
from datetime import timedelta

from quaymaster.domain.plan import PhasePlan, TaskPlan
from quaymaster.plans.features import AZURE_FUNCTION, INVOKE_REST_API, SERVICE_BUS
from quaymaster.plans.server_executions import ServerExecution

ABLE = frozenset({INVOKE_REST_API, AZURE_FUNCTION, SERVICE_BUS})
USUAL = timedelta(days=1)  # for a task and a phase that set no time limit


def waits(
    task_id: str, inputs: Mapping[str, str], execution: ServerExecution | None = None
) -> bool:
    """Whether a task with these inputs waits to be called back.

    `execution` is what the installed task does, where it is one.
    """
    return _wanted(task_id, inputs, execution).lower() == "true"


def may_wait(
    task_id: str, inputs: Mapping[str, str], execution: ServerExecution | None = None
) -> bool:
    """The same before the macros in the inputs are replaced: a variable may say so."""
    wanted = _wanted(task_id, inputs, execution)
    return wanted.lower() == "true" or "$(" in wanted


def _wanted(task_id: str, inputs: Mapping[str, str], execution: ServerExecution | None) -> str:
    if execution is not None:
        said = execution.text("waitforcompletion", execution.inputs(inputs))
        return said.strip() if execution.asks else ""
    if task_id.lower() not in ABLE:
        return ""
    return next((v for n, v in inputs.items() if n.lower() == "waitforcompletion"), "").strip()


def patience(phase: PhasePlan, task: TaskPlan) -> timedelta:
    """How long the report may take: the tighter limit of the task and of its phase."""
    return min((limit for limit in (task.timeout, phase.timeout) if limit), default=USUAL)
