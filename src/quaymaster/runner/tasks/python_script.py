"""Python script (PythonScript@0): an inline script or a file, run by the chosen interpreter."""

from quaymaster.runner.tasks.call import TaskCall
from quaymaster.runner.tasks.definition import Input, TaskDefinition
from quaymaster.runner.tasks.scripts import (
    existing_file,
    find_program,
    run_script,
    split_arguments,
    write_script,
)


async def run(task: TaskCall) -> None:
    """Run the script with `pythonInterpreter`, else with the first Python of the PATH."""
    if task.inputs.text("scriptSource").lower() == "inline":
        path = write_script(task, task.inputs.required("script"), ".py")
    else:
        path = existing_file(task, "scriptPath")
    chosen = task.inputs.text("pythonInterpreter")
    interpreter = find_program(task, chosen) if chosen else find_program(task, "python", "python3")
    arguments = split_arguments(task.inputs.text("arguments"))
    await run_script(task, [interpreter, path, *arguments], name="Python")


_FILE = ("scriptSource", "filePath")

TASK = TaskDefinition(
    id="6392f95f-7e76-4a18-b3c7-7f078d2f7700",
    name="PythonScript",
    title="Python script",
    version="0.274.1",
    inputs=(
        Input("scriptSource", "radio", "filePath", required=True),
        Input("scriptPath", "filePath", required=True, shown_when=_FILE),
        Input("script", "multiLine", required=True, shown_when=("scriptSource", "inline")),
        Input("arguments"),
        Input("pythonInterpreter"),
        Input("workingDirectory", "filePath"),
        Input("failOnStderr", "boolean", "false"),
    ),
    run=run,
)
