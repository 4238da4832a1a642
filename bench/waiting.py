"""What waiting costs: for a person, for an environment, and for a date.

Prints the milliseconds from an approval's PATCH to the start of the task's process; whether every
one of many releases queued on one environment was started, one at a time; and the releases per
second while very many deployments wait for a date weeks ahead.
Run: .venv/bin/python -m bench.waiting [--quick]
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

from pgqueuer.adapters.persistence.qb import QueryQueueBuilder
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId

from bench.releases import API, AT_ONCE, Bench, environments, running, throughput, verdict
from bench.stock import clone_release
from quaymaster.actions.decisions.follow_up import ENVIRONMENT, GATES, RELEASE

GOAL_MILLISECONDS = 50.0
GOAL_SECONDS_TO_QUEUE = 60.0
LEAST_KEPT_RATE = 0.9
PATIENCE_SECONDS = 60.0
LOOKS = 100

OVERLAPS = """
SELECT count(*) FROM deployments a JOIN deployments b
  ON a.definition_stage_id = b.definition_stage_id AND a.id < b.id
WHERE a.definition_id = $1 AND a.entered_queue_at IS NOT NULL AND b.entered_queue_at IS NOT NULL
  AND tstzrange(a.started_at, a.completed_at) && tstzrange(b.started_at, b.completed_at)
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    approvals: int = 60
    queued: int = 1000
    timers: int = 50_000
    burst: int = 200


QUICK = Size(15, 60, 2000, 40)


def one_stage(script: str, *, approver: str = "", concurrency: int = 0) -> list[dict[str, Any]]:
    """A stage that runs one command line."""
    stage = next(environments(approver))
    stage["executionPolicy"] = {"concurrencyCount": concurrency, "queueDepthCount": 0}
    stage["deployPhases"][0]["workflowTasks"][0]["inputs"]["script"] = script
    return [stage]


async def define(bench: Bench, name: str, stages: list[dict[str, Any]]) -> int:
    body = {"name": name, "environments": stages}
    answer = await bench.client.post(
        "/default/Default/_apis/release/definitions", params=API, json=body
    )
    answer.raise_for_status()
    return int(answer.json()["id"])


