"""What tasks that need no agent come to when their turn is there (SEMANTICS 20, 21)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from quaymaster.domain.errors import Invalid
from quaymaster.domain.macros import replaced
from quaymaster.domain.numbers import digits
from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.release import Intervention
from quaymaster.domain.statuses import InterventionStatus

LONGEST_DELAY_MINUTES = 86_400
DEFAULT_INTERVENTION_TIMEOUT = timedelta(days=60)
SILENT_SERVICE = "The service that was asked did not report in time how it went."
SILENT_PEOPLE = "Nobody answered in time."


def condition_of(task: TaskPlan) -> str:
    """An empty condition is succeeded(), or succeededOrFailed() of old (SEMANTICS 13.6)."""
    return task.condition or ("succeededOrFailed()" if task.always_run else "")


def delay(task: TaskPlan, variables: Mapping[str, str]) -> timedelta:
    """An integer number of minutes, which a macro may give (SEMANTICS 20.2). Raises Invalid."""
    written = IgnoreCase(task.inputs).get("delayForMinutes", "0")
    minutes = replaced(written, IgnoreCase(variables)).strip()
    number = digits(minutes)
    if number is None or number > LONGEST_DELAY_MINUTES:
        problem = f"{minutes!r} is not a number of minutes from 0 to {LONGEST_DELAY_MINUTES}."
        raise Invalid(f"Task {task.display_name}: {problem}")
    return timedelta(minutes=number)


def question(
    task: TaskPlan, variables: Mapping[str, str], place: tuple[int, int], now: datetime
) -> Intervention:
    """What a manual intervention or validation asks; `place` is its phase's rank and its position
    there (SEMANTICS 21)."""
    inputs = IgnoreCase(task.inputs)
    return Intervention(
        phase_rank=place[0],
        position=place[1],
        name=replaced(task.display_name, IgnoreCase(variables)),
        instructions=replaced(inputs.get("instructions", ""), IgnoreCase(variables)),
        status=InterventionStatus.PENDING,
        created_at=now,
        modified_at=now,
        due_at=now + (task.timeout or DEFAULT_INTERVENTION_TIMEOUT),
        resumes_on_timeout=inputs.get("onTimeout", "reject").lower() == "resume",
    )
