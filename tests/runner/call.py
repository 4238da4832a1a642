"""Runs the handler of a task by itself, without a host."""

import os
from pathlib import Path
from typing import Any

from quaymaster.runner.tasks import registry
from quaymaster.runner.tasks.call import Inputs, TaskCall
from quaymaster.runner.workspace import Workspace


async def no_process(command: list[str], **_options: Any) -> int:
    """Handlers under test start no process."""
    raise AssertionError(f"{command} should not be started")


async def handle(task_id: str, version: str, directory: Path, **inputs: str) -> list[str]:
    """Run a task in a directory; gives its lines and commands, raises what the handler raises."""
    definition = registry.find(task_id, version)
    values = {declared.name.lower(): declared.default for declared in definition.inputs}
    values |= {name.lower(): value for name, value in inputs.items()}
    lines: list[str] = []
    temp = directory.parent / "_temp"
    temp.mkdir(exist_ok=True)
    call = TaskCall(
        inputs=Inputs(values),
        workspace=Workspace(
            root=directory.parent,
            number=1,
            base=directory.parent,
            artifacts=directory,
            temp=temp,
            tools=temp,
        ),
        working_directory=str(directory),
        environment=dict(os.environ),
        log=lines.append,
        warn=lines.append,
        execute=no_process,
        command=lines.append,
    )
    await definition.run(call)
    return lines


def tree(directory: Path) -> list[str]:
    """Every file and link below, as sorted relative paths."""
    found = (entry for entry in directory.rglob("*") if entry.is_symlink() or entry.is_file())
    return sorted(str(entry.relative_to(directory)) for entry in found)


def plant(directory: Path, *names: str) -> Path:
    """Make these files, each holding its own name."""
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(name)
    return directory
