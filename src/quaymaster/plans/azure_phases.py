"""Compiles the phases of a stage (SEMANTICS 12)."""

import re
from datetime import timedelta

from quaymaster.domain.plan import (
    Demand,
    Download,
    Parallelism,
    PhaseKind,
    PhasePlan,
    Spread,
    TargetGroup,
    TaskPlan,
)
from quaymaster.plans.azure_demands import demands
from quaymaster.plans.azure_expressions import condition
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.azure_task_groups import steps
from quaymaster.plans.azure_tasks import process_parameters
from quaymaster.plans.azure_words import PARALLEL_EXECUTION, PHASE_TYPE
from quaymaster.plans.features import SERVER_TASKS, Feature
from quaymaster.plans.reading import Node, shown

LONGEST_CANCEL_MINUTES = 60
MOST_AGENTS = 1000

_PLACEHOLDER = re.compile(r"\$[^$]+\$")

_KINDS = {
    "agentBasedDeployment": PhaseKind.AGENT,
    "runOnServer": PhaseKind.SERVER,
    "machineGroupBasedDeployment": PhaseKind.DEPLOYMENT_GROUP,
}


# What part of the targets is left alone (12.6); None where healthPercent says it.
_HEALTH: dict[str, int | None] = {
    "": None,
    "custom": None,
    "onetargetatatime": None,
    "quarteratatime": 75,
    "halfatatime": 50,
}


def phases(stage: Node, scope: Scope) -> tuple[PhasePlan, ...]:
    """The phases in the order they run in: by rank, then as they are listed (12.1)."""
    listed = stage.objects("deployPhases")
    if not listed:
        stage.complain("deployPhases", "a stage needs at least one phase; add one")
    made = [_phase(node, stage, scope, position) for position, node in enumerate(listed, 1)]
    return tuple(sorted(made, key=lambda phase: phase.rank))


def _phase(node: Node, stage: Node, scope: Scope, position: int) -> PhasePlan:
    kind = _kind(node)
    asked = node.object("deploymentInput")
    options = stage.object("environmentOptions")
    tasks = _tasks(node, asked, stage, scope)
    if kind is PhaseKind.SERVER:
        scope.asks_for(Feature.SERVER_PHASES, node, "phaseType")
    return PhasePlan(
        rank=node.whole("rank", position) or position,
        name=node.text("name") or f"Phase {position}",
        kind=kind,
        reference_name=node.text("refName"),
        condition=condition(asked),
        queue_id=0 if kind is PhaseKind.SERVER else _queue_id(asked, stage, kind),
        demands=_demands(asked, stage, tasks, scope),
        timeout=timedelta(
            minutes=asked.whole("timeoutInMinutes") or options.whole("timeoutInMinutes")
        ),
        cancel_timeout=timedelta(
            minutes=asked.whole("jobCancelTimeoutInMinutes", 1, most=LONGEST_CANCEL_MINUTES) or 1
        ),
        skip_artifacts=_either(asked, options, "skipArtifactsDownload"),
        downloads=_downloads(asked, scope),
        access_token=_either(asked, options, "enableAccessToken"),
        tasks=tasks,
        parallelism=_parallelism(asked, scope),
        targets=_targets(asked, scope) if kind is PhaseKind.DEPLOYMENT_GROUP else None,
    )


def _kind(node: Node) -> PhaseKind:
    word = node.word("phaseType", PHASE_TYPE, "agentBasedDeployment")
    if word and word not in _KINDS:
        allowed = ", ".join(_KINDS)
        node.complain("phaseType", f"{word} is no phase of a stage; use one of {allowed}")
    return _KINDS.get(word, PhaseKind.AGENT)


