"""Which waiting attempts an environment lets in, and which it gives up (SEMANTICS 11)."""

from dataclasses import dataclass
from datetime import datetime

from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import ReleaseId, StageId


@dataclass(frozen=True, slots=True)
class Standing:
    """An attempt in an environment's queue, or one that holds a slot of it."""

    release: ReleaseId
    release_name: str
    stage: StageId
    attempt: int
    entered_at: datetime
    has_slot: bool


@dataclass(frozen=True, slots=True)
class QueueMoves:
    """Who goes in, in order, and who is superseded by which newer release."""

    granted: tuple[Standing, ...]
    superseded: tuple[tuple[Standing, str], ...]


def next_moves(policy: QueuePolicy, standings: list[Standing]) -> QueueMoves:
    """Decide over all attempts of one environment at once.

    Waiting attempts go in by the time they entered the queue; with a depth of k only the k newest
    may wait (11.3). Attempts that hold a slot are never taken out.
    """
    holding = sum(standing.has_slot for standing in standings)
    waiting = sorted(
        (standing for standing in standings if not standing.has_slot),
        key=lambda standing: (standing.entered_at, standing.release, standing.attempt),
    )
    free = len(waiting) if policy.concurrency == 0 else max(policy.concurrency - holding, 0)
    if policy.depth and policy.concurrency:
        return _newest_only(waiting, free, policy.depth)
    return QueueMoves(tuple(waiting[:free]), ())


def _newest_only(waiting: list[Standing], free: int, depth: int) -> QueueMoves:
    granted, left = waiting[:free], waiting[free:]
    over = left[: max(len(left) - depth, 0)]
    newest = left[-1].release_name if left else ""
    return QueueMoves(tuple(granted), tuple((standing, newest) for standing in over))
