"""`make bench`: every measurement that has a goal, one after the other; nothing else should run."""

import asyncio
import sys

import uvloop

from bench import (
    aviator,
    builds,
    decide,
    lists,
    long_lists,
    releases,
    runner_flood,
    simulator,
    waiting,
)

QUICK = "--quick" in sys.argv


def title(text: str) -> None:
    print(f"\n== {text} ==", flush=True)


title("decide on 50 stages")
decide.main()
title("random releases")
simulator.main(2 if QUICK else 5)
title("releases")
asyncio.run(releases.main(releases.Size(20, 60, 2000) if QUICK else releases.Size()))
title("waiting")
asyncio.run(waiting.main(waiting.QUICK if QUICK else waiting.Size()))
title("a task that floods its log")
asyncio.run(runner_flood.main(1024, "long"))
title("the Aviator calls")
uvloop.run(aviator.main(aviator.QUICK if QUICK else aviator.Size()))
title("lists")
uvloop.run(lists.main(lists.QUICK_STEPS if QUICK else lists.STEPS))
title("memory of long lists")
asyncio.run(long_lists.main(long_lists.QUICK))
title("builds")
asyncio.run(builds.main(builds.QUICK if QUICK else builds.Size()))
