"""Which waiting attempts an environment lets in, and which it gives up (SEMANTICS 11)."""

from dataclasses import dataclass
from datetime import datetime

from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.domain.statuses import Priority


@dataclass(frozen=True, slots=True)
class Standing:
    """An attempt in an environment's queue, or one that holds a slot of it.

    `policy` is that of the release's own plan: a changed definition counts for releases made
    from then on, while the queue is one for all of them.
    """

    release: ReleaseId
    release_name: str
    stage: StageId
    attempt: int
    entered_at: datetime
    has_slot: bool
    policy: QueuePolicy
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class QueueMoves:
    """Who goes in, in order, and who is superseded by which newer release."""

    granted: tuple[Standing, ...]
    superseded: tuple[tuple[Standing, str], ...]


def next_moves(standings: list[Standing]) -> QueueMoves:
    """Decide over all attempts of one environment at once.

    Waiting attempts go in by priority and then in the order in which they entered the queue, each
    when its own policy allows. With a depth of k in the newest one's policy only the k newest may
    go on waiting (11.3). Attempts that hold a slot are never taken out.
    """
    waiting = in_order(standings)
    granted = _let_in(waiting, sum(standing.has_slot for standing in standings))
    left = [standing for standing in waiting if standing not in granted]
    return QueueMoves(tuple(granted), tuple(_superseded(sorted(left, key=_arrival))))


def in_order(standings: list[Standing]) -> list[Standing]:
    """Those that wait, those of a higher priority before others, and of equals who came first:
    what a person is shown as the place in the queue."""
    return sorted(
        (standing for standing in standings if not standing.has_slot),
        key=lambda standing: (-standing.priority, *_arrival(standing)),
    )


def _arrival(standing: Standing) -> tuple[datetime, int, int]:
    return standing.entered_at, standing.release, standing.attempt


def _let_in(waiting: list[Standing], holding: int) -> list[Standing]:
    """Nobody overtakes, but one without a limit does not stand in line at all."""
    granted: list[Standing] = []
    somebody_waits = False
    for standing in waiting:
        limit = standing.policy.concurrency
        if limit == 0 or (not somebody_waits and holding + len(granted) < limit):
            granted.append(standing)
        else:
            somebody_waits = True
    return granted


def _superseded(left: list[Standing]) -> list[tuple[Standing, str]]:
    """What is old stays old whatever its priority: only arrival counts here."""
    if not left or not left[-1].policy.depth:
        return []
    newest = left[-1]
    return [(standing, newest.release_name) for standing in left[: -newest.policy.depth]]
