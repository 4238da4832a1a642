"""How a release moves: take in one event, then follow the rules until none applies (STYLE 8).

This is the only place that knows the loop; what each change does to the records is in `apply`,
when each event is legal in `allowed`, and what follows from a state in `rules`.
"""

from dataclasses import replace
from datetime import datetime

from quaymaster.domain.allowed import admitted
from quaymaster.domain.apply import apply, apply_to_stage
from quaymaster.domain.changes import Change, Event
from quaymaster.domain.release import Release, Stage
from quaymaster.domain.rules import first_due

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
    """Follow the rules stage by stage, again and again, until a whole round finds nothing."""
    drawn = -1
    while drawn != len(changes):
        drawn = len(changes)
        for index, stage in enumerate(release.stages):
            settled = _settled_stage(release, stage, changes, now)
            if settled is not stage:
                stages = (*release.stages[:index], settled, *release.stages[index + 1 :])
                release = replace(release, stages=stages)
    return release, changes


def _settled_stage(release: Release, stage: Stage, changes: list[Change], now: datetime) -> Stage:
    """One stage settled by itself; the release is put together again afterwards, which is what
    keeps a decision on fifty stages fast."""
    most = MOST_CHANGES_PER_STAGE * (len(release.stages) + 1)
    while conclusion := first_due(release, stage, now):
        changes.append(conclusion)
        stage = apply_to_stage(stage, conclusion, now)
        if len(changes) > most:
            raise RulesDoNotSettle(changes[-3:])
    return stage