async def approval_to_process(bench: Bench, rounds: int, stamps: Path, limit: int) -> list[float]:
    """Milliseconds from the PATCH that approves to the first line of the task's script."""
    script = f"echo $EPOCHREALTIME >> {stamps}"
    stages = one_stage(script, approver=await bench.me(), concurrency=limit)
    definition = await define(bench, f"Approved, limit {limit}", stages)
    taken = []
    for _ in range(rounds):
        stamps.write_text("")
        release = await bench.start(definition)
        approval = await asked(bench, release)
        await asyncio.sleep(0.1)
        begun = time.time_ns()
        await bench.client.patch(
            f"/default/Default/_apis/release/approvals/{approval}",
            params=API,
            json={"status": "approved"},
        )
        await bench.end_of(release)
        taken.append(float(stamps.read_text().split()[0]) * 1e3 - begun / 1e6)
    return taken[min(5, rounds // 3) :]  # everything is loaded once


async def asked(bench: Bench, release: int) -> int:
    """The approval that a release waits for, as soon as there is one."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            row = await bench.connection.fetchrow(
                "SELECT a.id FROM approvals a JOIN stages s ON s.id = a.stage_id"
                " WHERE s.release_id = $1 AND a.status = 'pending'",
                release,
            )
            if row:
                return int(row["id"])
            await asyncio.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of many releases for one environment."""

    seconds_to_queue: float
    seconds_to_end: float
    succeeded: int
    overlaps: int


async def queue_many(bench: Bench, count: int) -> Queued:
    """As many releases as are made at once, for an environment that takes one at a time."""
    definition = await define(bench, "One at a time", one_stage("true", concurrency=1))
    door = asyncio.Semaphore(AT_ONCE)

    async def start() -> int:
        async with door:
            return await bench.start(definition)

    begun = time.perf_counter()
    releases = await asyncio.gather(*(start() for _ in range(count)))
    queued = time.perf_counter()
    await asyncio.gather(*(bench.end_of(release) for release in releases))
    ended = time.perf_counter()
    succeeded = await bench.connection.fetchval(
        "SELECT count(*) FROM deployments WHERE definition_id = $1 AND status = 'succeeded'",
        definition,
    )
    overlaps = await bench.connection.fetchval(OVERLAPS, definition)
    return Queued(queued - begun, ended - begun, succeeded, overlaps)


async def wait_for_a_date(bench: Bench, count: int) -> None:
    """This many deployments that are due in three weeks."""
    stages = one_stage("true")
    stages[0]["conditions"] = []
    release = await bench.start(await define(bench, "In three weeks", stages))
    path = f"/default/Default/_apis/release/releases/{release}"
    stage = (await bench.client.get(path, params=API)).json()["environments"][0]["id"]
    at = datetime.now(UTC) + timedelta(weeks=3)
    body = {"status": "inProgress", "scheduledDeploymentTime": at.isoformat()}
    answer = await bench.client.patch(f"{path}/environments/{stage}", params=API, json=body)
    answer.raise_for_status()
    await clone_release(bench.connection, release, count - 1)


async def queue_look(bench: Bench) -> float:
    """Median milliseconds in which a worker takes from a queue with nothing due for it."""
    kinds = [QueueEntrypoint(kind) for kind in (RELEASE, ENVIRONMENT, GATES)]
    taken = []
    for _ in range(LOOKS):
        asked = QueryQueueBuilder().build_dequeue_query(
            batch_size=10,
            entrypoints=kinds,
            concurrency_limits=[0] * len(kinds),
            queue_manager_id=QueueManagerId(uuid4()),
            global_concurrency_limit=1000,
            heartbeat_timeout=timedelta(seconds=30),
        )
        begun = time.perf_counter()
        await bench.connection.fetch(asked.sql, *asked.args)
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken)


def say_approvals(title: str, taken: list[float]) -> None:
    middle, spread = median(taken), quantiles(taken, n=10)
    print(
        f"{title}: p50 {middle:.1f} ms, p10 {spread[0]:.1f}, p90 {spread[-1]:.1f}   "
        f"goal {GOAL_MILLISECONDS:.0f}: {verdict(middle <= GOAL_MILLISECONDS)}"
    )


async def main(size: Size) -> None:
    async with running() as bench:
        stamps = bench.product.home.parent / "stamps"
        stamps.touch(mode=0o666)
        for limit in (0, 1):
            taken = await approval_to_process(bench, size.approvals, stamps, limit)
            say_approvals(f"Approval to process, limit {limit}", taken)
        seen = await queue_many(bench, size.queued)
        whole = seen.succeeded == size.queued and seen.overlaps == 0
        in_time = seen.seconds_to_queue <= GOAL_SECONDS_TO_QUEUE
        print(
            f"{size.queued} releases for one environment: queued in {seen.seconds_to_queue:.1f} s "
            f"({verdict(in_time)}), all ended after {seen.seconds_to_end:.1f} s; "
            f"{seen.succeeded} succeeded, {seen.overlaps} overlapped ({verdict(whole)})"
        )
        plain = await define(bench, "Plain", list(environments("")))
        await throughput(bench, plain, size.burst // 4)
        before = [await throughput(bench, plain, size.burst) for _ in range(3)]
        looked = await queue_look(bench)
        await wait_for_a_date(bench, size.timers)
        looked_then = await queue_look(bench)
        after = [await throughput(bench, plain, size.burst) for _ in range(3)]
        kept = median(after) / median(before)
        shown = [" ".join(f"{rate:.1f}" for rate in rates) for rates in (before, after)]
        print(
            f"{size.timers} timers: releases per second {shown[0]} before, {shown[1]} with them "
            f"({kept - 1:+.0%}; {verdict(kept >= LEAST_KEPT_RATE)}); one look at the queue "
            f"{looked:.2f} ms before, {looked_then:.2f} ms with them"
        )


if __name__ == "__main__":
    asyncio.run(main(QUICK if "--quick" in sys.argv else Size()))
