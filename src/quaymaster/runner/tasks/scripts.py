"""What the script tasks share: the script's file, its echo in the log, and its exit code."""

import os
import shlex
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from quaymaster.runner.tasks.call import TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import Input

_FROM_FILE = ("targetType", "filePath")
_RULE = "========================== Starting Command Output ==========================="


def script_inputs(example: str) -> tuple[Input, ...]:
    """The inputs by which a task takes an inline script or a script file with arguments."""
    return (
        Input("targetType", "radio", "filePath"),
        Input("filePath", "filePath", required=True, shown_when=_FROM_FILE),
        Input("arguments", shown_when=_FROM_FILE),
        Input("script", "multiLine", example, required=True, shown_when=("targetType", "inline")),
    )


def write_script(task: TaskCall, text: str, suffix: str) -> str:
    """Write a script into the job's temporary directory, readable by its user only."""
    path = str(task.workspace.temp / f"{uuid.uuid4()}{suffix}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
    with open(descriptor, "w", encoding="utf-8", errors="surrogatepass", newline="") as script:  # noqa: PTH123 - a descriptor
        script.write(text)
    return path


def echo_script(task: TaskCall, text: str) -> None:
    """Show what is about to run; a script of several lines is not repeated in the log."""
    task.log("Generating script.")
    shown = text.strip()
    if shown and "\n" not in shown:
        task.log("Script contents:")
        task.log(shown)
    task.log(_RULE)


def find_program(task: TaskCall, *names: str) -> str:
    """The path of the first of these programs that the task's PATH holds, or TaskFailed."""
    search = task.environment.get("PATH", os.defpath)
    for name in names:
        if found := shutil.which(name, path=search):
            return found
    raise TaskFailed(
        f"{names[0]} was not found on this machine (PATH is {search}). "
        "Install it, or run this task on a machine that has it."
    )


def existing_file(task: TaskCall, name: str) -> str:
    """The input as the path of a file that exists, or TaskFailed."""
    path = task.inputs.required(name)
    if not Path(path).is_file():
        raise TaskFailed(f"Invalid file path '{path}': input {name} must name an existing file.")
    return path


def split_arguments(text: str) -> list[str]:
    """The arguments of an input line: blanks separate, quotes keep together."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise TaskFailed(f"The arguments cannot be read: {error}.") from error


async def run_script(
    task: TaskCall, command: list[str], *, name: str, environment: Mapping[str, str] | None = None
) -> None:
    """Run a script in the workingDirectory input; TaskFailed for an exit code other than 0."""
    task.log(f"[command]{shlex.join(command)}")
    code = await task.execute(
        command,
        directory=task.inputs.text("workingDirectory") or task.working_directory,
        environment=environment,
        errors_fail=task.inputs.flag("failOnStderr"),
    )
    if code < 0:
        raise TaskFailed(f"{name} was ended by signal {-code}: it, or its parent, was killed.")
    if code:
        raise TaskFailed(f"{name} exited with code '{code}'.")
