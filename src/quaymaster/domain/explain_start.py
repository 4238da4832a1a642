"""Why a stage has not started, or will not: its release, the outside, its own conditions."""

from collections.abc import Iterator

from quaymaster.domain import explain_targets
from quaymaster.domain.freezes import Standstill
from quaymaster.domain.plan import ArtifactMatches, ReleaseStarts, StageReached, StartCondition
from quaymaster.domain.reasons import Freeze, Reason, ReasonKind, Surroundings
from quaymaster.domain.release import Outcome, Release, Stage
from quaymaster.domain.rules.starting import holds, waits_for_itself
from quaymaster.domain.schedules import earliest
from quaymaster.domain.standstills import blocked
from quaymaster.domain.status import ENDED_STAGE, stage_status
from quaymaster.domain.statuses import ReleaseReason, ReleaseStatus

LIFTED_BY = (
    "whoever set the freeze or may deploy this stage, by lifting it",
    "whoever may override freezes, by starting the stage with a reason",
)
VERIFIED_BY = ("whoever may deploy this stage, by vouching for the pull requests",)
RESUMED_BY = ("whoever may deploy this stage, by resuming it",)
BY_HAND = ("whoever may deploy this stage, by hand",)

ENDS = frozenset(ENDED_STAGE.values())

ENDED_AS = {
    Outcome.REJECTED: "was rejected",
    Outcome.PHASE_FAILED: "failed",
    Outcome.GATE_FAILED: "failed at its gates",
    Outcome.CANCELED: "was canceled",
    Outcome.SUPERSEDED: "gave way to a newer release",
    Outcome.ERROR: "ended with an error",
    Outcome.UNKNOWN: "has an unknown end",
}


def of_release(release: Release, stage: Stage) -> Iterator[Reason]:
    match release.status:
        case ReleaseStatus.DRAFT:
            text = f"Release {release.name} is a draft: nothing of it starts before it is active."
            yield Reason(ReasonKind.RELEASE, text, ("whoever may manage releases",))
            unchosen = [artifact.alias for artifact in release.artifacts if not artifact.is_chosen]
            if unchosen:
                text = f"No version is chosen for artifact {', '.join(unchosen)}."
                yield Reason(ReasonKind.RELEASE, text, ("whoever may manage releases",))
        case ReleaseStatus.ACTIVE if release.quarantine and not stage.active:
            text = f"Release {release.name} is quarantined: {release.quarantine.reason}"
            yield Reason(ReasonKind.RELEASE, text, ("whoever may manage releases",))
        case ReleaseStatus.ABANDONED if not stage.active:
            text = f"Release {release.name} was abandoned; nothing of it is deployed any more."
            yield Reason(ReasonKind.RELEASE, text, ("nobody: make another release",))


def of_outside(release: Release, stage: Stage, around: Surroundings) -> Iterator[Reason]:
    """The freezes and holds of the environment."""
    for freeze in (*around.freezes, *in_force(release, stage)):
        end = f" until {freeze.until:%Y-%m-%d %H:%M} UTC" if freeze.until else ""
        text = f"{stage.name} takes no deployments{end}: {freeze.name}."
        yield Reason(ReasonKind.FREEZE, text, freeze.lifted_by, freeze.until)


def in_force(release: Release, stage: Stage) -> tuple[Freeze, ...]:
    """What binds the attempt under way, or the next one, in words."""
    stands = release.stands(stage).in_force
    if stage.active:
        stands = blocked(release, stage, stage.active)
    return tuple(map(_freeze, stands))


def _freeze(one: Standstill) -> Freeze:
    if one.is_hold:
        return Freeze(f"it is held ({one.reason})", None, RESUMED_BY)
    return Freeze(one.reason, one.until, LIFTED_BY)


def of_contents(around: Surroundings) -> Iterator[Reason]:
    """What of the release's pull requests and commits keeps people from starting it (AVIATOR 1)."""
    for text in around.unverified:
        yield Reason(ReasonKind.VERIFICATION, text, VERIFIED_BY)


def of_stage(release: Release, stage: Stage, around: Surroundings) -> Iterator[Reason]:
    """Why nothing is under way here, and what would start it."""
    if stage.newest and stage.newest.outcome in ENDED_AS:
        yield _ended(stage, around.failed_step)
    elif stage.newest:
        if explain_targets.missed(stage.newest, stage.plan.phases):
            yield _ended(stage, "")
        return
    found = list(_by_itself(release, stage))
    if not found and not stage.newest and release.status is ReleaseStatus.ACTIVE:
        found = [_missed(stage)]
    yield from found
    if around.missing_permission:
        text = f"You may not start {stage.name} by hand: you lack {around.missing_permission}."
        yield Reason(ReasonKind.PERMISSION, text, ("whoever administers release permissions",))


