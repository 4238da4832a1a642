"""A task that prints very much (RELIABILITY R-22); bench/runner_flood.py does the gigabyte."""

from pathlib import Path

import pytest

from quaymaster.protocol.job import HostMessage, JobResult, LogChunk
from quaymaster.runner.pool import HostPool
from tests.runner.make import job, run, script, secret

FLOODS = {
    "lines": "yes 'a line of some length, as programs print them, again and again and again'",
    "one line": "tr '\\0' 'x' < /dev/zero",
    "nothing but NUL": "cat /dev/zero",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
async def test_memory_stays_flat_and_every_line_arrives(tmp_path: Path, flood: str) -> None:
    pool = HostPool(1, tmp_path)
    await pool.warm()
    [host] = pool.pids
    received = 0
    last = b""

    async def sink(message: HostMessage) -> None:
        nonlocal received, last
        if isinstance(message, LogChunk) and message.step_id == 100:
            received += len(message.body)
            last = (last + message.body)[-4096:]

    step = script(f"{flood} | head -c 60M; echo; echo the end")
    ended = await pool.run(job(step, variables=[secret("pw", "hunter2hunter2")]), sink)
    peak = next(
        int(line.split()[1])
        for line in Path(f"/proc/{host}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    await pool.close()
    assert ended.result is JobResult.SUCCEEDED
    assert received > 60 * 1024 * 1024
    assert b" the end\n" in last
    assert peak < 80 * 1024, "kilobytes of the host at its peak"


async def test_the_limit_of_the_log_is_recorded_and_the_task_goes_on(pool: HostPool) -> None:
    step = script(
        "yes 'some text' | head -n 200000; echo the end; echo '##vso[task.complete result=Failed]'"
    )
    outcome = await run(pool, job(step, log_limit_bytes=100_000))
    lines = outcome.log().split("\n")
    assert any("more than the limit of 100000 bytes" in line for line in lines)
    assert "the end" in lines
    assert outcome.results() == ["Failed"]


async def test_a_flood_of_issues_counts_against_the_limit_too(pool: HostPool) -> None:
    line = "##vso[task.logissue type=warning]a warning of some length"
    step = script(f"yes '{line}' | head -n 50000")
    outcome = await run(pool, job(step, log_limit_bytes=100_000))
    assert outcome.ended().warning_count == 50_000
    assert len(outcome.log()) < 1_000_000
