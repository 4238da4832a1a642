"""The slots of a worker: each runs one job at a time, in a work directory that is its alone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from quaymaster.domain.errors import Invalid
from quaymaster.plans.job_message import Place
from quaymaster.runner import workspace

LOCK_NAME = ".lock"


@dataclass(frozen=True, slots=True)
class Slot:
    """One place to run a job; `number` counts from 1 over all workers of this home."""

    number: int
    directory: Path

    def place(self, worker_name: str, worker_number: int) -> Place:
        """What a job that runs here is told about it."""
        return Place(str(self.directory), f"{worker_name}-{self.number}", worker_number)


@contextmanager
def held(home: Path, how_many: int) -> Iterator[list[Slot]]:
    """The lowest slots that no other worker of this home holds, locked until the block ends.

    A lock ends with its process, however that ends; what its jobs have left in the slot, had they
    no time to tidy up, is removed. Raises Invalid when the home cannot be used.
    """
    root = home / "work"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        (root / "1").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Invalid(
            f"Jobs cannot work in {root}: {error.strerror}. Choose another --home, or let the user "
            "who runs the worker write there."
        ) from error
    locks: list[int] = []
    slots: list[Slot] = []
    try:
        for number in count(1):
            if len(slots) == how_many:
                break
            directory = root / str(number)
            directory.mkdir(mode=0o700, exist_ok=True)
            lock = _locked(directory.with_name(f"{number}{LOCK_NAME}"))
            if lock is not None:
                locks.append(lock)
                slots.append(Slot(number, directory))
                _clear(directory)
        yield slots
    finally:
        for lock in locks:
            os.close(lock)


def _clear(directory: Path) -> None:
    """Scripts, and secrets in them, that a worker left which was killed. Raises Invalid."""
    left = workspace.temporary(directory)
    try:
        workspace.clear(left)
    except OSError as error:
        raise Invalid(
            f"What an earlier worker left in {left} cannot be removed: {error.strerror}. Remove it."
        ) from error


def _locked(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
