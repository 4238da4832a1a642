"""How much memory lists of whole definitions, releases and many deployments take.

Prints, for each of the lists that can hold much, how large its answer is, how long it takes and by
how much the largest memory of the product grows while it is asked for once, and by several callers
at the same moment; how long another caller waits meanwhile.
Run: .venv/bin/python -m bench.long_lists [--quick] [part of a list's name]
"""

import asyncio
import base64
import copy
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.builds import BASH, BUILD
from bench.releases import API, Bench, environments, processes, running
from bench.stock import clone_release

DOCUMENT_BYTES = 60_000
MEGABYTE = 1024 * 1024
AT_ONCE = 5
PIECE = 256 * 1024
RELEASE = "/default/Default/_apis/release"
PARTS = "environments,artifacts,triggers,variables,tags"
LIGHT = "/default/_apis/connectionData"


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each there are."""

    definitions: int = 10_000
    releases: int = 5_000


QUICK = Size(500, 300)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its method, its path and its body."""

    name: str
    path: str
    body: Any = None


def grown(name: str) -> dict[str, Any]:
    """A definition of three environments with as many tasks as make 60 KB."""
    stages = list(environments(""))
    document = {"name": name, "environments": stages}
    tasks = [stage["deployPhases"][0]["workflowTasks"] for stage in stages]
    model = tasks[0][0]
    while len(msgspec.json.encode(document)) < DOCUMENT_BYTES:
        for of_stage in tasks:
            made = copy.deepcopy(model)
            made["name"] = f"Step {len(of_stage)}"
            made["inputs"] = {f"input{n}": f"value {n} of $(name)" for n in range(12)}
            of_stage.append(made)
    return document


def grown_build(name: str) -> dict[str, Any]:
    """A build definition with as many steps as make 60 KB."""
    inputs = {"targetType": "inline", "script": "true"}
    inputs |= {f"input{n}": f"value {n}" for n in range(10)}
    steps: list[Any] = []
    phases = [{"name": "Job", "refName": "Job", "steps": steps}]
    body = {"name": name, "process": {"type": 1, "phases": phases}, "queue": {"name": "Default"}}
    while len(msgspec.json.encode(body)) < DOCUMENT_BYTES:
        task = {"id": BASH, "versionSpec": "3.*"}
        title = f"Step {len(steps)}"
        steps.append({"task": task, "displayName": title, "enabled": True, "inputs": inputs})
    return body


# Every copy has a document of its own, as definitions have.
COPY_DEFINITIONS = """
WITH made AS (
  SELECT d.*, n, replace(o.body, d.name, d.name || '-' || n) AS text
  FROM definitions d JOIN documents o ON o.digest = d.document_digest,
    generate_series(1, $2::integer) n WHERE d.id = $1),
kept AS (
  INSERT INTO documents (digest, body) SELECT sha256(convert_to(text, 'UTF8')), text FROM made)
INSERT INTO definitions (kind, project_id, name, name_key, path, path_key, revision,
  document_digest, plan_digest, summary, created_by, created_at, modified_by, modified_at)
SELECT kind, project_id, name || '-' || n, name_key || '-' || n, path, path_key, revision,
  sha256(convert_to(text, 'UTF8')), plan_digest, summary, created_by, created_at, modified_by,
  modified_at
FROM made
"""
COPY_BUILD_PARTS = """
INSERT INTO build_definitions (definition_id, process_type)
SELECT id, 1 FROM definitions d WHERE kind = 'build'
  AND NOT EXISTS (SELECT FROM build_definitions x WHERE x.definition_id = d.id)
"""
OWN_SNAPSHOTS = """
UPDATE releases r SET document_digest = d.document_digest
FROM (SELECT document_digest, row_number() OVER (ORDER BY id) AS n FROM definitions
  WHERE kind = 'release') d, (SELECT id, row_number() OVER (ORDER BY id) AS n FROM releases) o
WHERE o.id = r.id AND o.n = d.n
"""


