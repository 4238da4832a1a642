"""Real tasks for tests: their own scripts with the published task library, installed for real."""

import os
import shutil
import zipfile
from pathlib import Path

from quaymaster.runner.tasks.installed import installing
from quaymaster.runner.tasks.installed.directory import TaskDirectory
from tests.node_packages import node_modules

SOURCES = Path(__file__).parent / "node_tasks"
PUBLISH = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e01"
TOOLBOX = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e02"
SESSION = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e03"
CERTIFICATE = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e04"


def libraries() -> Path:
    """The published task library and what it needs."""
    return node_modules(SOURCES)


def built(source: str, modules: Path, place: Path) -> Path:
    """A task as its author would hand it over: its own files and all libraries."""
    shutil.copytree(SOURCES / source, place)
    shutil.copytree(modules, place / "node_modules", copy_function=os.link)
    return place


def install_all(directory: Path, modules: Path, building: Path) -> TaskDirectory:
    """All tasks of the tests, two of them packed as they come from a marketplace."""
    tasks = TaskDirectory(directory)
    installing.install(tasks, built("Publish", modules, building / "Publish"))
    extension = building / "extension"
    built("Toolbox", modules, extension / "ToolboxV1")
    built("Session", modules, extension / "Session")
    installing.install(tasks, packed(extension, building / "fabrikam.vsix"))
    return tasks


def packed(folder: Path, place: Path) -> Path:
    """Everything below a folder as a zip, without spending time on making it small."""
    with zipfile.ZipFile(place, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return place
