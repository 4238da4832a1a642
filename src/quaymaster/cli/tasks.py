"""Commands that install tasks on this machine, list them and remove them."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from quaymaster.cli import options
from quaymaster.cli.options import Home
from quaymaster.cli.printing import say, show_table
from quaymaster.runner.tasks.installed import handlers, installing
from quaymaster.runner.tasks.installed.declaration import Declaration, TaskRefused
from quaymaster.runner.tasks.installed.directory import TaskDirectory


def install(
    source: Annotated[
        Path, Parameter(help="A folder with a task.json, a .zip of one, or an extension (.vsix).")
    ],
    *,
    home: Home = None,
) -> None:
    """Install a task; versions stand side by side, and the ones that are there stay."""
    directory = _directory(home)
    for installed in installing.install(directory, source):
        declared = installed.task.declaration
        say(f"Installed {declared.name} {declared.version} ({declared.id}).")
        for note in installed.notes:
            say(f"  {note}")


def show(*, home: Home = None) -> None:
    """List what is installed."""
    directory = _directory(home)
    tasks = directory.all()
    if not tasks:
        say(f"No task is installed in {directory.path}.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("name", "version", "id", "runs with"):
        table.add_column(title, no_wrap=True)
    declarations = (task.declaration for task in tasks)
    rows = ((one.name, one.version, one.id, _runs_with(one)) for one in declarations)
    show_table(table, rows, soft_wrap=True)


def remove(
    task: Annotated[str, Parameter(help="The task's name or id.")],
    version: Annotated[
        str | None, Parameter(help="Which one, as 2.1.3; may be left out if there is only one.")
    ] = None,
    *,
    home: Home = None,
) -> None:
    """Remove one version of a task."""
    directory = _directory(home)
    found = installing.matching(directory, task, version)
    label = f"{task} {version}" if version else task
    if not found:
        raise TaskRefused(
            f"No task {label} is installed in {directory.path}; see `quaymaster task list`."
        )
    if len(found) > 1:
        there = ", ".join(f"{t.declaration.id} {t.declaration.version}" for t in found)
        raise TaskRefused(f"There are several of {label}: {there}. Name the id and the version.")
    installing.remove(directory, found[0])
    say(f"Removed {found[0].declaration.name} {found[0].declaration.version}.")


def _directory(home: Home) -> TaskDirectory:
    return TaskDirectory(options.settings(home).tasks_directory)


def _runs_with(declared: Declaration) -> str:
    """The handler of each section, as this machine chooses it."""
    chosen = (handlers.chosen(executions) for executions in declared.sections.values())
    names = [execution.handler if execution else "nothing here" for execution in chosen]
    return ", ".join(dict.fromkeys(names))
