"""Which definitions make a release of something that happened outside (SEMANTICS 8.1-8.4, 8.9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from quaymaster.domain.filters import PatternFound, any_matches
from quaymaster.domain.macros import replaced
from quaymaster.domain.ordinal import IgnoreCase, upper
from quaymaster.domain.plan import (
    ArtifactFilter,
    ArtifactPlan,
    ArtifactTrigger,
    Plan,
    Schedule,
    StageTriggerKind,
    TriggerKind,
)
from quaymaster.domain.release import PersonId, Release, Stage, StageId
from quaymaster.domain.status import stage_status
from quaymaster.domain.statuses import DeploymentReason, ReleaseReason, StageStatus

GOOD_RESULTS = ("succeeded", "partiallySucceeded")


class Occasion(StrEnum):
    """What happened to the version."""

    NEW_VERSION = "newVersion"
    TAGGED = "tagged"  # tags were added to one that was there already


@dataclass(frozen=True, slots=True)
class ArtifactEvent:
    """A version of an artifact as its source told of it.

    `type` and `source_id` are those of the artifacts in the definitions: for a build
    `project:definition`, for a repository `connection:repository`, for one on this machine its
    path. `version_id` is what the source itself calls the version: a build's id, a full commit
    id, an image's digest or tag, a package's version; `version_name` is what people read.
    `result` is that of a build, and empty for sources whose versions do not succeed or fail.
    `requested_for` is the person on whose behalf the version was made, where that is somebody
    known here (UNCERTAIN 37). For a pull request `branch` is its source and `target_branch` what
    it wants to merge into. `reference` holds further published keys (SEMANTICS 4.1).
    """

    type: str
    source_id: str
    version_id: str
    branch: str = ""
    tags: tuple[str, ...] = ()
    default_branch: str = ""
    result: str = ""
    occasion: Occasion = Occasion.NEW_VERSION
    is_pull_request: bool = False
    target_branch: str = ""
    version_name: str = ""
    commit: str = ""
    requested_for: PersonId | None = None
    reference: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Firing:
    """A release to be made: which trigger, the artifact that brings its new version, and why.

    `key` is the same however often the same event is delivered (8.13): at most one release of a
    definition carries it.
    """

    trigger: ArtifactTrigger
    alias: str
    reason: ReleaseReason
    key: str


def source_key(artifact_type: str, source_id: str) -> str:
    """One source under one name, however its type and id are cased."""
    return f"{upper(artifact_type)}:{upper(source_id)}"


def source_keys(artifact: ArtifactPlan) -> list[str]:
    """The names of all sources of an artifact, the first one first."""
    sources = (artifact.source_id, *artifact.further_sources)
    return [source_key(artifact.type, source) for source in sources]


def firings(
    plan: Plan,
    event: ArtifactEvent,
    variables: Mapping[str, str],
    pattern_found: PatternFound | None = None,
) -> tuple[Firing, ...]:
    """The releases that a definition makes of this event: at most one for each of its aliases.

    `variables` are the definition's plain ones, for filters that name them (8.2);
    `pattern_found` searches a user's pattern, see `filters.any_matches`. Whether the definition
    is enabled is the caller's to know (8.12).
    """
    if event.result and event.result not in GOOD_RESULTS:
        return ()
    found: dict[str, Firing] = {}
    for trigger in plan.triggers:
        if trigger.alias in found or not _concerns(plan, trigger, event):
            continue
        if _passes(trigger, event, variables, pattern_found):
            found[trigger.alias] = _firing(trigger, event)
    return tuple(found.values())


def _concerns(plan: Plan, trigger: ArtifactTrigger, event: ArtifactEvent) -> bool:
    """Pull requests have triggers of their own; a tag counts only where it was asked for."""
    if (trigger.kind is TriggerKind.PULL_REQUEST) is not event.is_pull_request:
        return False
    if event.occasion is Occasion.TAGGED and not trigger.on_tagging:
        return False
    told_of = source_key(event.type, event.source_id)
    return any(
        upper(artifact.alias) == upper(trigger.alias) and told_of in source_keys(artifact)
        for artifact in plan.artifacts
    )


def _passes(
    trigger: ArtifactTrigger,
    event: ArtifactEvent,
    variables: Mapping[str, str],
    pattern_found: PatternFound | None,
) -> bool:
    if not trigger.filters:
        return True
    known = IgnoreCase(variables)
    wanted = [_with_values(one, known) for one in trigger.filters]
    branch = event.target_branch if event.is_pull_request else event.branch
    return any_matches(
        wanted,
        branch,
        event.tags,
        default_branch=event.default_branch,
        pattern_found=pattern_found,
    )


def _with_values(wanted: ArtifactFilter, known: Mapping[str, str]) -> ArtifactFilter:
    return replace(wanted, branch=replaced(wanted.branch, known))


def _firing(trigger: ArtifactTrigger, event: ArtifactEvent) -> Firing:
    """Tagging again what was released already makes no second release: the occasion is no part
    of the key (8.3)."""
    pull_request = trigger.kind is TriggerKind.PULL_REQUEST
    reason = ReleaseReason.PULL_REQUEST if pull_request else ReleaseReason.CONTINUOUS_INTEGRATION
    key = f"{trigger.kind}:{upper(trigger.alias)}:{event.version_id}"
    return Firing(trigger, trigger.alias, reason, key)


def schedule_key(schedule: Schedule, occurrence: str) -> str:
    """What makes two wake-ups of the same occurrence one release; `occurrence` is ISO 8601."""
    days = "".join(map(str, schedule.days))
    clock = f"{schedule.hour:02}:{schedule.minute:02} {schedule.time_zone}"
    return f"schedule:{days} {clock}:{occurrence}"


# ---- redeploying what worked ----------------------------------------------------------------


def rollbacks(before: Release, after: Release) -> tuple[StageId, ...]:
    """The stages that were just rejected and want their last success back (SEMANTICS 8.11).

    The caller looks for the release whose deployment to the same environment succeeded last and
    requests it there with the reason REDEPLOY_TRIGGER. An attempt made so starts no other.
    """
    return tuple(
        new.id
        for old, new in zip(before.stages, after.stages, strict=True)
        if new is not old and _is_rejected(new) and not (_is_rejected(old) and _same(old, new))
        if any(trigger.kind is StageTriggerKind.ROLLBACK for trigger in new.plan.triggers)
        if new.newest and new.newest.reason is not DeploymentReason.REDEPLOY_TRIGGER
    )


def _is_rejected(stage: Stage) -> bool:
    return stage_status(stage) is StageStatus.REJECTED


def _same(old: Stage, new: Stage) -> bool:
    return bool(old.newest and new.newest and old.newest.attempt == new.newest.attempt)
