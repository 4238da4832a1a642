"""What the machine itself can do at this moment: process starts and commits."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

import asyncpg

SPAWNS = 3  # one for each stage of the measured release
COMMITS = 5  # made and started, taken, ended and taken twice, ended
AT_ONCE = 8
SECONDS = 2.0
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Limit:
    """What a release of three stages of `true` would take if all else were free."""

    milliseconds: float
    per_second: float


async def limit(dsn: str) -> Limit:
    """Measured on an idle product: one after the other, then as many as go at once."""
    pool = await asyncpg.create_pool(dsn, min_size=AT_ONCE, max_size=AT_ONCE)
    await pool.execute("CREATE TABLE IF NOT EXISTS bench_commits (n integer)")
    try:
        one_by_one = [await _one(pool) for _ in range(ROUNDS)]
        spawns = await _rate(_spawn)
        commits = await _rate(lambda: pool.execute("INSERT INTO bench_commits VALUES (1)"))
    finally:
        await pool.execute("DROP TABLE bench_commits")
        await pool.close()
    return Limit(median(one_by_one) * 1000, 1 / (SPAWNS / spawns + COMMITS / commits))


async def _one(pool: "asyncpg.Pool[asyncpg.Record]") -> float:
    begun = time.perf_counter()
    for _ in range(SPAWNS):
        await _spawn()
    for _ in range(COMMITS):
        await pool.execute("INSERT INTO bench_commits VALUES (1)")
    return time.perf_counter() - begun


async def _spawn() -> None:
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()


async def _rate(work: Callable[[], Awaitable[object]]) -> float:
    """How often per second, with as many at once as are useful."""
    done = 0
    ends = time.perf_counter() + SECONDS

    async def again() -> None:
        nonlocal done
        while time.perf_counter() < ends:
            await work()
            done += 1

    await asyncio.gather(*(again() for _ in range(AT_ONCE)))
    return done / SECONDS
