"""Prints a gigabyte from one task and says how fast it came through and at what memory.

Run: .venv/bin/python -m bench.runner_flood [megabytes] [short|long|one-line]
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from quaymaster.protocol.job import HostMessage, JobVariable, LogChunk, RunJob, Step
from quaymaster.runner.pool import HostPool

CMD_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9"
MEGABYTE = 1024 * 1024
LINES = {
    "short": "yes y",
    "long": "yes '2026-01-01 INFO deploy: copied file 12345 to /srv/www/app/static/css/site.css'",
    "one-line": "tr '\\0' 'x' < /dev/zero",
}


def job(megabytes: int, kind: str) -> RunJob:
    """A job whose only task prints this much."""
    script = f"{LINES[kind]} | head -c {megabytes}M; echo; echo done"
    step = Step(
        id=2,
        kind="task",
        display_name="Flood",
        task_id=CMD_LINE,
        version="2.*",
        inputs={"script": script},
    )
    return RunJob(
        job_id=1,
        token=str(megabytes),
        name="Flood",
        plan_id="flood",
        workspace="bench/1",
        work_directory="",
        steps=[Step(id=1, kind="initialize", display_name="Start"), step],
        variables=[JobVariable(f"pw{n}", f"s3cret-value-{n}", is_secret=True) for n in range(5)],
    )


def peak_memory(pid: int) -> float:
    """The largest resident size of a process so far, in megabytes (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def main(megabytes: int, kind: str) -> None:
    received = 0

    async def sink(message: HostMessage) -> None:
        nonlocal received
        if isinstance(message, LogChunk):
            received += len(message.body)

    with tempfile.TemporaryDirectory() as directory:
        pool = HostPool(1, Path(directory))
        await pool.warm()
        [host] = pool.pids
        began = time.perf_counter()
        ended = await pool.run(job(megabytes, kind), sink)
        seconds = time.perf_counter() - began
        peak = peak_memory(host)
        await pool.close()
    worker_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    measured = {
        "result": ended.result,
        "kind": kind,
        "megabytes_printed": megabytes,
        "seconds": round(seconds, 1),
        "megabytes_per_second": round(megabytes / seconds, 1),
        "log_megabytes": round(received / MEGABYTE),
        "host_peak_megabytes": round(peak),
        "worker_peak_megabytes": round(worker_peak),
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    asyncio.run(main(size, sys.argv[2] if len(sys.argv) > 2 else "long"))
