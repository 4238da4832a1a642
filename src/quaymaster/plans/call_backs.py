"""Which tasks wait until the service that they asked reports how it went (SEMANTICS 20.3)."""

from collections.abc import Mapping
from datetime import timedelta

from quaymaster.domain.plan import PhasePlan, TaskPlan
from quaymaster.plans.features import AZURE_FUNCTION, INVOKE_REST_API, SERVICE_BUS

ABLE = frozenset({INVOKE_REST_API, AZURE_FUNCTION, SERVICE_BUS})
USUAL = timedelta(days=1)  # for a task and a phase that set no time limit


def waits(task_id: str, inputs: Mapping[str, str]) -> bool:
    """Whether a task with these inputs waits to be called back."""
    wanted = next((v for n, v in inputs.items() if n.lower() == "waitforcompletion"), "")
    return task_id.lower() in ABLE and wanted.strip().lower() == "true"


def patience(phase: PhasePlan, task: TaskPlan) -> timedelta:
    """How long the report may take: the tighter limit of the task and of its phase."""
    return min((limit for limit in (task.timeout, phase.timeout) if limit), default=USUAL)
