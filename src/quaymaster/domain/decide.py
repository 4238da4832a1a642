"""How a release moves: take in one event, then follow the rules until none applies (decision 0001).

This is the only place that knows the loop; what each change does to the records is in `apply`,
when each event is legal in `allowed`, and what follows from a state in `rules`.
"""

from datetime import datetime
from operator import is_

from quaymaster.domain.allowed import admitted
from quaymaster.domain.apply import apply, apply_to_stage
from quaymaster.domain.attempt import moved
from quaymaster.domain.changes import Change, DeploymentEnded, Event
from quaymaster.domain.records import changed
from quaymaster.domain.release import Release, Stage
from quaymaster.domain.rules import first_answer, first_move

MOST_CHANGES_PER_STAGE = 500  # far above what a legal plan can need; a loop in the rules is a bug


class RulesDoNotSettle(AssertionError):
    """The rules contradict each other: a defect of ours, never of the caller."""


def decide(release: Release, event: Event, now: datetime) -> tuple[Release, list[Change]]:
    """All that follows from one event: the release afterwards and the changes, oldest first.

    Raises Refused, Conflict, Forbidden, Invalid or NotFound when the event is not legal now;
    the release is then unchanged. A report that was already taken in gives no changes.
    """
    taken_in = admitted(release, event, now)
    if taken_in is None:
        return release, []
    return _settled(apply(release, taken_in, now), [taken_in], now)


def _settled(
    release: Release, changes: list[Change], now: datetime
) -> tuple[Release, list[Change]]:
    """Settle each stage by itself, then let the stages answer what ended in others, again and
    again, until nothing ends in a whole round."""
    stages = [_settled_stage(release, stage, changes, now) for stage in release.stages]
    release, seen = _with(release, stages), 0
    while any(isinstance(change, DeploymentEnded) for change in changes[seen:]):
        seen = len(changes)
        stages = [_answered(release, stage, changes, now) for stage in release.stages]
        release = _with(release, stages)
    return release, changes


def _answered(release: Release, stage: Stage, changes: list[Change], now: datetime) -> Stage:
    if first_answer(release, stage, now) is None:
        return stage
    return _settled_stage(release, stage, changes, now)


def _with(release: Release, stages: list[Stage]) -> Release:
    if all(map(is_, stages, release.stages)):
        return release
    return changed(release, stages=tuple(stages))


def _settled_stage(release: Release, stage: Stage, changes: list[Change], now: datetime) -> Stage:
    """One stage settled by itself: it answers the others, then its attempt goes on as far as it
    can. The stage and the release are put together again afterwards, not after every step, and
    the attempt is copied before the first step alone, which is what keeps a decision on fifty
    stages fast."""
    held = stage.newest
    answer = first_answer(release, stage, now)
    if answer:
        changes.append(answer)
        stage = apply_to_stage(stage, answer, now)
    attempt, most = stage.active, MOST_CHANGES_PER_STAGE * (len(release.stages) + 1)
    while attempt and (conclusion := first_move(release, stage, attempt, now)):
        changes.append(conclusion)
        attempt = moved(attempt, conclusion, now, is_own=attempt is not held)
        if len(changes) > most:
            raise RulesDoNotSettle(changes[-3:])
    if attempt is None or attempt is stage.newest:
        return stage
    return changed(stage, newest=attempt, modified_at=now)
