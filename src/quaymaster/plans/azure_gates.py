"""Compiles the gates of a stage (SEMANTICS 10)."""

from datetime import timedelta

from quaymaster.domain.plan import (
    DEFAULT_GATE_DELAY,
    DEFAULT_GATE_INTERVAL,
    DEFAULT_GATE_TIMEOUT,
    GatePolicy,
)
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.azure_task_groups import steps
from quaymaster.plans.azure_tasks import process_parameters
from quaymaster.plans.features import GATE_TASKS, Feature
from quaymaster.plans.reading import Node

# in minutes (10.1)
LONGEST_DELAY = 2880
SHORTEST_INTERVAL = 5
SHORTEST_TIMEOUT = 6
LONGEST_TIMEOUT = 15 * 24 * 60


def gates(stage: Node, key: str, scope: Scope) -> GatePolicy:
    """The gates of one side. Options that are switched off are not checked against the limits."""
    side = stage.object(key)
    options = side.object("gatesOptions")
    parameters = process_parameters(stage)
    listed = [entry for gate in side.objects("gates") for entry in gate.objects("tasks")]
    if not options.flag("isEnabled"):
        made = steps(listed, scope, {}, parameters, GATE_TASKS, warns=False)
        return GatePolicy(tasks=tuple(plan for plan in made if plan.enabled))
    scope.asks_for(Feature.GATES, options, "isEnabled")
    made = steps(listed, scope, {}, parameters, GATE_TASKS)
    policy = GatePolicy(
        enabled=True,
        delay=_minutes(options, "stabilizationTime", DEFAULT_GATE_DELAY, 0, LONGEST_DELAY),
        interval=_minutes(
            options,
            "samplingInterval",
            DEFAULT_GATE_INTERVAL,
            SHORTEST_INTERVAL,
            LONGEST_TIMEOUT,
        ),
        minimum_success=_minutes(
            options, "minimumSuccessDuration", timedelta(0), 0, LONGEST_TIMEOUT
        ),
        timeout=_minutes(
            options, "timeout", DEFAULT_GATE_TIMEOUT, SHORTEST_TIMEOUT, LONGEST_TIMEOUT
        ),
        tasks=tuple(plan for plan in made if plan.enabled),
    )
    if policy.minimum_success > policy.timeout:
        options.complain(
            "minimumSuccessDuration", "is longer than the timeout, so the gates can never succeed"
        )
    return policy


def _minutes(options: Node, key: str, default: timedelta, least: int, most: int) -> timedelta:
    usual = int(default / timedelta(minutes=1))
    return timedelta(minutes=options.whole(key, usual, least=least, most=most))
