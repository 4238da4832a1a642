"""Extract files (ExtractFiles@1): unpacks archives chosen by patterns into a directory."""

import asyncio
import os
import shutil
import uuid
from pathlib import Path

from quaymaster.runner.tasks import archives
from quaymaster.runner.tasks.call import TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import Input, TaskDefinition
from quaymaster.runner.tasks.patterns import matching
from quaymaster.runner.workspace import empty

_SEVEN_ZIP = ("7z", "7za", "7zr")


async def run(task: TaskCall) -> None:
    """Unpack each archive aside and move it into place, so that a refused one leaves nothing."""
    found = await task.in_thread(lambda: _find(task))
    target = Path(task.working_directory) / task.inputs.required("destinationFolder")
    task.log(f"Found {len(found)} archives.")
    if not found:
        raise TaskFailed("No archive matches the archiveFilePatterns.")
    await task.in_thread(lambda: _prepare(task, target, found))
    for archive in found:
        task.log(f"Extracting {archive} to {target}")
        await _extract(task, archive, target)


def _find(task: TaskCall) -> list[Path]:
    root = Path(task.working_directory).resolve()
    paths: list[str] = []
    for directory, names, files in os.walk(root):
        task.check()
        names.sort()
        paths += [str(Path(directory, name).relative_to(root)) for name in sorted(files)]
    chosen = matching(paths, task.inputs.lines("archiveFilePatterns"), task.working_directory)
    return [root / path for path in chosen]


def _prepare(task: TaskCall, target: Path, found: list[Path]) -> None:
    if not task.inputs.flag("cleanDestinationFolder"):
        target.mkdir(parents=True, exist_ok=True)
        return
    for archive in found:
        if archive.is_relative_to(target.resolve()):
            raise TaskFailed(
                f"{target} cannot be cleaned: it holds the archive {archive}. Choose another "
                "destinationFolder, or set cleanDestinationFolder to false."
            )
    empty(target)


async def _extract(task: TaskCall, archive: Path, target: Path) -> None:
    aside = target / f".extracting-{uuid.uuid4().hex}"
    aside.mkdir(parents=True)
    try:
        if archive.name.lower().endswith(".7z"):
            await _seven_zip(task, archive, aside)
        elif archive.name.lower().endswith((*archives.TAR_ENDINGS, *archives.ZIP_ENDINGS)):
            count = await task.in_thread(lambda: archives.unpack(archive, aside, task.check))
            task.log(f"{count} files.")
        else:
            raise TaskFailed(f"{archive.name}: archives of this kind cannot be unpacked.")
        overwrite = task.inputs.flag("overwriteExistingFiles")
        await task.in_thread(lambda: _move(aside, target, overwrite=overwrite))
    except archives.ArchiveRefused as error:
        raise TaskFailed(str(error)) from error
    finally:
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)


async def _seven_zip(task: TaskCall, archive: Path, aside: Path) -> None:
    """Use the 7-Zip of this machine; what it wrote must not lead out of the directory."""
    chosen = task.inputs.text("pathToSevenZipTool")
    search = task.environment.get("PATH", os.defpath)
    tool = chosen or next(filter(None, (shutil.which(n, path=search) for n in _SEVEN_ZIP)), None)
    if not tool:
        raise TaskFailed(f"{archive.name}: no 7-Zip (7z, 7za or 7zr) was found on this machine.")
    command = [tool, "x", "-y", f"-o{aside}", "--", str(archive)]
    if code := await task.execute(command, directory=str(aside)):
        raise TaskFailed(f"{tool} exited with code '{code}'.")
    await task.in_thread(lambda: _refuse_links_outside(archive, aside))


def _refuse_links_outside(archive: Path, aside: Path) -> None:
    for directory, names, files in os.walk(aside):
        for name in [*names, *files]:
            path = Path(directory, name)
            if path.is_symlink() and not path.resolve().is_relative_to(aside.resolve()):
                raise TaskFailed(f"{archive.name} was refused: the link {name!r} leads out of it.")


def _move(aside: Path, target: Path, *, overwrite: bool) -> None:
    """Move every file into place; a file that is there fails the task unless it may be replaced."""
    for directory, names, files in os.walk(aside):
        relative = Path(directory).relative_to(aside)
        links = [name for name in names if Path(directory, name).is_symlink()]
        (target / relative).mkdir(parents=True, exist_ok=True)
        for name in [*files, *links]:
            place = target / relative / name
            if os.path.lexists(place) and not overwrite:
                raise TaskFailed(
                    f"{place} exists already; set overwriteExistingFiles to replace such files."
                )
            Path(directory, name).replace(place)


TASK = TaskDefinition(
    id="5e1e3830-fbfb-11e5-aab1-090c92bc4988",
    name="ExtractFiles",
    title="Extract files",
    version="1.274.0",
    inputs=(
        Input("archiveFilePatterns", "multiLine", "**/*.zip", required=True),
        Input("destinationFolder", "filePath", required=True),
        Input("cleanDestinationFolder", "boolean", "true", required=True),
        Input("overwriteExistingFiles", "boolean", "false", required=True),
        Input("pathToSevenZipTool"),
    ),
    run=run,
    restricted=True,
    settable_variables=(),
)
