"""Command line (CmdLine@2): an inline script, run by bash without its start-up files."""

import shlex
from pathlib import Path

from quaymaster.runner.tasks.call import TaskCall
from quaymaster.runner.tasks.definition import Input, TaskDefinition
from quaymaster.runner.tasks.scripts import echo_script, find_program, run_script, write_script


async def run(task: TaskCall) -> None:
    """Run the script; a script that is the path of an existing file is executed itself."""
    script = task.inputs.text("script").replace("\r\n", "\n")
    echo_script(task, script)
    if _is_file(script):
        script = f"exec {shlex.quote(script)}"
    path = write_script(task, script, ".sh")
    bash = find_program(task, "bash")
    await run_script(task, [bash, "--noprofile", "--norc", path], name="Bash")


def _is_file(text: str) -> bool:
    if "\n" in text or "\0" in text or not text.startswith("/"):
        return False
    try:
        return Path(text).is_file()
    except OSError:
        return False  # too long to be a path


TASK = TaskDefinition(
    id="d9bafed4-0b18-4f58-968d-86655b4d2ce9",
    name="CmdLine",
    title="Command line",
    version="2.279.1",
    inputs=(
        Input("script", "multiLine", "echo Write your commands here\n\necho Hello world\n", True),
        Input("workingDirectory", "filePath"),
        Input("failOnStderr", "boolean", "false"),
    ),
    run=run,
)
