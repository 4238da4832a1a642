"""When a stage starts by itself (SEMANTICS 8.5, 8.6)."""

from dataclasses import replace
from datetime import datetime

from quaymaster.domain import filters
from quaymaster.domain.changes import (
    Change,
    ConditionsEvaluated,
    DeploymentRequested,
    StageTriggered,
)
from quaymaster.domain.macros import replaced
from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.plan import ArtifactMatches, ReleaseStarts, StageReached, StartCondition
from quaymaster.domain.release import RELEASE_START, Release, Stage
from quaymaster.domain.schedules import earliest
from quaymaster.domain.status import stage_status
from quaymaster.domain.statuses import DeploymentReason, ReleaseReason, ReleaseStatus


def answer_completions(release: Release, stage: Stage, now: datetime) -> Change | None:
    """Each completion a stage listens to is answered once: with an attempt, or with none."""
    if release.status is not ReleaseStatus.ACTIVE:
        return None
    unseen = completions(release, stage) - stage.evaluated
    if not unseen:
        return None
    schedules = stage.plan.schedules
    time = earliest(schedules, now) if schedules else None
    if not may_start(release, stage) or (schedules and time is None):
        return ConditionsEvaluated(stage.id, unseen)
    return StageTriggered(stage.id, unseen, _request(release, stage, time))


def completions(release: Release, stage: Stage) -> frozenset[tuple[str, int]]:
    """What has happened so far that may start this stage: (stage name, attempt) pairs."""
    seen = set()
    for condition in stage.plan.conditions:
        match condition:
            case ReleaseStarts():
                seen.add((RELEASE_START, 1))
            case StageReached(stage=name):
                upstream = release.stage_named(name)
                if upstream and upstream.newest and upstream.newest.is_ended:
                    seen.add((upstream.name, upstream.newest.attempt))
            case ArtifactMatches():
                pass  # a filter, not something that happens
    return frozenset(seen)


def may_start(release: Release, stage: Stage) -> bool:
    """Whether the stage may start by itself now."""
    if stage.is_manual or stage.active or release.quarantine:
        return False
    if release.reason is ReleaseReason.PULL_REQUEST and not stage.plan.pull_request_deployment:
        return False
    if waits_for_itself(release, stage):
        return False
    return all(holds(release, stage, condition) for condition in stage.plan.conditions)


def waits_for_itself(release: Release, stage: Stage) -> bool:
    """Whether the stage follows, over others, its own completion: it would start for ever."""
    if not _upstream(stage):
        return False
    seen: set[str] = set()
    open_ends = [stage]
    while open_ends:
        for name in _upstream(open_ends.pop()):
            upstream = release.stage_named(name)
            if upstream and upstream.id == stage.id:
                return True
            if upstream and upstream.name not in seen:
                seen.add(upstream.name)
                open_ends.append(upstream)
    return False


def _upstream(stage: Stage) -> tuple[str, ...]:
    """The stages whose end this one listens to, as its conditions name them."""
    conditions = stage.plan.conditions
    return tuple([reached.stage for reached in conditions if isinstance(reached, StageReached)])


def holds(release: Release, stage: Stage, condition: StartCondition) -> bool:
    """Whether one condition of the stage is true at this moment."""
    match condition:
        case ReleaseStarts():
            return release.status is ReleaseStatus.ACTIVE
        case StageReached(stage=name, statuses=statuses):
            upstream = release.stage_named(name)
            return upstream is not None and stage_status(upstream) in statuses
        case ArtifactMatches(alias=alias):
            return _artifact_passes(release, stage, alias)


def _artifact_passes(release: Release, stage: Stage, alias: str) -> bool:
    """Filters of one alias are alternatives; an exclusion among them wins. Variables of the
    release may stand in them (8.2)."""
    known = IgnoreCase(release.variables)
    wanted = [
        replace(condition.filter, branch=replaced(condition.filter.branch, known))
        for condition in stage.plan.conditions
        if isinstance(condition, ArtifactMatches) and condition.alias == alias
    ]
    return any(
        filters.any_matches(
            wanted,
            artifact.branch,
            artifact.tags,
            default_branch=artifact.default_branch,
            pattern_found=lambda pattern, tag: (pattern, tag) in release.tag_hits,
        )
        for artifact in release.artifacts
        if artifact.alias == alias
    )


def _request(release: Release, stage: Stage, time: datetime | None) -> DeploymentRequested:
    """With schedules of its own the stage waits for the next one (SEMANTICS 8.8)."""
    upstream = _upstream(stage)
    reason = (
        f"After successful deployment of {','.join(upstream)}" if upstream else "ReleaseStarted"
    )
    return DeploymentRequested(
        stage=stage.id,
        by=None,
        requested_for=release.created_for,
        reason=DeploymentReason.SCHEDULED if time else DeploymentReason.AUTOMATED,
        trigger_reason="Scheduled" if time else reason,
        scheduled_for=time,
        after_stages=upstream,
    )
