"""Which processes a job has left behind, and their end (Linux; elsewhere nothing is found).

The host is a "child subreaper": a process whose parent ends becomes the host's own child, so that
neither a double fork nor a new session takes a process out of its sight.
"""

import asyncio
import ctypes
import hashlib
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from quaymaster.protocol.job import RunJob

PR_SET_CHILD_SUBREAPER = 36
MARKER = "VSTS_PROCESS_LOOKUP_ID"
ROUNDS = 400
PAUSE_SECONDS = 0.01
CLEAN_LOOKS = 10

_PROC = Path("/proc")


def adopt_orphans() -> bool:
    """Make this process the parent of every descendant that loses its own; False if unsupported."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def marker_of(job: RunJob) -> str:
    """What every process of a job carries in its environment; host and worker both know it."""
    named = f"{job.plan_id}/{job.job_id}/{job.token}"
    return f"vsts_{hashlib.sha256(named.encode()).hexdigest()[:32]}"


def own() -> int:
    """The host's own process id."""
    return os.getpid()


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2]
    except OSError:
        return False
    return not state.lstrip().startswith("Z")


def children(pid: int) -> list[int]:
    """The living or unreaped direct children of a process; empty when it is gone."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - once for every task that runs
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as listing:  # noqa: PTH123 - hot
                found.extend(int(child) for child in listing.read().split())
        except OSError:
            continue  # the thread ended meanwhile; its children moved to another one
    return found


def descendants(pid: int, without: Iterable[int] = ()) -> list[int]:
    """All processes below `pid`, nearest first, leaving out the trees that start in `without`."""
    spared = set(without)
    waiting = [pid]
    found: list[int] = []
    while waiting:
        for child in children(waiting.pop()):
            if child not in spared:
                spared.add(child)
                found.append(child)
                waiting.append(child)
    return found


def marked(marker: str) -> list[int]:
    """The processes of this machine that carry this marker in their first environment."""
    wanted = f"{MARKER}={marker}".encode()
    found: list[int] = []
    for entry in _PROC.glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue  # it ended, or belongs to somebody else
        if wanted in environment.split(b"\0"):
            found.append(int(entry.name))
    return found


def name_of(pid: int) -> str:
    """The short name of a process for the log, `?` when it is gone."""
    try:
        return (_PROC / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        return "?"


def reap(pids: Iterable[int]) -> set[int]:
    """Take the exit status of those that are our ended children; gives those there are no more."""
    gone: set[int] = set()
    for pid in pids:
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            gone.add(pid)  # not a child of ours, or reaped before
        else:
            gone.update({ended} - {0})
    return gone


def kill(pids: Iterable[int]) -> None:
    """SIGKILL each; those that ended meanwhile are fine."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError:
            continue  # it changed its user (setuid); it is found again and reported by the caller


async def end_all(spared: Iterable[int] = ()) -> list[int]:
    """Kill all below this process but the trees in `spared`; what resists for 4 s is returned.

    Killing is repeated, because a process may start others while the list is being read; the list
    must be empty twice, because the kernel does not promise it to be complete.
    """
    spared = tuple(spared)
    clean = 0
    for _ in range(ROUNDS):
        if left := descendants(os.getpid(), spared):
            clean = 0
            kill(left)
            reap(left)
        elif (clean := clean + 1) == 2:
            return []
        await asyncio.sleep(PAUSE_SECONDS if left else 0)
    return descendants(os.getpid(), spared)


async def end_marked(marker: str) -> None:
    """Kill every process that carries this marker, wherever it belongs by now.

    A process that is just being started shows no marker for a moment, so one look is not enough.
    """
    clean = 0
    for _ in range(ROUNDS):
        if left := [pid for pid in marked(marker) if is_alive(pid)]:
            clean = 0
            kill(left)
        elif (clean := clean + 1) == CLEAN_LOOKS:
            return
        await asyncio.sleep(PAUSE_SECONDS)


def end_all_now(spared: Iterable[int] = ()) -> None:
    """The same without a loop, for a host whose worker is gone: it is about to exit itself."""
    spared = tuple(spared)
    clean = 0
    for _ in range(ROUNDS):
        if left := descendants(os.getpid(), spared):
            clean = 0
            kill(left)
            reap(left)
        elif (clean := clean + 1) == 2:
            return