async def filled(bench: Bench, size: Size) -> tuple[int, list[int]]:
    """All definitions and releases; the first release definition and its environments."""
    answer = await bench.client.post(f"{RELEASE}/definitions", params=API, json=grown("Large"))
    answer.raise_for_status()
    made = answer.json()
    answer = await bench.client.post(f"{BUILD}/definitions", json=grown_build("Large build"))
    answer.raise_for_status()
    release = await bench.start(made["id"])
    await bench.end_of(release)
    for definition in (made["id"], answer.json()["id"]):
        await bench.connection.execute(COPY_DEFINITIONS, definition, size.definitions - 1)
    await bench.connection.execute(COPY_BUILD_PARTS)
    await clone_release(bench.connection, release, size.releases - 1)
    await bench.connection.execute(OWN_SNAPSHOTS)
    await bench.connection.execute("VACUUM ANALYZE")
    return made["id"], [stage["id"] for stage in made["environments"]]


def lists(definition: int, stages: Sequence[int]) -> list[Asked]:
    places = [
        {"releaseDefinitionId": definition, "definitionEnvironmentId": stage} for stage in stages
    ]
    queried = {"environments": (places * 67)[:200], "deploymentsPerEnvironment": 1000}
    return [
        Asked("release definitions, light", f"{RELEASE}/definitions?"),
        Asked("release definitions, expanded", f"{RELEASE}/definitions?$expand={PARTS}&"),
        Asked("build definitions, light", f"{BUILD}/definitions?"),
        Asked("build definitions, whole", f"{BUILD}/definitions?includeAllProperties=true&"),
        Asked("releases, light", f"{RELEASE}/releases?$top=5000&"),
        Asked("releases, expanded", f"{RELEASE}/releases?$top=5000&$expand=62&"),
        Asked("deployments", f"{RELEASE}/deployments?$top=1000&"),
        Asked("deployments of 200 environments", f"{RELEASE}/deployments?", queried),
    ]


async def ask(bench: Bench, asked: Asked) -> int:
    """The size of the answer, of which nothing is kept."""
    host, _, port = bench.product.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=4 * PIECE)
    token = str(bench.product.environment["QUAYMASTER_ADMIN_TOKEN"])
    text = msgspec.json.encode(asked.body) if asked.body else b""
    sign_in = base64.b64encode(f":{token}".encode()).decode()
    head = (
        f"{'POST' if asked.body else 'GET'} {asked.path}api-version=7.1 HTTP/1.1\r\n"
        f"Host: {host}:{port}\r\nAuthorization: Basic {sign_in}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    writer.write(head.encode() + text)
    first = await reader.readline()
    assert b" 200 " in first, first
    size = 0
    while piece := await reader.read(PIECE):
        size += len(piece)
    writer.close()
    return size


async def longest_wait(bench: Bench, ended: asyncio.Event) -> float:
    """The longest that another caller waits for a small answer until then, in seconds."""
    longest = 0.0
    while not ended.is_set():
        begun = time.perf_counter()
        await ask(bench, Asked("small", f"{LIGHT}?"))
        longest = max(longest, time.perf_counter() - begun)
        await asyncio.sleep(0.02)
    return longest


def _status(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


async def measure(bench: Bench, asked: Asked, callers: int) -> str:
    """What so many callers of this list at once take (Linux: peaks are counted from now on)."""
    root = processes(bench)[0].pid
    Path(f"/proc/{root}/clear_refs").write_text("5")
    before, ended, begun = _status(root, "VmRSS"), asyncio.Event(), time.perf_counter()
    watching = asyncio.create_task(longest_wait(bench, ended))
    sizes = await asyncio.gather(*(ask(bench, asked) for _ in range(callers)))
    took = time.perf_counter() - begun
    ended.set()
    wait = await watching
    peak = _status(root, "VmHWM")
    return (
        f"{asked.name:<34} x{callers}: {sizes[0] / MEGABYTE:7.1f} MB each, {took:6.1f} s, "
        f"memory {before:5.0f} -> {peak:6.0f} MB, others waited {wait:6.2f} s"
    )


async def main(size: Size, wanted: str = "", callers: Sequence[int] = (1, AT_ONCE)) -> None:
    """Measure the lists whose name has `wanted` in it, with each number of callers at once."""
    async with running() as bench:
        bench.client.timeout = 300
        for asked in lists(*await filled(bench, size)):
            if wanted in asked.name:
                for many in callers:
                    print(await measure(bench, asked, many), flush=True)


if __name__ == "__main__":
    named = [one for one in sys.argv[1:] if not one.startswith("--")]
    asyncio.run(main(QUICK if "--quick" in sys.argv else Size(), " ".join(named)))
