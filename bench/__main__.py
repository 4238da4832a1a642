"""`make bench`: every measurement that has a goal, one after the other."""

import asyncio

from bench import releases

asyncio.run(releases.main(releases.Size()))
