"""The directory of installed tasks: `<Name>_<id>/<version>/` with a task.json (SEMANTICS 18.1)."""

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quaymaster.domain.task_versions import exact, newest
from quaymaster.runner.tasks.installed import declaration
from quaymaster.runner.tasks.installed.declaration import Declaration, TaskRefused

_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class InstalledTask:
    """One version of a task in its folder."""

    folder: Path
    declaration: Declaration


class TaskDirectory:
    """The tasks installed on this machine; a directory that is not there holds none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def versions(self) -> dict[str, frozenset[str]]:
        """The versions of every task by its id in lower case, as the folders' names say."""
        found: dict[str, set[str]] = {}
        for task_id, version, _ in self._folders():
            found.setdefault(task_id, set()).add(version)
        return {task_id: frozenset(versions) for task_id, versions in found.items()}

    def names(self) -> dict[str, str]:
        """The id of every task by its name in lower case, as the folders' names say; a name that
        two tasks have means neither."""
        found: dict[str, set[str]] = {}
        for task_id, _, folder in self._folders():
            found.setdefault(folder.parent.name.rpartition("_")[0].lower(), set()).add(task_id)
        return {name: ids.pop() for name, ids in found.items() if len(ids) == 1}

    def find(self, task_id: str, version: str) -> InstalledTask | None:
        """The newest installed version that `2.*` or `2.1.3` allows; None when there is none.

        Raises TaskRefused when its folder does not hold what its name says.
        """
        own = {v: folder for known, v, folder in self._folders() if known == task_id.lower()}
        chosen = newest(version, own)
        return None if chosen is None else load(own[chosen])

    def has_exactly(self, task_id: str, version: str) -> bool:
        """Whether this very version, written in full, is installed."""
        numbers = exact(version)
        return numbers is not None and any(
            known == task_id.lower() and exact(v) == numbers for known, v, _ in self._folders()
        )

    def all(self) -> list[InstalledTask]:
        """Every installed version, by name and from old to new. Raises TaskRefused."""
        tasks = [load(folder) for _, _, folder in self._folders()]
        return sorted(tasks, key=_order)

    def _folders(self) -> Iterator[tuple[str, str, Path]]:
        """Id, version and folder of everything that is named like an installed task."""
        for outer in _entries(self.path):
            name, _, task_id = outer.name.rpartition("_")
            if not name or name.startswith("."):
                continue
            for inner in _entries(Path(outer.path)):
                if exact(inner.name):
                    yield task_id.lower(), inner.name, Path(inner.path)


def _order(task: InstalledTask) -> tuple[str, str, tuple[int, int, int]]:
    declared = task.declaration
    return declared.name.lower(), declared.id, exact(declared.version) or (0, 0, 0)


def _entries(path: Path) -> list["os.DirEntry[str]"]:
    """The real directories in a directory; none when it is not there."""
    try:
        with os.scandir(path) as found:
            return [entry for entry in found if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def load(folder: Path) -> InstalledTask:
    """The task in a folder of the directory. Raises TaskRefused when it is not what it is called.

    What was read is kept until its file changes: every job asks again.
    """
    path = folder / declaration.NAME
    try:
        state = path.stat()
    except OSError as error:
        raise TaskRefused(f"{path} cannot be read: {error.strerror}.") from error
    declared = _read(path, state.st_mtime_ns, state.st_size, state.st_ino)
    if declared.version != folder.name or not folder.parent.name.lower().endswith(declared.id):
        raise TaskRefused(
            f"{folder} holds {declared.name} {declared.version} ({declared.id}), which its name "
            "does not say. Remove the folder, and install the task with `quaymaster task install`."
        )
    return InstalledTask(folder, declared)


@functools.lru_cache(maxsize=_REMEMBERED)
def _read(path: Path, _changed: int, _size: int, _inode: int) -> Declaration:
    return declaration.read(path)
