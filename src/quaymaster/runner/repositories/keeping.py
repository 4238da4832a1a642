"""The folder of copies of repositories: one writer of a copy at a time, and none kept for nothing.

Beside each copy is the file that its writer has locked; when it was written last is when the copy
was used last.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

from quaymaster.runner.repositories.program import GitFailed
from quaymaster.runner.repositories.reach import Errand

KEPT_UNUSED = timedelta(days=30)
LOOK_SECONDS = 0.2  # between two looks whether a copy is free
# What a git that was killed leaves behind: parts of packs, and locks that nobody holds.
_LEFT_BEHIND = ("objects/pack/tmp_*", "*.lock", "refs/**/*.lock")


@contextmanager
def written(mirror: Path, errand: Errand | None) -> Iterator[None]:
    """Whoever else works with this copy, in this process or another, waits; what was left behind by
    one that was killed is removed.

    Raises GitFailed when nobody waits for the answer any more.
    """
    with _locked(mirror, errand) as lock:
        os.utime(lock.fileno())
        _clear(mirror)
        try:
            yield
        except BaseException:
            _clear(mirror)
            raise


def use(mirror: Path) -> None:
    """Say that a copy is still of use."""
    os.utime(_beside(mirror))


def remove_unused(folder: Path, unused: timedelta = KEPT_UNUSED) -> int:
    """Remove the copies that nobody used for so long; how many."""
    before = time.time() - unused.total_seconds()
    return sum(_removed(lock.with_suffix(""), before) for lock in folder.glob("*.lock"))


def _removed(mirror: Path, before: float) -> bool:
    """Whether the copy is gone; one that somebody works with is not."""
    try:
        lock = _beside(mirror).open("r+")
    except FileNotFoundError:
        return False  # another process has removed it
    with lock:
        if not _is_taken(lock, mirror) or os.fstat(lock.fileno()).st_mtime >= before:
            return False
        _remove(mirror)
        _beside(mirror).unlink()
    return True


def _remove(mirror: Path) -> None:
    """At once as far as anybody sees, also when this process is killed on the way."""
    gone = mirror.with_suffix(".gone")
    if gone.exists():
        shutil.rmtree(gone)
    if mirror.exists():
        shutil.rmtree(mirror.rename(gone))


@contextmanager
def _locked(mirror: Path, errand: Errand | None) -> Iterator[IO[str]]:
    while True:
        with _beside(mirror).open("a") as lock:
            if _is_taken(lock, mirror):
                yield lock
                return
            if errand is None:
                fcntl.flock(lock, fcntl.LOCK_EX)  # and then see whether it is still the file
            elif errand.is_left_within(LOOK_SECONDS):
                raise GitFailed("Its copy is being fetched for somebody else.")


def _is_taken(lock: IO[str], mirror: Path) -> bool:
    """Whether the copy is ours now. A file that was removed meanwhile locks nothing."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock.fileno()), _beside(mirror).stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _clear(mirror: Path) -> None:
    for pattern in _LEFT_BEHIND:
        for left in mirror.glob(pattern):
            with suppress(FileNotFoundError):  # the one who was ending removed it
                left.unlink()


def _beside(mirror: Path) -> Path:
    return mirror.with_suffix(".lock")
