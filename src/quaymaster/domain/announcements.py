"""What is worth telling others about a change of a release (SEMANTICS 24.2, AVIATOR 7).

Read off the release before and after one decision, so that no rule has to remember to announce.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from quaymaster.domain.release import Approval, Deployment, PersonId, Release, Side, Stage
from quaymaster.domain.status import operation_status, stage_status
from quaymaster.domain.statuses import (
    ApprovalStatus,
    OperationStatus,
    ReleaseStatus,
    ReportedStatus,
    StageStatus,
)

COMPLETED = (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)
AT_WORK = (
    OperationStatus.PHASE_IN_PROGRESS,
    OperationStatus.PHASE_SUCCEEDED,
    OperationStatus.PHASE_PARTIALLY_SUCCEEDED,
    OperationStatus.MANUAL_INTERVENTION_PENDING,
)


class Happening(StrEnum):
    """What happened, in words of our own; each API has its own names for them."""

    RELEASE_CREATED = "releaseCreated"
    RELEASE_ABANDONED = "releaseAbandoned"
    DEPLOYMENT_CREATED = "deploymentCreated"
    APPROVAL_PENDING = "approvalPending"
    APPROVAL_COMPLETED = "approvalCompleted"
    DEPLOYMENT_STARTED = "deploymentStarted"
    DEPLOYMENT_COMPLETED = "deploymentCompleted"
    DEPLOYMENT_CHANGED = "deploymentChanged"
    ROLLBACK = "rollback"
    ENVIRONMENT_FROZEN = "environmentFrozen"
    ENVIRONMENT_UNFROZEN = "environmentUnfrozen"
    BUILD_COMPLETED = "buildCompleted"
    CANDIDATE_BUILT = "candidateBuilt"
    CHERRY_PICK_FINISHED = "cherryPickFinished"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One happening and where; 0 and None stand for what it is not about.

    `status` is how it stood at that moment: a release's, an approval's or a stage's, a build's
    result; of a change the outcome of the deployment, or what it was doing. `by` is who did it
    where neither the release nor the deployment nor the build tells.
    """

    happening: Happening
    release: int
    status: str
    stage: int = 0
    definition_stage: int = 0
    attempt: int = 0
    approval: int = 0
    side: Side | None = None
    build: int = 0
    by: PersonId | None = None


def announcements(before: Release, after: Release) -> list[Announcement]:
    """What a decision gives reason to tell, in the order in which it happens to a deployment.

    `after` has the ids of all its records. An automated approval is nobody's and not announced.
    """
    return [*_of_release(before, after), *_of_stages(before, after)]


def _of_release(before: Release, after: Release) -> Iterator[Announcement]:
    if after.status is before.status:
        return
    if after.status is ReleaseStatus.ACTIVE:
        yield Announcement(Happening.RELEASE_CREATED, after.id, after.status)
    if after.status is ReleaseStatus.ABANDONED:
        yield Announcement(Happening.RELEASE_ABANDONED, after.id, after.status)


def _of_stages(before: Release, after: Release) -> Iterator[Announcement]:
    for old, new in zip(before.stages, after.stages, strict=True):
        if new is old or new.newest is None:
            continue
        known = old.newest if old.newest and old.newest.attempt == new.newest.attempt else None
        yield from _of_attempt(after.id, new, known, new.newest)
        yield from _of_progress(after.id, (old, known), (new, new.newest))


def _of_attempt(
    release: int, stage: Stage, before: Deployment | None, after: Deployment
) -> Iterator[Announcement]:
    status = stage_status(stage)
    place = (stage.id, stage.plan.definition_stage_id, after.attempt)
    if before is None:
        yield Announcement(Happening.DEPLOYMENT_CREATED, release, StageStatus.QUEUED, *place)
    pre, post = (_of_approvals(release, place, before, after, side) for side in Side)
    yield from pre
    if _has_started(after) and not (before and _has_started(before)):
        status_then = StageStatus.IN_PROGRESS if after.is_ended else status
        yield Announcement(Happening.DEPLOYMENT_STARTED, release, status_then, *place)
    yield from post
    if after.is_ended and not (before and before.is_ended):
        yield Announcement(Happening.DEPLOYMENT_COMPLETED, release, status, *place)


def _has_started(deployment: Deployment) -> bool:
    told = deployment.report
    return bool(deployment.phases) or (
        told is not None and told.status is not ReportedStatus.PENDING
    )


def _of_progress(
    release: int, before: tuple[Stage, Deployment | None], after: tuple[Stage, Deployment]
) -> Iterator[Announcement]:
    """Whether it waits, works, is being canceled or has ended: told when that changes."""
    stage, newest = after
    place = (stage.id, stage.plan.definition_stage_id, newest.attempt)
    old_stage, old = before
    if old is None:
        if newest.rolls_back is not None:
            yield Announcement(Happening.ROLLBACK, release, _progress(stage, newest), *place)
        return
    if _progress(old_stage, old) != _progress(stage, newest):
        yield Announcement(Happening.DEPLOYMENT_CHANGED, release, _progress(stage, newest), *place)


def _progress(stage: Stage, deployment: Deployment) -> str:
    """The outcome, or one word for everything alike that it may be doing."""
    if deployment.outcome is not None:
        return deployment.outcome
    operation = operation_status(stage, deployment)
    if operation is OperationStatus.CANCELLING:
        return operation
    return OperationStatus.PHASE_IN_PROGRESS if operation in AT_WORK else OperationStatus.PENDING


def _of_approvals(
    release: int,
    place: tuple[int, int, int],
    before: Deployment | None,
    after: Deployment,
    side: Side,
) -> Iterator[Announcement]:
    known = _asked(before.side(side)) if before else {}
    for place_in_policy, approval in _asked(after.side(side)).items():
        old = known.get(place_in_policy)
        if approval.status is ApprovalStatus.PENDING and _is_new_question(old, approval):
            happening = Happening.APPROVAL_PENDING
        elif approval.status in COMPLETED and (old is None or old.status != approval.status):
            happening = Happening.APPROVAL_COMPLETED
        else:
            continue
        yield Announcement(happening, release, approval.status, *place, approval.id, side)


def _asked(approvals: Iterable[Approval]) -> dict[tuple[int, int], Approval]:
    return {(one.rank, one.position): one for one in approvals if not one.is_automated}


def _is_new_question(old: Approval | None, new: Approval) -> bool:
    """Asked for the first time, or passed on to somebody else (SEMANTICS 9.12)."""
    return old is None or old.status is not ApprovalStatus.PENDING or old.approver != new.approver
