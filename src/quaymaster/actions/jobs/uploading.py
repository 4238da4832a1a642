"""What lies at a place of the worker's machine that a task uploads: regular files, and what is not.

A task decides what lies there, so nothing is opened that could block or never end.
"""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from quaymaster.domain.errors import Invalid
from quaymaster.store.builds.containers import LARGEST_FILE

BLOCK = 1024**2
MOST_NAMED = 5
KINDS = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


@dataclass(slots=True)
class Found:
    """The regular files with their paths below the place, and a few words on each other entry."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def warning(self, name: str) -> str:
        """What to tell of that which was left out of the artifact of this name; "" for nothing."""
        if not self.left_out:
            return ""
        named = ", ".join(self.left_out[:MOST_NAMED])
        more = ", …" if len(self.left_out) > MOST_NAMED else ""
        return (
            f"Only regular files are put into an artifact. Left out of {name}: "
            f"{len(self.left_out)} ({named}{more}). Copy what a link points to before it is "
            "published, or pack the folder into an archive."
        )


def found_at(place: Path) -> Found:
    """What there is at a place, in the order of names; links below it are not followed.

    Raises FileNotFoundError for a place that does not exist, OSError for one that cannot be read,
    Invalid for one that is neither a file nor a folder.
    """
    found, mode = Found(), place.stat().st_mode
    if stat.S_ISREG(mode):
        found.files.append((place, place.name))
    elif not stat.S_ISDIR(mode):
        raise Invalid(f"{place} is a {_kind(mode)}, neither a file nor a folder.")
    else:
        for folder, names, leaves in os.walk(place, onerror=_fail):
            names.sort()
            links = [name for name in names if (Path(folder) / name).is_symlink()]
            for entry in sorted([*links, *leaves]):
                _sort_in(found, place, Path(folder) / entry)
    return found


def _sort_in(found: Found, place: Path, entry: Path) -> None:
    mode, below = entry.lstat().st_mode, entry.relative_to(place).as_posix()
    if stat.S_ISREG(mode):
        found.files.append((entry, below))
    else:
        found.left_out.append(f"{below[:200]!r}, a {_kind(mode)}")


def _kind(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "special file")


def _fail(error: OSError) -> None:
    raise error


async def blocks(source: Path) -> AsyncIterator[bytes]:
    """The bytes of a file. Raises OSError, Invalid for what has become something else meanwhile."""
    file = await asyncio.to_thread(_opened, source)
    try:
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block
    finally:
        file.close()


def _opened(source: Path) -> BinaryIO:
    file = os.fdopen(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    there = os.fstat(file.fileno())
    if stat.S_ISREG(there.st_mode) and there.st_size <= LARGEST_FILE:
        return file
    file.close()
    if stat.S_ISREG(there.st_mode):
        raise Invalid(f"{source} has more than {LARGEST_FILE} bytes, the most of a file.")
    raise Invalid(f"{source} is not a regular file any more.")
