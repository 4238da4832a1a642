"""How builds go: lists over 10,000 definitions and 1,000,000 builds, artifacts of 1 GB, long logs.

Prints the median of a page of 100 definitions with their latest builds; how fast a file goes in and
out beside a copy on the same disk, and at what memory; how fast a build's log is kept.
Run: .venv/bin/python -m bench.builds [--quick] [artifacts] [logs] [lists]
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench.releases import Bench, processes, running, verdict

BUILD = "/default/Default/_apis/build"
BASH = "6c731c3c-3c68-459a-a5c9-bde6e6595b5b"
MEGABYTE = 1024 * 1024
PAGE = 100
ROUNDS = 60
TURNS = 5
# Seconds in which a virtual machine gives the memory of removed files back to its host. Who writes
# a file before that writes it several times as fast, be it the product or the copy.
SETTLING = 5.0
GOAL_LIST_MILLISECONDS = 25.0
GOAL_COPY_RATIO = 0.5
GOAL_LOG_MEGABYTES = 20.0
Copying = Callable[[Path, Path], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    definitions: int = 10_000
    builds_each: int = 100
    artifact_megabytes: int = 1024
    log_megabytes: int = 100


QUICK = Size(500, 20, 64, 10)


async def define(bench: Bench, name: str, script: str) -> int:
    step = {
        "task": {"id": BASH, "versionSpec": "3.*"},
        "displayName": "Script",
        "enabled": True,
        "inputs": {"targetType": "inline", "script": script},
    }
    phases = [{"name": "Job", "refName": "Job", "steps": [step]}]
    body = {"name": name, "process": {"type": 1, "phases": phases}, "queue": {"name": "Default"}}
    answer = await bench.client.post(f"{BUILD}/definitions", json=body)
    answer.raise_for_status()
    return int(answer.json()["id"])


async def queue(bench: Bench, definition: int) -> int:
    answer = await bench.client.post(f"{BUILD}/builds", json={"definition": {"id": definition}})
    answer.raise_for_status()
    return int(answer.json()["id"])


async def ended(bench: Bench, build: int) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = (await bench.client.get(f"{BUILD}/builds/{build}")).json()
        if found["status"] == "completed":
            return found
        await asyncio.sleep(0.2)


# Copies get their ids from the sequences; each definition's latest build is its last copy.
COPY_DEFINITIONS = """
INSERT INTO definitions (kind, project_id, name, name_key, path, path_key, revision,
  document_digest, plan_digest, summary, created_by, created_at, modified_by, modified_at)
SELECT kind, project_id, name || '-' || n, name_key || '-' || n, path, path_key, revision,
  document_digest, plan_digest, summary, created_by, created_at, modified_by, modified_at
FROM definitions, generate_series(1, $2::integer) n WHERE id = $1
"""
COPY_FILTERED = """
INSERT INTO build_definitions (definition_id, process_type)
SELECT id, 1 FROM definitions d WHERE kind = 'build'
  AND NOT EXISTS (SELECT FROM build_definitions x WHERE x.definition_id = d.id)
"""
COPY_BUILDS = """
INSERT INTO builds (project_id, definition_id, definition_revision, plan_digest, number, number_key,
  status, result, reason, priority, source_branch, queue_id, requested_by, requested_for,
  queued_at, started_at, finished_at, changed_at)
SELECT b.project_id, d.id, 1, b.plan_digest, 'n' || n, 'n' || n, 'completed', 'succeeded', b.reason,
  b.priority, b.source_branch, b.queue_id, b.requested_by, b.requested_for,
  b.queued_at + n * interval '1 minute', b.queued_at + n * interval '1 minute',
  b.queued_at + n * interval '1 minute', b.changed_at
FROM builds b, definitions d, generate_series(1, $2::integer) n WHERE b.id = $1 AND d.kind = 'build'
"""
LATEST = """
UPDATE build_definitions x SET latest_build_id = b.id, latest_completed_build_id = b.id,
  last_built_at = b.finished_at
