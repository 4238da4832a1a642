"""Real tasks for tests: their own scripts with the published task library, installed for real."""

import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from quaymaster.runner.tasks.installed import installing
from quaymaster.runner.tasks.installed.directory import TaskDirectory

SOURCES = Path(__file__).parent / "node_tasks"
PUBLISH = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e01"
TOOLBOX = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e02"
SESSION = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e03"
CERTIFICATE = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e04"


def libraries(cache: pytest.Cache) -> Path:
    """The node_modules that the lock file names, fetched from the registry once."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Tasks for Node.js can be tested where node and npm are installed only.")
    lock = (SOURCES / "package-lock.json").read_bytes()
    place = cache.mkdir("node_tasks") / hashlib.sha256(lock).hexdigest()[:16]
    if not place.is_dir():
        fetched = Path(f"{place}.{os.getpid()}")
        fetched.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCES / name, fetched)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ended = subprocess.run(command, cwd=fetched, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        try:
            fetched.rename(place)
        except OSError:  # somebody else was quicker
            shutil.rmtree(fetched)
    return place / "node_modules"


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
