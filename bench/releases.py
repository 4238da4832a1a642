"""How fast releases go: three stages of `true`, from the POST to the end of the last stage.

Prints the median latency on an idle machine and releases per second when 200 start at once, each
with its ratio to what three process starts and five commits cost in the same run; what the idle
product takes; and both again while 10,000 releases wait for an approval.
Run: .venv/bin/python -m bench.releases [--quick]
"""

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import httpx
import msgspec
import psutil
from tests.server.product import Product

from bench.machine import Limit, limit
from bench.stock import clone_release

CMD_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9"
STAGES = ("Dev", "QA", "Prod")
AT_ONCE = 16  # requests under way while the releases of a burst are made
GOAL_MILLISECONDS = 100.0
GOAL_PER_SECOND = 25.0
GOAL_MEGABYTES = 250.0
GOAL_IDLE_PERCENT = 1.0
IDLE_SECONDS = 15.0
SETTLING_SECONDS = 35.0  # until hosts and connections that nobody needs have gone
API = {"api-version": "7.1"}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    single: int = 40
    burst: int = 200
    waiting: int = 10_000


@dataclass
class Bench:
    """A running product, a client of it, and a line to its database."""

    product: Product
    client: httpx.AsyncClient
    connection: asyncpg.Connection
    serving: frozenset[int]  # ids of the processes of PostgreSQL that serve the bench
    ended: dict[int, "asyncio.Future[float]"] = field(default_factory=dict)
    _looking: "asyncio.Queue[int]" = field(default_factory=asyncio.Queue)

    async def define(self, name: str, *, approver: str = "") -> int:
        body = {"name": name, "environments": list(environments(approver))}
        return int((await self._post("release/definitions", body))["id"])

    async def start(self, definition: int) -> int:
        return int((await self._post("release/releases", {"definitionId": definition}))["id"])

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(f"/default/Default/_apis/{path}", params=API, json=body)
        answer.raise_for_status()
        created: dict[str, Any] = answer.json()
        return created

    async def me(self) -> str:
        answer = await self.client.get("/default/_apis/connectionData")
        return str(answer.json()["authenticatedUser"]["id"])

    def end_of(self, release: int) -> "asyncio.Future[float]":
        return self.ended.setdefault(release, asyncio.get_running_loop().create_future())

    def heard(self, *told: Any) -> None:
        """A release has changed; which one is looked at in its turn."""
        self._looking.put_nowait(msgspec.json.decode(str(told[-1]))["release"])

    async def look(self, connection: asyncpg.Connection) -> None:
        """Note when the last stage of a release has succeeded."""
        while True:
            release = await self._looking.get()
            left = await connection.fetchval(
                "SELECT count(*) FROM stages WHERE release_id = $1 AND status <> 'succeeded'",
                release,
            )
            if not left and not self.end_of(release).done():
                self.end_of(release).set_result(time.perf_counter())


def environments(approver: str) -> Any:
    for rank, (name, before) in enumerate(zip(STAGES, (None, *STAGES), strict=False), 1):
        condition = {"name": before, "conditionType": "environmentState", "value": "4"}
        started = {"name": "ReleaseStarted", "conditionType": "event", "value": ""}
        yield {
            "name": name,
            "rank": rank,
            "conditions": [condition if before else started],
            "preDeployApprovals": {"approvals": [_approval(approver)]},
            "postDeployApprovals": {"approvals": [_approval("")]},
            "deployPhases": [_phase()],
            "retentionPolicy": {"daysToKeep": 30, "releasesToKeep": 3, "retainBuild": True},
        }


def _approval(approver: str) -> dict[str, Any]:
    asked = {"approver": {"id": approver}} if approver else {}
    return {"rank": 1, "isAutomated": not approver, "isNotificationOn": False, **asked}


def _phase() -> dict[str, Any]:
    task = {
        "taskId": CMD_LINE,
        "version": "2.*",
        "name": "true",
        "enabled": True,
        "inputs": {"script": "true"},
    }
    return {
        "name": "Run",
        "rank": 1,
        "phaseType": "agentBasedDeployment",
        "deploymentInput": {"queueId": 1},
        "workflowTasks": [task],
    }


