"""Bash (Bash@3): an inline script or a script file, run by bash."""

import shlex

from quaymaster.runner.tasks.call import TaskCall
from quaymaster.runner.tasks.definition import Input, TaskDefinition
from quaymaster.runner.tasks.scripts import (
    echo_script,
    existing_file,
    find_program,
    run_script,
    script_inputs,
    write_script,
)


async def run(task: TaskCall) -> None:
    """Run the inline script, or the file with its arguments (SEMANTICS 18.13)."""
    if task.inputs.text("targetType").lower() == "inline":
        script = task.inputs.text("script").replace("\r\n", "\n")
    else:
        path = shlex.quote(existing_file(task, "filePath"))
        script = f"exec bash {path} {task.inputs.text('arguments')}".rstrip()
    echo_script(task, script)
    file = write_script(task, script, ".sh")
    environment = {"BASH_ENV": value} if (value := task.inputs.text("bashEnvValue")) else None
    await run_script(task, [find_program(task, "bash"), file], name="Bash", environment=environment)


TASK = TaskDefinition(
    id="6c731c3c-3c68-459a-a5c9-bde6e6595b5b",
    name="Bash",
    title="Bash",
    version="3.278.0",
    inputs=(
        *script_inputs("# Write your commands here\n\necho 'Hello world'\n"),
        Input("workingDirectory", "filePath"),
        Input("failOnStderr", "boolean", "false"),
        Input("bashEnvValue"),
    ),
    run=run,
)