FROM (SELECT definition_id, max(id) AS id, max(finished_at) AS finished_at FROM builds
  GROUP BY definition_id) b WHERE b.definition_id = x.definition_id
"""


async def lists(bench: Bench, size: Size) -> None:
    """A page of definitions with their latest builds, among very many."""
    definition = await define(bench, "Listed", "true")
    build = await queue(bench, definition)
    await ended(bench, build)
    await bench.connection.execute(COPY_DEFINITIONS, definition, size.definitions - 1)
    await bench.connection.execute(COPY_FILTERED)
    await bench.connection.execute(COPY_BUILDS, build, size.builds_each)
    await bench.connection.execute(LATEST)
    await bench.connection.execute("VACUUM ANALYZE definitions, build_definitions, builds")
    print(f"{size.definitions} definitions, {size.definitions * size.builds_each} builds")
    path = f"{BUILD}/definitions?includeLatestBuilds=true&$top={PAGE}"
    for name, query in (("by id", ""), ("by name", "&queryOrder=definitionNameDescending")):
        token, taken = "", []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            answer = await bench.client.get(f"{path}{query}&continuationToken={token}")
            taken.append((time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200, answer.text[:200]
            token = answer.headers.get("x-ms-continuationtoken", "")
        middle = median(taken)
        good = verdict(middle <= GOAL_LIST_MILLISECONDS)
        goal = f"goal {GOAL_LIST_MILLISECONDS:.0f}: {good}"
        print(f"  a page of {PAGE} {name}, p50 {middle:6.1f} ms  {goal}")


def _out_of_memory(path: Path) -> None:
    """Have the next reader of this file get it from the disk, whose speed is the measure."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def _copied(copying: Copying, source: Path, copy: Path) -> float:
    """The seconds of a copy to the disk itself: into the memory before it one takes far less."""
    begun = time.perf_counter()
    await copying(source, copy)
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    return time.perf_counter() - begun


async def _by_cp(source: Path, copy: Path) -> None:
    copying = await asyncio.create_subprocess_exec("cp", source, copy)
    assert await copying.wait() == 0


async def _by_copyfile(source: Path, copy: Path) -> None:
    shutil.copyfile(source, copy)


# The program everybody copies with, and Python's function, which writes in smaller steps.
COPIES: dict[str, Copying] = {"cp": _by_cp, "copyfile": _by_copyfile}


