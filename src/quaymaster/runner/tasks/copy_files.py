"""Copy files (CopyFiles@2): copies what patterns choose from one directory into another."""

import asyncio
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from quaymaster.domain.numbers import digits
from quaymaster.runner.tasks.call import TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import Input, TaskDefinition
from quaymaster.runner.tasks.patterns import matching
from quaymaster.runner.workspace import empty


@dataclass(frozen=True, slots=True)
class _Copy:
    """What the inputs ask for."""

    source: Path
    target: Path
    overwrite: bool
    flatten: bool
    keep_times: bool
    retries: int
    delay_seconds: float


async def run(task: TaskCall) -> None:
    """Find, choose and copy; existing files are kept unless OverWrite is true."""
    copy = _read(task)
    loop = asyncio.get_running_loop()
    await task.in_thread(lambda: _copy_all(task, copy, loop))


def _read(task: TaskCall) -> _Copy:
    source = Path(task.inputs.text("SourceFolder") or task.working_directory)
    if not source.is_dir():
        raise TaskFailed(f"Not found SourceFolder: {source}")
    target = Path(task.inputs.required("TargetFolder"))
    return _Copy(
        source=source.resolve(),
        target=Path(task.working_directory) / target,
        overwrite=task.inputs.flag("OverWrite"),
        flatten=task.inputs.flag("flattenFolders"),
        keep_times=task.inputs.flag("preserveTimestamp"),
        retries=_number(task, "retryCount"),
        delay_seconds=_number(task, "delayBetweenRetries") / 1000,
    )


def _number(task: TaskCall, name: str) -> int:
    text = task.inputs.text(name) or "0"
    number = digits(text, 7)
    if number is None:
        raise TaskFailed(f"{name} is '{text[:40]}'; it must be a whole number.")
    return number


def _copy_all(task: TaskCall, copy: _Copy, loop: asyncio.AbstractEventLoop) -> None:
    patterns = task.inputs.lines("Contents")
    chosen = matching(_files_below(task, copy.source, loop), patterns, str(copy.source))
    task.log_from_thread(loop, f"found {len(chosen)} files")
    _make_target(task, copy.target)
    for relative in chosen:
        task.check()
        _copy_one(task, copy, relative, loop)


def _make_target(task: TaskCall, target: Path) -> None:
    try:
        if task.inputs.flag("CleanTargetFolder") and target.exists():
            empty(target)
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if not task.inputs.flag("ignoreMakeDirErrors"):
            raise TaskFailed(f"The directory {target} cannot be made: {error.strerror}.") from error


def _files_below(task: TaskCall, source: Path, loop: asyncio.AbstractEventLoop) -> list[str]:
    """Every file below the source, sorted; links are followed only while they stay inside."""
    found: list[str] = []
    for directory, names, files in os.walk(source):
        task.check()
        names.sort()
        for name in sorted([*files, *(n for n in names if _is_link(directory, n))]):
            path = Path(directory, name)
            if path.is_symlink() and not path.resolve().is_relative_to(source):
                text = f"##[warning]{path} is a link that leads out of {source}; not copied."
                task.log_from_thread(loop, text)
            elif path.is_file():
                found.append(str(path.relative_to(source)))
    return found


def _is_link(directory: str, name: str) -> bool:
    return os.path.islink(os.path.join(directory, name))  # noqa: PTH114, PTH118 - called per file


def _copy_one(task: TaskCall, copy: _Copy, relative: str, loop: asyncio.AbstractEventLoop) -> None:
    source = copy.source / relative
    target = copy.target / (Path(relative).name if copy.flatten else relative)
    if target.is_file() and not copy.overwrite:
        task.log_from_thread(loop, f"File {source} already exist at {target}")
        return
    task.log_from_thread(loop, f"Copying {source} to {target}")
    for attempt in range(copy.retries + 1):
        try:
            _write(source, target, keep_times=copy.keep_times)
        except OSError as error:
            if attempt == copy.retries:
                raise TaskFailed(
                    f"{source} cannot be copied to {target}: {error.strerror}."
                ) from error
            task.log_from_thread(loop, f"##[warning]{error.strerror}; trying again.")
            task.stopped.wait(copy.delay_seconds)
            task.check()
        else:
            return


def _write(source: Path, target: Path, *, keep_times: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()  # the copy replaces the link; it is not written through it
    shutil.copyfile(source, target)
    shutil.copymode(source, target)
    if keep_times:
        shutil.copystat(source, target)
    else:
        now = time.time()
        os.utime(target, (now, now))


TASK = TaskDefinition(
    id="5bfb729a-a7c8-4a78-a7c3-8d717bb7c13c",
    name="CopyFiles",
    title="Copy files",
    version="2.276.0",
    inputs=(
        Input("SourceFolder", "filePath"),
        Input("Contents", "multiLine", "**", required=True),
        Input("TargetFolder", required=True),
        Input("CleanTargetFolder", "boolean", "false"),
        Input("OverWrite", "boolean", "false"),
        Input("flattenFolders", "boolean", "false"),
        Input("preserveTimestamp", "boolean", "false"),
        Input("retryCount", "string", "0"),
        Input("delayBetweenRetries", "string", "1000"),
        Input("ignoreMakeDirErrors", "boolean", "false"),
    ),
    run=run,
    restricted=True,
    settable_variables=(),
)