def _queue_id(asked: Node, stage: Node, kind: PhaseKind) -> int:
    """The agent queue or deployment group; old exports have it on the stage.

    A template's placeholder (`$Default$`) is kept, because exported templates are full of them.
    """
    owner = asked if asked.has("queueId") else stage
    named = owner.value.get("queueId")
    if isinstance(named, str) and _PLACEHOLDER.fullmatch(named):
        owner.warn(
            "queueId", f"{shown(named)} is a placeholder; put the id of a queue in its place"
        )
        return 0
    queue = 0 if named == "" else owner.whole("queueId")
    if not queue and kind is PhaseKind.DEPLOYMENT_GROUP:
        asked.warn("queueId", "no deployment group is chosen, so the phase fails; choose one")
    elif not queue:
        asked.warn("queueId", "no queue is chosen, so the pool Default runs this phase; choose one")
    return queue


def _demands(
    asked: Node, stage: Node, tasks: tuple[TaskPlan, ...], scope: Scope
) -> tuple[Demand, ...]:
    """Those of the stage, of the phase and of its tasks together (12.7)."""
    of_tasks = [demand for task in tasks if task.enabled for demand in scope.demanded(task)]
    return tuple(dict.fromkeys((*demands(stage), *demands(asked), *of_tasks)))


def _either(asked: Node, options: Node, key: str) -> bool:
    """The phase decides; where it says nothing, the stage's option of old versions does."""
    return asked.flag(key, options.flag(key))


def _downloads(asked: Node, scope: Scope) -> tuple[Download, ...]:
    """How much of each artifact is downloaded; one that is not named is taken whole (12.9)."""
    return tuple(
        _download(node, scope)
        for node in asked.object("artifactsDownloadInput").objects("downloadInputs")
    )


def _download(node: Node, scope: Scope) -> Download:
    alias = node.text("alias")
    if alias.lower() not in scope.aliases:
        node.warn("alias", f"there is no artifact {shown(alias)!r} in this definition")
    mode = node.text("artifactDownloadMode", "All").lower()
    if mode not in ("", "all", "selective", "skip"):
        node.complain("artifactDownloadMode", "use one of All, Selective, Skip")
    items = node.texts("artifactItems")
    return Download(
        alias=scope.aliases.get(alias.lower(), alias),
        skip=mode == "skip",
        items=items if mode == "selective" else None,
    )


def _parallelism(asked: Node, scope: Scope) -> Parallelism:
    node = asked.object("parallelExecution")
    spread = Spread(node.word("parallelExecutionType", PARALLEL_EXECUTION, "none") or "none")
    if spread is Spread.NONE:
        return Parallelism()
    scope.asks_for(Feature.PARALLEL_JOBS, node, "parallelExecutionType")
    multipliers = node.texts("multipliers") if spread is Spread.CONFIGURATIONS else ()
    if spread is Spread.CONFIGURATIONS and not multipliers:
        node.complain("multipliers", "name the variables whose items make the jobs")
    return Parallelism(
        spread=spread,
        multipliers=multipliers,
        most_agents=node.whole("maxNumberOfAgents", 1, most=MOST_AGENTS) or 1,
        continue_on_error=node.flag("continueOnError"),
    )


def _targets(asked: Node, scope: Scope) -> TargetGroup:
    scope.asks_for(Feature.DEPLOYMENT_GROUPS, asked, "queueId")
    option = asked.text("deploymentHealthOption").strip().lower()
    percent = asked.whole("healthPercent", most=100)
    if option not in _HEALTH:
        asked.warn(
            "deploymentHealthOption",
            "is none of Custom, OneTargetAtATime, HalfAtATime, QuarterAtATime; healthPercent holds",
        )
    fixed = _HEALTH.get(option)
    return TargetGroup(
        tags=asked.texts("tags"),
        healthy_percent=percent if fixed is None else fixed,
        one_at_a_time=option == "onetargetatatime",
    )


def _tasks(node: Node, asked: Node, stage: Node, scope: Scope) -> tuple[TaskPlan, ...]:
    overrides = asked.text_map("overrideInputs")
    on_server = _KINDS.get(node.text("phaseType")) is PhaseKind.SERVER
    known = SERVER_TASKS if on_server else None
    return steps(node.objects("workflowTasks"), scope, overrides, process_parameters(stage), known)