def _ended(stage: Stage, failed_step: str) -> Reason:
    deployment = stage.newest
    outcome = deployment.outcome if deployment else None
    words = ENDED_AS.get(outcome, "has not reached every target") if outcome else "has ended"
    attempt = deployment.attempt if deployment else 0
    said = (deployment.problem or failed_step or deployment.comment) if deployment else ""
    text = f"Attempt {attempt} {words}" + (f": {said}" if said else ".")
    details = {"attempt": str(attempt)}
    missed = explain_targets.missed(deployment, stage.plan.phases) if deployment else ""
    if missed:
        text += f" {missed} Redeploy to these alone with redeployFailedTargets."
        details["targets"] = missed
    return Reason(ReasonKind.ENDED, text, BY_HAND, details=details)


def _by_itself(release: Release, stage: Stage) -> Iterator[Reason]:
    if stage.is_manual:
        text = f"{stage.name} was named manual when the release was made; it starts by hand only."
        yield Reason(ReasonKind.MANUAL, text, BY_HAND)
    if not stage.plan.conditions:
        text = f"{stage.name} has no condition that starts it; it starts by hand only."
        yield Reason(ReasonKind.MANUAL, text, BY_HAND)
    if release.reason is ReleaseReason.PULL_REQUEST and not stage.plan.pull_request_deployment:
        text = f"{stage.name} does not take releases of pull requests by itself."
        yield Reason(ReasonKind.CONDITION, text, BY_HAND)
    if waits_for_itself(release, stage):
        text = f"{stage.name} follows its own end over other stages, so that it never starts."
        yield Reason(ReasonKind.CONDITION, text, BY_HAND)
    for condition in stage.plan.conditions:
        if not holds(release, stage, condition):
            yield _unmet(release, stage, condition)
    schedules = stage.plan.schedules
    if schedules and earliest(schedules, release.created_at) is None:
        text = f"No schedule of {stage.name} ever fires."
        yield Reason(ReasonKind.SCHEDULE, text, BY_HAND)


def _missed(stage: Stage) -> Reason:
    """Everything holds and yet it does not start: what would start it has gone by (8.6), as when
    the release was quarantined or edited in the meantime, or is not an end at all."""
    upstream = [one.stage for one in stage.plan.conditions if isinstance(one, StageReached)]
    if not upstream:
        text = f"{stage.name} starts with its release alone, which started before this was so."
        return Reason(ReasonKind.CONDITION, text, BY_HAND)
    names = ", ".join(dict.fromkeys(upstream))
    text = f"All that {stage.name} waits for holds; it starts by itself when {names} ends next."
    by = (f"the next deployment to {names}", *BY_HAND)
    return Reason(ReasonKind.CONDITION, text, by, details={"stage": names})


def _unmet(release: Release, stage: Stage, condition: StartCondition) -> Reason:
    match condition:
        case ReleaseStarts():
            text = f"{stage.name} waits for the release to start."
            return Reason(
                ReasonKind.CONDITION, text, ("whoever may manage releases, by starting it",)
            )
        case StageReached(stage=name, statuses=statuses):
            upstream = release.stage_named(name)
            wanted = " or ".join(sorted(statuses))
            if upstream is None:
                text = f"It waits for stage {name}, which this release does not have."
                return Reason(ReasonKind.CONDITION, text, BY_HAND)
            text = f"It waits for {upstream.name} to be {wanted}; it is {stage_status(upstream)}."
            if not statuses & ENDS:
                text += " No stage ends so, and only an end starts it: it never starts by itself."
                return Reason(ReasonKind.CONDITION, text, BY_HAND)
            return Reason(
                ReasonKind.CONDITION,
                text,
                (f"the deployment to {upstream.name}", *BY_HAND),
                details={"stage": upstream.name, "status": stage_status(upstream)},
            )
        case ArtifactMatches(alias=alias):
            carried = [a for a in release.artifacts if a.alias == alias]
            version = ", ".join(f"{a.branch or 'no branch'} {' '.join(a.tags)}" for a in carried)
            text = f"The version of {alias} ({version.strip() or 'none'}) does not pass the filter."
            return Reason(ReasonKind.CONDITION, text, BY_HAND, details={"alias": alias})
