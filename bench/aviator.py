"""The Aviator calls on a long history: lists, rollbacks, and reports of deployments per second.

Lists are taken out of a million deployments of one environment, rollbacks of an environment with a
hundred thousand; reports come over eight and over 32 connections, about releases of their own.
Run: .venv/bin/python -m bench.aviator [--quick]
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median

import httpx
import msgspec
import uvloop

from bench.load import Next, answered, asked, written
from bench.releases import Bench, running, verdict

PROJECT = "/api/releases/shop"
AT_ONCE = (8, 32)  # connections
ENVIRONMENTS = 5
RELEASES = 256
SECONDS = 8.0
GOAL_LIST = 5.0
GOAL_ROLLBACK = 20.0
GOAL_REPORTS = 500.0

# Ended deployments of two releases in turn, every third a failure.
FILL = """
INSERT INTO deployments (release_id, stage_id, project_id, definition_id, definition_stage_id,
  attempt, reason, requested_by, queued_at, modified_at, outcome, status, operation_status,
  completed_at, from_release_id)
SELECT d.release_id, d.stage_id, d.project_id, d.definition_id, d.definition_stage_id,
  d.attempt + n,
  d.reason, d.requested_by, d.queued_at, d.modified_at,
  CASE n % 3 WHEN 0 THEN 'phaseFailed' ELSE 'succeeded' END,
  CASE n % 3 WHEN 0 THEN 'failed' ELSE 'succeeded' END,
  CASE n % 3 WHEN 0 THEN 'phaseFailed' ELSE 'approved' END, d.completed_at, d.from_release_id
FROM deployments d JOIN environments e ON e.id = d.definition_stage_id,
  generate_series(1, $2::integer) n
WHERE e.name = $1::text AND d.attempt = 1 ORDER BY n
"""

NEWEST = """
UPDATE stages s SET newest_deployment_id = d.id, attempt = d.attempt FROM deployments d
WHERE d.stage_id = s.id
  AND d.attempt = (SELECT max(n.attempt) FROM deployments n WHERE n.stage_id = s.id)
"""


@dataclass(frozen=True, slots=True)
class Size:
    listed: int = 1_000_000
    rolled_back: int = 100_000
    rounds: int = 200


QUICK = Size(20_000, 5_000, 40)


async def main(size: Size) -> None:
    async with running(watched=False) as bench:
        await _made(bench)
        await _fill(bench, "long", size.listed)
        await _fill(bench, "back", size.rolled_back)
        await bench.connection.execute("ANALYZE deployments")
        await _lists(bench, size)
        await _rollbacks(bench, size)
        await _reports(bench)


async def _made(bench: Bench) -> None:
    await _post(bench, "/api/releases", {"name": "shop", "repository": "acme/shop"})
    names = ["long", "back", *(f"env{number}" for number in range(ENVIRONMENTS))]
    for name in names:
        await _post(bench, f"{PROJECT}/environments", {"name": name})
    for number in range(RELEASES):
        await _post(
            bench, f"{PROJECT}/releases/1.{number}-rc1", {"repo": "acme/shop", "commit": "a" * 40}
        )
    for name in ("long", "back"):
        for number in range(2):
            await _report(bench.client, name, f"1.{number}-rc1", "success")


async def _fill(bench: Bench, environment: str, count: int) -> None:
    await bench.connection.execute(FILL, environment, count // 2, timeout=600)
    await bench.connection.execute(NEWEST)


async def _post(bench: Bench, path: str, body: object) -> httpx.Response:
    answer = await bench.client.post(path, json=body)
    answer.raise_for_status()
    return answer


async def _report(client: httpx.AsyncClient, environment: str, version: str, status: str) -> None:
    body = {"release_candidate_version": version, "status": status}
    answer = await client.patch(f"{PROJECT}/environments/{environment}/deployments", json=body)
    answer.raise_for_status()


async def _timed(bench: Bench, requests: Sequence[bytes]) -> float:
    """The median of these, one after the other, in milliseconds; the first ten do not count."""
    each = await asked(bench.product.url, requests)
    return median(each[10:])


async def _lists(bench: Bench, size: Size) -> None:
    path = f"{PROJECT}/environments/long/deployments?page="
    took = await _timed(
        bench, [_request(bench, "GET", f"{path}{number % 5 + 1}") for number in range(size.rounds)]
    )
    print(
        f"List out of {size.listed:,} deployments, p50 {took:.1f} ms, goal {GOAL_LIST:.0f}:"
        f" {verdict(took <= GOAL_LIST)}"
    )


async def _rollbacks(bench: Bench, size: Size) -> None:
    path = f"{PROJECT}/environments/back/rollback"
    took = await _timed(bench, [_request(bench, "POST", path, {})] * size.rounds)
    print(
        f"Rollback with {size.rolled_back:,} deployments before, p50 {took:.1f} ms,"
        f" goal {GOAL_ROLLBACK:.0f}: {verdict(took <= GOAL_ROLLBACK)}"
    )


async def _reports(bench: Bench) -> None:
    for at_once in AT_ONCE:
        sources = [_reporting(bench, place, at_once) for place in range(at_once)]
        rate = len(await answered(bench.product.url, sources, SECONDS)) / SECONDS
        print(
            f"Reports over {at_once} connections, {rate:.0f} per second, goal {GOAL_REPORTS:.0f}:"
            f" {verdict(rate >= GOAL_REPORTS)}"
        )


def _reporting(bench: Bench, place: int, at_once: int) -> Next:
    """Reports of one connection: each release of its own begins and ends in each environment."""
    numbers = count()

    def following() -> bytes:
        number = next(numbers)
        environment = f"env{number // 2 % ENVIRONMENTS}"
        release = place + at_once * (number // 2 % (RELEASES // at_once))
        body = {
            "release_candidate_version": f"1.{release}-rc1",
            "status": ("in_progress", "success")[number % 2],
        }
        path = f"{PROJECT}/environments/{environment}/deployments"
        return _request(bench, "PATCH", path, body)

    return following


def _request(bench: Bench, method: str, path: str, body: object = None) -> bytes:
    token = str(bench.product.environment["QUAYMASTER_ADMIN_TOKEN"])
    sent = b"" if body is None else msgspec.json.encode(body)
    return written(method, bench.product.url, token, path, sent)


if __name__ == "__main__":
    uvloop.run(main(QUICK if "--quick" in sys.argv else Size()))
