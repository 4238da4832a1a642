"""Puts tasks into the directory of installed ones, and takes them out (RELIABILITY R-10, R-11)."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from quaymaster.domain.task_versions import exact
from quaymaster.runner.tasks import archives
from quaymaster.runner.tasks.archives import ArchiveRefused, Limits
from quaymaster.runner.tasks.installed import declaration, handlers
from quaymaster.runner.tasks.installed.declaration import Declaration, TaskRefused
from quaymaster.runner.tasks.installed.directory import InstalledTask, TaskDirectory
from quaymaster.runner.workspace import empty

LIMITS = Limits(bytes=1024**3, entries=50_000, links=False)
DEEPEST = 3  # folders above a task.json: an extension holds <task>/<version>/task.json
_ASIDE = ".new-"
_LOCK = ".lock"
_LIBRARIES = "node_modules"


@dataclass(frozen=True, slots=True)
class Installed:
    """What was installed, and a sentence about each thing that will not work here."""

    task: InstalledTask
    notes: tuple[str, ...]


def install(directory: TaskDirectory, source: Path) -> list[Installed]:
    """Install the task in a folder or archive, or every task of an extension (a .vsix file).

    All are checked before the first is put in its place; what is refused leaves nothing behind.
    Of an extension what is not there yet is installed: an installation that was killed can be done
    again. Raises TaskRefused.
    """
    with _aside(directory) as aside:
        _fetch(source, aside)
        found = _tasks_in(source, aside)
        for folder, declared in found:
            _check_targets(folder, declared)
        new = [one for one in found if not directory.has_exactly(one[1].id, one[1].version)]
        if not new:
            raise _there_already(found[0][1])
        return [_put(directory, folder, declared) for folder, declared in new]


def remove(directory: TaskDirectory, task: InstalledTask) -> None:
    """Take one version out; a job that runs it right now may fail for it."""
    with _aside(directory) as aside:
        task.folder.rename(aside / "removed")
        if not any(task.folder.parent.iterdir()):
            task.folder.parent.rmdir()


@contextmanager
def _aside(directory: TaskDirectory) -> Iterator[Path]:
    """A fresh folder beside the tasks, gone afterwards. One at a time: what else there is of the
    kind was left by a process that was killed, and goes as well. Raises TaskRefused."""
    try:
        directory.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TaskRefused(
            f"{directory.path} cannot be written to: {error.strerror}. QUAYMASTER_TASKS_DIR names "
            "another directory."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in directory.path.glob(f"{_ASIDE}*"):
            _discard(left)
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=directory.path))
        try:
            yield aside
        finally:
            _discard(aside)
    finally:
        os.close(descriptor)


def _discard(folder: Path) -> None:
    empty(folder)
    folder.rmdir()


def _fetch(source: Path, aside: Path) -> None:
    """Bring everything of the source into an empty folder."""
    try:
        if source.is_dir():
            _Copying(source).run(aside)
        elif source.is_file():
            archives.unpack(source, aside, _go_on, LIMITS)
        else:
            raise TaskRefused(f"There is no folder and no archive {source}.")
    except ArchiveRefused as error:
        raise TaskRefused(str(error)) from error
    except OSError as error:
        raise TaskRefused(f"{source} cannot be read: {error}") from error


def _go_on() -> None:
    """Nothing stops an installation but its end."""


class _Copying:
    """Copies a folder within the limits; links in it become the files that they lead to."""

    def __init__(self, source: Path) -> None:
        self._source = source.resolve()
        self._entries = 0
        self._bytes = 0

    def run(self, target: Path) -> None:
        for above, folders, files in os.walk(self._source, onerror=_unreadable):
            here = target / Path(above).relative_to(self._source)
            for name in folders:
                if (Path(above) / name).is_symlink():
                    raise self._refused(f"{Path(above, name)} is a link to a folder")
                (here / name).mkdir()
            for name in files:
                self._copy(Path(above, name), here / name)

    def _copy(self, file: Path, place: Path) -> None:
        if not file.resolve().is_relative_to(self._source):
            raise self._refused(f"the link {file} leads out of it")
        if not file.is_file():
            raise self._refused(f"{file} is not a file")
        self._entries += 1
        self._bytes += file.stat().st_size
        if self._entries > LIMITS.entries or self._bytes > LIMITS.bytes:
            raise self._refused(
                f"it holds more than {LIMITS.entries} files or {LIMITS.bytes} bytes"
            )
        shutil.copy2(file, place)

    def _refused(self, reason: str) -> TaskRefused:
        return TaskRefused(f"{self._source} was refused: {reason}.")


def _unreadable(error: OSError) -> None:
    raise error


def _tasks_in(source: Path, root: Path) -> list[tuple[Path, Declaration]]:
    """The folders with a task.json; below such a folder nothing more is looked for."""
    found = []
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if (folder / declaration.NAME).is_file():
            found.append((folder, _declared(source, root, folder)))
        elif depth < DEEPEST:
            inside = (entry for entry in folder.iterdir() if entry.is_dir())
            waiting += [(entry, depth + 1) for entry in inside if entry.name != _LIBRARIES]
    if not found:
        raise TaskRefused(
            f"{source} holds no {declaration.NAME}, neither at its top nor in the folders there: "
            "it is no task."
        )
    names = [(declared.id, declared.version) for _, declared in found]
    if len(set(names)) < len(names):
        raise TaskRefused(f"{source} holds the same version of a task twice.")
    return sorted(found, key=lambda task: (task[1].name.lower(), task[1].version))


def _declared(source: Path, root: Path, folder: Path) -> Declaration:
    try:
        return declaration.read(folder / declaration.NAME)
    except TaskRefused as error:
        raise TaskRefused(str(error).replace(str(root), str(source))) from error


def _check_targets(folder: Path, declared: Declaration) -> None:
    """What is to be run must be there, and inside of the task's own folder."""
    for section, executions in declared.sections.items():
        for execution in executions:
            known = handlers.is_node(execution) or execution.handler.lower() == handlers.POWERSHELL
            if known and declaration.target_path(folder, execution) is None:
                raise TaskRefused(
                    f"{declared.name} {declared.version} cannot be installed: its {section} "
                    f"section runs {execution.target!r} with {execution.handler}, and there is no "
                    "such file in its folder. Was it built?"
                )