async def artifacts(bench: Bench, size: Size) -> None:
    """A large file in and out through the API, each beside copies on the same disk, in turns."""
    definition = await define(bench, "Artifacts", "true")
    build = await queue(bench, definition)
    await ended(bench, build)
    megabytes = size.artifact_megabytes
    rates: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="quaymaster-bench-") as folder:
        source, copy = Path(folder) / "large", Path(folder) / "copy"
        with source.open("wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(MEGABYTE))
            os.fsync(file.fileno())
        before = _memory(bench)
        for _ in range(TURNS):
            for name, copying in COPIES.items():
                await asyncio.sleep(SETTLING)
                _out_of_memory(source)
                rates[name].append(megabytes / await _copied(copying, source, copy))
                copy.unlink()
            await asyncio.sleep(SETTLING)
            _out_of_memory(source)
            rates["in"].append(await _upload(bench, build, source, megabytes))
            for file in (bench.product.home / "storage").rglob("builds/*/*/*"):
                _out_of_memory(file)
            rates["out"].append(await _download(bench, build, megabytes))
        grown = _memory(bench) - before
    print(f"{megabytes} MB, {TURNS} turns")
    for name in COPIES:
        print(f"  a copy on the disk by {name}: {_spread(rates[name])}")
    for way in ("in", "out"):
        print(f"  {way}: {_spread(rates[way])}")
        for name in COPIES:
            ratio = median(rates[way]) / median(rates[name])
            goal = f"goal {GOAL_COPY_RATIO}: {verdict(ratio >= GOAL_COPY_RATIO)}"
            print(f"    {ratio:.2f} of {name}  {goal}")
    print(f"  the largest memory of the product grew by {grown:.0f} MB")


def _spread(rates: list[float]) -> str:
    return f"{median(rates):.0f} MB/s ({min(rates):.0f} to {max(rates):.0f})"


def _memory(bench: Bench) -> float:
    """The peaks of all Python processes of the product, in megabytes (Linux)."""
    total = 0.0
    for process in processes(bench):
        if "python" in process.name():
            status = Path(f"/proc/{process.pid}/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            total += int(line.split()[1]) / 1024
    return total


async def _asked(bench: Bench, head: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request by hand: a client that computes nothing beside the bytes takes no core away."""
    host, _, port = bench.product.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=4 * MEGABYTE)
    sign_in = next(bench.client.auth.sync_auth_flow(httpx.Request("GET", bench.product.url)))
    authorization = sign_in.headers["Authorization"]
    writer.write(f"{head}Host: {host}\r\nAuthorization: {authorization}\r\n\r\n".encode())
    return reader, writer


async def _upload(bench: Bench, build: int, source: Path, megabytes: int) -> float:
    path = f"/default/_apis/resources/Containers/{build}?itemPath=drop/large"
    begun = time.perf_counter()
    length = megabytes * MEGABYTE
    reader, writer = await _asked(bench, f"PUT {path} HTTP/1.1\r\nContent-Length: {length}\r\n")
    await writer.drain()
    with source.open("rb") as file:
        await asyncio.get_running_loop().sendfile(writer.transport, file)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201"), head
    writer.close()
    return megabytes / (time.perf_counter() - begun)


async def _download(bench: Bench, build: int, megabytes: int) -> float:
    path = f"/default/_apis/resources/Containers/{build}?itemPath=drop/large&$format=octetstream"
    begun = time.perf_counter()
    reader, writer = await _asked(bench, f"GET {path} HTTP/1.1\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    left = megabytes * MEGABYTE
    while left and (piece := await reader.read(MEGABYTE)):
        left -= len(piece)
    assert left == 0, left
    writer.close()
    return megabytes / (time.perf_counter() - begun)


async def logs(bench: Bench, size: Size) -> None:
    """A build that prints much, from its first line until its log is kept."""
    line = "2026-01-01 INFO build: compiled module 12345 of app/static/css/site"
    script = f"yes '{line}' | head -c {size.log_megabytes}M; echo"
    build = await queue(bench, await define(bench, "Logs", script))
    found = await ended(bench, build)
    assert found["result"] == "succeeded", found
    timeline = (await bench.client.get(f"{BUILD}/builds/{build}/timeline")).json()
    [record] = [one for one in timeline["records"] if one["name"] == "Script"]
    seconds = await bench.connection.fetchval(
        "SELECT extract(epoch FROM j.ended_at - t.started_at)::float8 FROM task_runs t"
        " JOIN jobs j ON j.id = t.job_id WHERE t.build_id = $1 AND t.id = $2",
        build,
        record["log"]["id"],
    )
    rate = size.log_megabytes / seconds
    good = verdict(rate >= GOAL_LOG_MEGABYTES)
    print(
        f"A log of {size.log_megabytes} MB: {rate:.1f} MB/s  goal {GOAL_LOG_MEGABYTES:.0f}: {good}"
    )


PARTS = {"artifacts": artifacts, "logs": logs, "lists": lists}


async def main(size: Size, parts: Sequence[str] = tuple(PARTS)) -> None:
    async with running() as bench:
        for part in parts:
            await PARTS[part](bench, size)


if __name__ == "__main__":
    named = [part for part in PARTS if part in sys.argv]
    asyncio.run(main(QUICK if "--quick" in sys.argv else Size(), named or list(PARTS)))
