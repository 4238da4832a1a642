"""A postmaster that outlived the server that started it is stopped before a new one starts."""

import asyncio
import signal
from pathlib import Path

import psutil

from quaymaster.server.postgres.errors import PostgresUnavailableError

_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.02


def postmaster_pid(data: Path) -> int | None:
    """The process id in `postmaster.pid`, alive or not."""
    try:
        return int((data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def is_ready(data: Path, pid: int) -> bool:
    """Whether this postmaster takes connections, as `pg_ctl` finds out: line 8 says "ready"."""
    try:
        lines = (data / "postmaster.pid").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return False
    return lines[:1] == [str(pid)] and [word.strip() for word in lines[7:8]] == ["ready"]


async def stop_leftover(data: Path) -> None:
    """Stop a live postmaster of this data directory; remove the file of one that is not.

    Called with the home's lock in hand, so a live one belongs to a server that was killed. A file
    that names a process of something else, as after the restart of a container, would keep
    PostgreSQL from starting; one that names a dead process is PostgreSQL's own to clear.
    """
    pid = postmaster_pid(data)
    process = _alive(pid) if pid is not None else None
    if process is None:
        return
    if not _is_postmaster_of(process, data):
        (data / "postmaster.pid").unlink(missing_ok=True)
        return
    for order in (signal.SIGINT, signal.SIGQUIT):  # fast, then at once
        process.send_signal(order)
        if await _gone(process):
            return
    raise PostgresUnavailableError(
        f"A PostgreSQL of an earlier start (process {process.pid}) still runs on {data} and does "
        f"not stop. Look at it, end it with `kill -QUIT {process.pid}`, and start again."
    )


def _alive(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def _is_postmaster_of(process: psutil.Process, data: Path) -> bool:
    """A postmaster works in its data directory; nothing else of ours or anybody's does."""
    try:
        return Path(process.cwd()).samefile(data) and process.name().startswith("postgres")
    except (psutil.AccessDenied, psutil.NoSuchProcess, FileNotFoundError):
        return False


async def _gone(process: psutil.Process) -> bool:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if _alive(process.pid) is None or not process.is_running():
            return True
        await asyncio.sleep(_LOOK_SECONDS)
    return False
