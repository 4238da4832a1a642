"""Compiles what a stage waits for before it starts by itself (SEMANTICS 8.5)."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import re2

from quaymaster.domain.plan import (
    ArtifactFilter,
    ArtifactMatches,
    ReleaseStarts,
    StagePlan,
    StageReached,
    StartCondition,
)
from quaymaster.domain.statuses import StageStatus
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.azure_shapes import TRIGGER_CONDITION
from quaymaster.plans.azure_words import CONDITION_TYPE, ENVIRONMENT_STATUS
from quaymaster.plans.reading import Node, Report, shown

_QUIETLY = re2.Options()
_QUIETLY.log_errors = False

RELEASE_STARTED = "releasestarted"
LONGEST_FILTER = 10_000

_FINAL = frozenset(
    {
        StageStatus.SUCCEEDED,
        StageStatus.CANCELED,
        StageStatus.REJECTED,
        StageStatus.PARTIALLY_SUCCEEDED,
    }
)


def conditions(stage: Node, scope: Scope) -> tuple[StartCondition, ...]:
    """All conditions that can be read; none at all means that the stage is started by hand."""
    made = []
    for node in stage.objects("conditions"):
        match node.word("conditionType", CONDITION_TYPE, "undefined"):
            case "event":
                made.append(_event(node))
            case "environmentState":
                made.append(_stage_reached(node, scope))
            case "artifact":
                made.append(_artifact(node, scope))
            case "":
                continue  # noted already
            case _:
                node.complain(
                    "conditionType", "is missing; use event, environmentState or artifact"
                )
    return tuple(made)


def _event(node: Node) -> StartCondition:
    if node.text("name").lower() != RELEASE_STARTED:
        node.complain("name", f"{shown(node.text('name'))!r} is no event; use ReleaseStarted")
    return ReleaseStarts()


def _stage_reached(node: Node, scope: Scope) -> StartCondition:
    named = node.text("name")
    if named.lower() not in scope.stages:
        node.complain("name", f"there is no stage {shown(named)!r} in this definition; name one")
    statuses = _statuses(node)
    if statuses and not statuses & _FINAL:
        node.warn("value", "no stage ends in this state, so this stage never starts by itself")
    return StageReached(scope.stages.get(named.lower(), named), statuses)


def _statuses(node: Node) -> frozenset[StageStatus]:
    """The value is a bit mask as text: 4 succeeded, 132 also partially (UNCERTAIN 32)."""
    mask = node.number_of("value", ENVIRONMENT_STATUS, -1) if node.text("value") else 0
    if mask == 0:
        node.complain("value", 'names no state of the other stage; use "4" for succeeded')
    if mask <= 0:
        return frozenset()
    return frozenset(StageStatus(word) for word in ENVIRONMENT_STATUS.words_in(mask))


def _artifact(node: Node, scope: Scope) -> StartCondition:
    alias = node.text("name")
    if alias.lower() not in scope.aliases:
        node.complain("name", f"there is no artifact {shown(alias)!r} in this definition; name one")
    return ArtifactMatches(scope.aliases.get(alias.lower(), alias), _filter(node))


def _filter(node: Node) -> ArtifactFilter:
    """The filter inside the value, which is JSON once more; keys that are not known are ignored."""
    text = node.text("value")
    if not text.strip():
        return ArtifactFilter()
    decoded = _decoded(text)
    if decoded is None:
        example = '{"sourceBranch":"main","tags":[]}'
        node.complain("value", f"is not the JSON text of a filter; write it as {example}")
        return ArtifactFilter()
    spelled = {TRIGGER_CONDITION.spelled(name): value for name, value in decoded.items()}
    return artifact_filter(Node(spelled, node.at("value"), node.report))


def _decoded(text: str) -> dict[str, Any] | None:
    if len(text) > LONGEST_FILTER:
        return None
    try:
        decoded = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def artifact_filter(node: Node, branch_key: str = "sourceBranch") -> ArtifactFilter:
    """A filter of branches and tags (SEMANTICS 8.1, 8.2)."""
    return ArtifactFilter(
        branch=node.text(branch_key),
        tags=node.texts("tags"),
        use_default_branch=node.flag("useBuildDefinitionBranch"),
        tag_pattern=tag_pattern(node.object("tagFilter")),
    )


def tag_pattern(node: Node) -> str:
    """A pattern that is searched for in tags; one that nothing could search for is refused."""
    pattern = node.text("pattern")
    try:
        re2.compile(pattern, _QUIETLY)
    except re2.error:
        node.complain("pattern", "tags cannot be searched for this; write it as RE2 reads it")
        return ""
    return pattern


def check_for_cycles(report: Report, stages: Iterable[tuple[Node, StagePlan]]) -> None:
    """Stages that wait for each other would never start; each circle is noted once."""
    listed = [(node, plan) for node, plan in stages if plan.name]
    waits = {
        plan.name: list(
            dict.fromkeys(c.stage for c in plan.conditions if isinstance(c, StageReached))
        )
        for _, plan in listed
    }
    in_circles = _on_a_circle(waits)
    for node, plan in listed:
        if plan.name in in_circles:
            others = " → ".join(shown(name) for name in waits[plan.name] if name in in_circles)
            report.complain(
                node.at("conditions"),
                f"stage {shown(plan.name)!r} waits for {others}, which waits for it in turn; "
                "remove one of the conditions",
            )


def _on_a_circle(waits: Mapping[str, list[str]]) -> set[str]:
    """The stages that can be reached from themselves."""
    return {name for name in waits if name in _reachable(waits, name)}


def _reachable(waits: Mapping[str, list[str]], start: str) -> set[str]:
    found: set[str] = set()
    pending = list(waits[start])
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(waits.get(name, ()))
    return found
