"""The directories of a job below its slot's work directory (SEMANTICS 17.5, 17.6, 23.11)."""

import itertools
import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SMALL = 50
TEMP = "_temp"
_REMEMBERED = "workspaces.json"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where one job works: `artifacts` is what its tasks see as their default directory."""

    root: Path
    number: int
    base: Path
    artifacts: Path
    temp: Path
    tools: Path

    def prepare(self) -> None:
        """Make every directory, and empty the temporary one (SEMANTICS 18.14)."""
        empty(self.temp)
        self.temp.chmod(0o700)
        for directory in (self.artifacts, self.tools, *self._of_a_build()):
            directory.mkdir(parents=True, exist_ok=True)

    def _of_a_build(self) -> tuple[Path, ...]:
        """Where a build stages artifacts, binaries and test results (SEMANTICS 23.11)."""
        if self.artifacts.name != "s":
            return ()
        return *self.staging, self.binaries

    @property
    def binaries(self) -> Path:
        """What builds make for themselves; the next one finds it."""
        return self.base / "b"

    @property
    def staging(self) -> tuple[Path, ...]:
        """Where the files of one build are gathered, which the next one does not find."""
        return self.base / "a", self.base / "TestResults"


def choose(work_directory: str, key: str, host_type: Literal["release", "build"]) -> Workspace:
    """The workspace of this definition in this slot: a number given once and remembered."""
    root = Path(work_directory).resolve()
    root.mkdir(parents=True, exist_ok=True)
    number = _number(root / _REMEMBERED, f"{host_type}:{key}")
    base = root / (f"r{number}" if host_type == "release" else str(number))
    return Workspace(
        root=root,
        number=number,
        base=base,
        artifacts=base / ("a" if host_type == "release" else "s"),
        temp=root / TEMP,
        tools=root / "_tool",
    )


def _number(remembered: Path, key: str) -> int:
    numbers = _read(remembered)
    if key not in numbers:
        numbers[key] = max(numbers.values(), default=0) + 1
        fresh = remembered.with_suffix(".new")
        fresh.write_text(json.dumps(numbers, indent=1))
        fresh.replace(remembered)
    return numbers[key]


def _read(remembered: Path) -> dict[str, int]:
    """What was remembered; a file that cannot be read is begun anew, above every directory."""
    try:
        numbers = json.loads(remembered.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        numbers = None
    if isinstance(numbers, dict) and all(isinstance(n, int) for n in numbers.values()):
        return numbers
    taken = [
        int(name)
        for entry in remembered.parent.iterdir()
        if (name := entry.name.strip("r")).isdigit()
    ]
    return {"(lost)": max(taken, default=0)}


def temporary(work_directory: str | Path) -> Path:
    """Where the jobs of a slot keep what only they need, such as scripts with secrets in them."""
    return Path(work_directory).resolve() / TEMP


def is_small(directory: Path) -> bool:
    """Whether emptying it takes no time worth mentioning: a few files and no directory."""
    if not directory.is_dir():
        return True
    with os.scandir(directory) as entries:
        first = list(itertools.islice(entries, SMALL))
    return len(first) < SMALL and not any(e.is_dir(follow_symlinks=False) for e in first)


def clear(directory: Path) -> None:
    """Empty the directory if it is there; what is not there is not made."""
    if directory.is_dir():
        empty(directory)


def empty(directory: Path) -> None:
    """Make the directory be there with nothing in it; links in it are removed, not followed."""
    if directory.is_symlink() or directory.is_file():
        directory.unlink()
    directory.mkdir(parents=True, exist_ok=True)
    for entry in directory.iterdir():
        if entry.is_symlink() or not entry.is_dir():
            entry.unlink()
        else:
            _remove_tree(entry)


def _remove_tree(directory: Path) -> None:
    """Remove it with all that is below, also what a task has left without write permission."""
    try:
        shutil.rmtree(directory)
    except PermissionError:
        waiting = [directory]
        while waiting:
            current = waiting.pop()
            current.chmod(stat.S_IRWXU)
            waiting += [e for e in current.iterdir() if e.is_dir() and not e.is_symlink()]
        shutil.rmtree(directory)
