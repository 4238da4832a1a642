"""Compiles the stages of a definition."""

from quaymaster.domain.plan import QueuePolicy, RetentionPolicy, StagePlan
from quaymaster.plans.azure_approvals import post_approvals, pre_approvals
from quaymaster.plans.azure_conditions import check_for_cycles, conditions
from quaymaster.plans.azure_gates import gates
from quaymaster.plans.azure_phases import phases
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.azure_triggers import schedules, stage_triggers
from quaymaster.plans.azure_variables import variables
from quaymaster.plans.features import Feature
from quaymaster.plans.reading import Node, repeated, shown


def stages(listed: list[Node], scope: Scope) -> tuple[StagePlan, ...]:
    """The stages in the order of the document; names must differ in more than case."""
    twice = repeated(node.text("name").strip() for node in listed)
    made = []
    for position, node in enumerate(listed, 1):
        plan = _stage(node, scope, position)
        if plan.name and plan.name.lower() in twice:
            node.complain("name", f"another stage is called {shown(plan.name)!r}; rename one")
        made.append(plan)
    if listed:
        check_for_cycles(listed[0].report, zip(listed, made, strict=True))
    return tuple(made)


def _stage(node: Node, scope: Scope, position: int) -> StagePlan:
    name = node.name("name", "a stage")
    node.object("owner").text("id")  # complains of what is no reference to a person
    node.object("properties")  # shown and searched by name, never run
    return StagePlan(
        definition_stage_id=node.whole("id"),
        name=name,
        rank=node.whole("rank", position) or position,
        conditions=conditions(node, scope),
        pre_approvals=pre_approvals(node),
        post_approvals=post_approvals(node),
        queue=_queue(node),
        phases=phases(node, scope),
        pull_request_deployment=node.object("environmentOptions").flag(
            "pullRequestDeploymentEnabled"
        ),
        variables=variables(node),
        variable_groups=variable_groups(node, scope),
        pre_gates=gates(node, "preDeploymentGates", scope),
        post_gates=gates(node, "postDeploymentGates", scope),
        schedules=schedules(node, scope),
        triggers=stage_triggers(node, scope),
        retention=_retention(node, name),
    )


def _queue(node: Node) -> QueuePolicy:
    policy = node.object("executionPolicy")
    return QueuePolicy(policy.whole("concurrencyCount"), policy.whole("queueDepthCount"))


def _retention(node: Node, name: str) -> RetentionPolicy:
    """Every stage says how long its releases are kept (CONTRACT A.7, VS402982)."""
    if not node.has("retentionPolicy"):
        node.complain(
            "retentionPolicy",
            f"VS402982: A retention policy is not set for the stage {shown(name)!r}. "
            "Give daysToKeep, releasesToKeep and retainBuild",
        )
    policy = node.object("retentionPolicy")
    usual = RetentionPolicy()
    return RetentionPolicy(
        policy.whole("daysToKeep", usual.days),
        policy.whole("releasesToKeep", usual.releases),
        policy.flag("retainBuild"),
    )


def variable_groups(owner: Node, scope: Scope) -> tuple[int, ...]:
    """The ids of the variable groups linked to the definition or the stage."""
    linked = owner.numbers("variableGroups")
    if linked:
        scope.asks_for(Feature.VARIABLE_GROUPS, owner, "variableGroups")
    return linked
