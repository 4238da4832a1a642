"""How many random releases a second go through the rules, every step checked against DESIGN 6.

Fake workers, people and clock act at random on releases of random plans: the lives of
`tests/domain/test_random_life.py`, seed after seed, on every core. A seed that breaks a promise is
printed and ends the run with exit code 1.
Run: .venv/bin/python -m bench.simulator [--seconds 5] [--first SEED]
Replay: .venv/bin/python -m bench.simulator --replay SEED
"""

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.domain.actors import everybody_goes_home
from tests.domain.test_random_life import simulate

GOAL_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Lived:
    """What one process has seen; `broken` is the seed that broke a promise, with what it said."""

    releases: int = 0
    changes: int = 0
    broken: tuple[int, str] | None = None


def live(seed: int) -> tuple[int, int]:
    """One seeded life to its end: how many releases and changes it had."""
    actors = simulate(seed)
    everybody_goes_home(actors)
    stories = actors.world.stories.values()
    return len(stories), sum(len(told.happened) for told in stories)


def live_on(first: int, step: int, seconds: float) -> Lived:
    """Life after life until the time is over or a promise is broken."""
    ends = time.perf_counter() + seconds
    seed, releases, changes = first, 0, 0
    while time.perf_counter() < ends:
        try:
            more_releases, more_changes = live(seed)
        except Exception as broken:  # noqa: BLE001 - whatever it is, its seed is what counts
            return Lived(releases, changes, (seed, f"{type(broken).__name__}: {broken}"))
        releases, changes, seed = releases + more_releases, changes + more_changes, seed + step
    return Lived(releases, changes)


def main(seconds: float = 5, first: int = 1) -> int:
    """All cores at once; the exit code."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores) as pool:
        starts = range(first, first + cores)
        seen = list(pool.map(live_on, starts, [cores] * cores, [seconds] * cores))
    print(
        json.dumps(
            {
                "measure": f"random releases through the rules, {cores} cores",
                "releases_per_second": round(sum(one.releases for one in seen) / seconds),
                "changes_per_second": round(sum(one.changes for one in seen) / seconds),
                "goal_per_second": GOAL_PER_SECOND,
            }
        )
    )
    broken = [one.broken for one in seen if one.broken]
    for seed, said in broken:
        print(f"seed {seed} broke a promise; replay with --replay {seed}\n{said}")
    return 1 if broken else 0


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("--seconds", type=float, default=5)
    asked.add_argument("--first", type=int, default=1)
    asked.add_argument("--replay", type=int)
    given = asked.parse_args()
    if given.replay is not None:
        print(live(given.replay))
        raise SystemExit(0)
    raise SystemExit(main(given.seconds, given.first))
