"""Compiles what starts releases and deployments: events, times of the week (SEMANTICS 8)."""

import msgspec

from quaymaster.domain.plan import (
    ArtifactFilter,
    ArtifactTrigger,
    Schedule,
    StageTrigger,
    StageTriggerKind,
    TriggerKind,
)
from quaymaster.domain.schedules import UnknownTimeZone, time_zone
from quaymaster.plans.azure_conditions import artifact_filter, tag_pattern
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.azure_words import ENVIRONMENT_TRIGGER_TYPE, SCHEDULE_DAYS, TRIGGER_TYPE
from quaymaster.plans.features import Feature
from quaymaster.plans.reading import Node, shown

ROLLBACK_EVENT = "MS.TF.DistributedTask.DeploymentFailed"


def triggers(
    definition: Node, scope: Scope
) -> tuple[tuple[ArtifactTrigger, ...], tuple[Schedule, ...]]:
    """What makes releases of the definition: events of artifacts, and schedules."""
    events: list[ArtifactTrigger] = []
    times: list[Schedule] = []
    for node in definition.objects("triggers"):
        match node.word("triggerType", TRIGGER_TYPE, "undefined"):
            case "schedule":
                scope.asks_for(Feature.SCHEDULES, node, "triggerType")
                times.append(_scheduled(node))
            case "":
                continue  # noted already
            case "undefined":
                node.complain("triggerType", "is missing; say what starts the release")
            case word:
                scope.asks_for(Feature.TRIGGERS, node, "triggerType")
                events.append(_event(node, TriggerKind(word), scope))
    return tuple(events), tuple(times)


def schedules(stage: Node, scope: Scope) -> tuple[Schedule, ...]:
    """The times at which a stage whose conditions hold is deployed (8.8)."""
    listed = stage.objects("schedules")
    if listed:
        scope.asks_for(Feature.STAGE_SCHEDULES, stage, "schedules")
    return tuple(_schedule(node) for node in listed)


def stage_triggers(stage: Node, scope: Scope) -> tuple[StageTrigger, ...]:
    """What makes the stage deploy its last successful release again (8.11)."""
    made = []
    for node in stage.objects("environmentTriggers"):
        word = node.word("triggerType", ENVIRONMENT_TRIGGER_TYPE, "undefined")
        if word == "undefined":
            node.complain("triggerType", "use rollbackRedeploy or deploymentGroupRedeploy")
        elif word:
            kind = StageTriggerKind(word)
            rolls_back = kind is StageTriggerKind.ROLLBACK
            feature = Feature.STAGE_TRIGGERS if rolls_back else Feature.DEPLOYMENT_GROUPS
            scope.asks_for(feature, node, "triggerType")
            made.append(_stage_trigger(node, kind))
    return tuple(made)


def _scheduled(node: Node) -> Schedule:
    if not node.has("schedule"):
        node.complain("schedule", "is missing; give days, hour and minute")
        return Schedule((), 0, 0)
    return _schedule(node.object("schedule"))


def _schedule(node: Node) -> Schedule:
    """UTC when no time zone is named; at least one day."""
    mask = node.number_of("daysToRelease", SCHEDULE_DAYS, -1)
    if mask == 0 or not node.has("daysToRelease"):
        node.complain("daysToRelease", "names no day; name days, e.g. monday, or all")
    days = tuple(day for day in range(7) if mask > 0 and mask >> day & 1)
    return Schedule(
        days=days,
        hour=node.whole("startHours", most=23),
        minute=node.whole("startMinutes", most=59),
        time_zone=_time_zone(node),
        only_with_changes=node.flag("scheduleOnlyWithChanges"),
    )


def _time_zone(node: Node) -> str:
    """A name that Windows or the IANA database knows; a schedule in any other would never fire."""
    named = node.text("timeZoneId").strip() or "UTC"
    try:
        time_zone(named)
    except UnknownTimeZone:
        node.complain(
            "timeZoneId",
            f"there is no time zone {shown(named)!r}; name one such as 'UTC', "
            "'W. Europe Standard Time' or 'Europe/Berlin'",
        )
        return "UTC"
    return named


def _event(node: Node, kind: TriggerKind, scope: Scope) -> ArtifactTrigger:
    listed = node.objects("triggerConditions")
    return ArtifactTrigger(
        alias=_alias(node, scope),
        kind=kind,
        filters=_filters(node, kind, listed),
        on_tagging=any(entry.flag("createReleaseOnBuildTagging") for entry in listed),
        status_policy=node.text("statusPolicyName"),
    )


def _alias(node: Node, scope: Scope) -> str:
    """Which artifact the trigger watches; the key differs by the type of trigger."""
    key = "alias" if node.has("alias") and not node.has("artifactAlias") else "artifactAlias"
    alias = node.text(key)
    if not alias:
        node.complain(
            key, "Invalid data is passed for artifact source trigger object: name the artifact"
        )
    elif alias.lower() not in scope.aliases:
        node.complain(key, f"there is no artifact {shown(alias)!r} in this definition; name one")
    return scope.aliases.get(alias.lower(), alias)


def _filters(node: Node, kind: TriggerKind, listed: list[Node]) -> tuple[ArtifactFilter, ...]:
    match kind:
        case TriggerKind.PUSH:
            return tuple(ArtifactFilter(branch=name) for name in node.texts("branchFilters"))
        case TriggerKind.IMAGE:
            patterns = [tag_pattern(entry) for entry in node.objects("tagFilters")]
            return tuple(ArtifactFilter(tag_pattern=pattern) for pattern in patterns if pattern)
        case TriggerKind.PULL_REQUEST:
            return tuple(artifact_filter(entry, "targetBranch") for entry in listed)
        case TriggerKind.ARTIFACT | TriggerKind.PACKAGE:
            return tuple(artifact_filter(entry) for entry in listed)


def _stage_trigger(node: Node, kind: StageTriggerKind) -> StageTrigger:
    """Its content is JSON once more: an action and the types of events."""
    content = node.text("triggerContent")
    try:
        decoded = msgspec.json.decode(content) if content.strip() else {}
    except (ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        example = '{"action":"LatestSuccessfulDeployment","eventTypes":["' + ROLLBACK_EVENT + '"]}'
        node.complain("triggerContent", f"is not the JSON text of an object such as {example}")
        return StageTrigger(kind)
    inside = Node(decoded, node.at("triggerContent"), node.report)
    return StageTrigger(kind, inside.text("action"), inside.texts("eventTypes"))