def _there_already(declared: Declaration) -> TaskRefused:
    return TaskRefused(
        f"{declared.name} {declared.version} is installed already. To replace it, first run "
        f"`quaymaster task remove {declared.id} {declared.version}`."
    )


def _put(directory: TaskDirectory, folder: Path, declared: Declaration) -> Installed:
    """Move it into its place, whole or not at all."""
    place = directory.path / f"{declared.name}_{declared.id}" / declared.version
    place.parent.mkdir(exist_ok=True)
    folder.chmod(0o755)
    folder.rename(place)
    return Installed(InstalledTask(place, declared), tuple(_notes(declared)))


def _notes(declared: Declaration) -> Iterator[str]:
    for section, executions in declared.sections.items():
        if handlers.chosen(executions) is None:
            offered = ", ".join(execution.handler for execution in executions)
            yield f"Its {section} section cannot be run here: it is made for {offered}."


def matching(directory: TaskDirectory, task: str, version: str | None) -> list[InstalledTask]:
    """The installed versions of a task, named or given by its id; only one if `version` says so."""
    wanted = exact(version) if version else None
    if version and wanted is None:
        raise TaskRefused(f"{version!r} is no version; write all three numbers, such as 2.1.3.")
    return [
        found
        for found in directory.all()
        if task.lower() in (found.declaration.id, found.declaration.name.lower())
        and wanted in (None, exact(found.declaration.version))
    ]
