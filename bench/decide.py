"""How long one decision takes on a release of 50 stages; the goal is at most 3 ms.

Prints the least, the median and the worst milliseconds of processor time, and the ratio of the
median to an empty loop of
100,000 turns taken in the same run, which says the same on any machine.
Run: .venv/bin/python -m bench.decide
"""

import json
import time
from collections.abc import Callable
from itertools import count
from statistics import median

from tests import make

from quaymaster.domain.changes import (
    Abandoned,
    Activated,
    ApprovalGiven,
    CancelRequested,
    Event,
    JobClaimed,
    JobFinished,
    TimeCame,
)
from quaymaster.domain.decide import decide
from quaymaster.domain.release import Release
from quaymaster.domain.statuses import JobStatus

STAGES = 50
ROUNDS = 15
GOAL_MILLISECONDS = 3.0
ASKS = {"pre_approvals": make.asks("bob")}


def milliseconds(work: Callable[[], object]) -> float:
    """Of the processor: other programs on the machine do not count."""
    begun = time.thread_time()
    work()
    return (time.thread_time() - begun) * 1000


def empty_loop() -> None:
    for _ in range(100_000):
        pass


def chain() -> Release:
    """Stage 1 → stage 2 → … with an approval before every fifth."""
    outline = " → ".join(f"Stage {number}" for number in range(1, STAGES + 1))
    asking = {f"Stage {number}": {"pre_approvals": make.asks()} for number in range(5, STAGES, 5)}
    return make.release(make.plan(outline, **asking))


def fan() -> Release:
    """All stages start with the release: the most changes that one event can have."""
    return make.release("; ".join(f"Stage {number}" for number in range(1, STAGES + 1)))


def asking_fan() -> Release:
    """All stages start with the release, and somebody is asked about each."""
    names = [f"Stage {number}" for number in range(1, STAGES + 1)]
    return make.release(make.plan("; ".join(names), **dict.fromkeys(names, ASKS)))


class Deciding:
    """One release, decided upon again and again; every decision is timed by what happened."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self.free = count(1)

    def take_in(self, release: Release, event: Event) -> Release:
        after = release

        def work() -> None:
            nonlocal after
            after, _ = decide(release, event, make.NOW)

        self.times.setdefault(type(event).__name__, []).append(milliseconds(work))
        return make.saved(after, self.free)

    def run_and_abandon(self, release: Release) -> None:
        """Every event but those of workers, ending with one that cancels whatever is under way."""
        release = self.take_in(release, Activated(None))
        release = self.take_in(release, TimeCame())
        first, second = (stage for stage in release.stages[:2])
        asked = next(a for a in first.active.approvals) if first.active else None
        if asked and asked.approver:
            self.take_in(release, ApprovalGiven(asked.id, make.person(asked.approver)))
        if second.active:
            release = self.take_in(release, CancelRequested(second.id, None))
        self.take_in(release, Abandoned(None))

    def run_to_the_end(self, release: Release) -> None:
        release = self.take_in(release, Activated(None))
        while job := next((j for s in release.stages if s.active for j in s.active.jobs), None):
            release = self.take_in(release, JobClaimed(job.id, "worker", "token"))
            release = self.take_in(release, JobFinished(job.id, "token", JobStatus.SUCCEEDED))


def main() -> None:
    baseline = median(milliseconds(empty_loop) for _ in range(ROUNDS))
    shapes = (
        ("chain", chain, Deciding.run_to_the_end),
        ("fan", fan, Deciding.run_to_the_end),
        ("fan that asks", asking_fan, Deciding.run_and_abandon),
    )
    for name, shape, run in shapes:
        deciding = Deciding()
        for _ in range(ROUNDS):
            run(deciding, shape())
        for event, times in deciding.times.items():
            print(
                json.dumps(
                    {
                        "measure": f"decide, {STAGES} stages in a {name}, {event}",
                        "ms_least": round(min(times), 3),
                        "ms_median": round(median(times), 3),
                        "ms_worst": round(max(times), 3),
                        "goal_ms": GOAL_MILLISECONDS,
                        "ratio_to_empty_loop": round(median(times) / baseline, 3),
                    }
                )
            )


if __name__ == "__main__":
    main()