@asynccontextmanager
async def running(*, watched: bool = True) -> AsyncIterator[Bench]:
    """The product on an empty home, until the block ends; `watched`: notice how releases end, which
    costs a statement for every change of one."""
    with tempfile.TemporaryDirectory(prefix="quaymaster-bench-") as folder:
        Path(folder).chmod(0o711)  # the database runs as another user
        token = secrets.token_urlsafe(32)
        product = Product(Path(folder) / "home", {"QUAYMASTER_ADMIN_TOKEN": token})
        product.start()
        connection, looking_at = [await asyncpg.connect(product.dsn) for _ in range(2)]
        client = httpx.AsyncClient(base_url=product.url, auth=("", token), timeout=60)
        listener = await asyncpg.connect(product.dsn)
        ours = (connection, looking_at, listener)
        serving = frozenset(one.get_server_pid() for one in ours)
        bench = Bench(product, client, connection, serving)
        if watched:
            await listener.add_listener("quaymaster", bench.heard)
        looking = asyncio.create_task(bench.look(looking_at))
        try:
            yield bench
        finally:
            looking.cancel()
            await client.aclose()
            await asyncio.gather(looking, return_exceptions=True)
            await asyncio.gather(connection.close(), looking_at.close(), listener.close())
            product.stop()


async def latency(bench: Bench, definition: int, rounds: int) -> float:
    """Median milliseconds from the POST to the end, one release after the other."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        ended = await bench.end_of(await bench.start(definition))
        taken.append((ended - begun) * 1000)
        await asyncio.sleep(0.1)
    return median(taken)


async def throughput(bench: Bench, definition: int, count: int) -> float:
    """Releases per second from the first POST to the last end, all started at once."""
    door = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with door:
            release = await bench.start(definition)
        await bench.end_of(release)

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return count / (time.perf_counter() - begun)


def processes(bench: Bench) -> list[psutil.Process]:
    """All processes of the product; those of PostgreSQL that serve this bench are not its own."""
    assert bench.product.process is not None
    root = psutil.Process(bench.product.process.pid)
    return [
        process
        for process in (root, *root.children(recursive=True))
        if process.pid not in bench.serving
    ]


def megabytes(bench: Bench) -> float:
    """The memory of all processes, what they share counted once (PSS)."""
    return sum(process.memory_full_info().pss for process in processes(bench)) / 1024**2


async def idle_percent(bench: Bench) -> float:
    """How much of one core the product takes while nothing is asked of it."""
    before = {process.pid: _seconds(process) for process in processes(bench)}
    await asyncio.sleep(IDLE_SECONDS)
    after = {process.pid: _seconds(process) for process in processes(bench)}
    return 100 * sum(used - before.get(pid, 0) for pid, used in after.items()) / IDLE_SECONDS


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def verdict(is_good: bool) -> str:
    return "ok" if is_good else "MISSED"


def say_speed(title: str, took: float, per_second: float, best: Limit) -> None:
    print(f"{title}")
    print(
        f"  POST to end, p50      {took:8.1f} ms   goal {GOAL_MILLISECONDS:.0f}: "
        f"{verdict(took <= GOAL_MILLISECONDS)};  {took / best.milliseconds:.1f} x the limit of "
        f"{best.milliseconds:.1f} ms"
    )
    print(
        f"  releases per second   {per_second:8.1f}      goal {GOAL_PER_SECOND:.0f}: "
        f"{verdict(per_second >= GOAL_PER_SECOND)};  {per_second / best.per_second:.2f} x the "
        f"limit of {best.per_second:.1f}"
    )


async def main(size: Size) -> None:
    async with running() as bench:
        definition = await bench.define("Bench")
        await latency(bench, definition, 5)  # everything is loaded once
        best = await limit(bench.product.dsn)
        await asyncio.sleep(SETTLING_SECONDS)
        used, busy = megabytes(bench), await idle_percent(bench)
        print(f"Idle: {used:.0f} MB ({verdict(used <= GOAL_MEGABYTES)}),", end=" ")
        print(f"{busy:.2f} % of a core ({verdict(busy <= GOAL_IDLE_PERCENT)})")
        took = await latency(bench, definition, size.single)
        rate = await throughput(bench, definition, size.burst)
        say_speed("An empty installation", took, rate, best)
        waiting = await bench.define("Waiting", approver=await bench.me())
        await clone_release(bench.connection, await bench.start(waiting), size.waiting - 1)
        took_then = await latency(bench, definition, size.single)
        rate_then = await throughput(bench, definition, size.burst)
        say_speed(f"While {size.waiting} releases wait for approval", took_then, rate_then, best)
        print(f"  change: latency {took_then / took - 1:+.0%}, rate {rate_then / rate - 1:+.0%}")


if __name__ == "__main__":
    asyncio.run(main(Size(20, 60, 2000) if "--quick" in sys.argv else Size()))
