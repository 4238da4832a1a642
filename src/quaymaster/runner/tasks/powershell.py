"""PowerShell (PowerShell@2): an inline script or a script file, run by pwsh."""

from quaymaster.runner.tasks.call import TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import Input, TaskDefinition
from quaymaster.runner.tasks.scripts import (
    echo_script,
    existing_file,
    find_program,
    run_script,
    script_inputs,
    write_script,
)

_PREFERENCES = {
    "errorActionPreference": "ErrorActionPreference",
    "warningPreference": "WarningPreference",
    "informationPreference": "InformationPreference",
    "verbosePreference": "VerbosePreference",
    "debugPreference": "DebugPreference",
    "progressPreference": "ProgressPreference",
}
_CHOICES = {"stop", "continue", "silentlycontinue"}


async def run(task: TaskCall) -> None:
    """Run the script with the chosen preferences; a failed native command fails it at the end."""
    pwsh = find_program(task, "pwsh")
    if task.inputs.text("targetType").lower() == "inline":
        body = task.inputs.text("script")
    elif _is_of_version_1(task):
        body = task.inputs.text("inlineScript")
    else:
        body = f"{_call(task)} {_script_file(task)} {task.inputs.text('arguments')}".rstrip()
    echo_script(task, body)
    path = write_script(
        task, "\ufeff" + "\n".join([*_preamble(task), body, *_ending(task)]), ".ps1"
    )
    command = [pwsh, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", f". {_quoted(path)}"]
    await run_script(task, command, name="PowerShell")


def _is_of_version_1(task: TaskCall) -> bool:
    """Whether the script came as version 1 took it; steps of version `*` still hold such inputs.

    A path input that nobody set names the working directory, so an unset file is none of ours.
    """
    names_script = task.inputs.text("filePath").lower().endswith(".ps1")
    return bool(task.inputs.text("inlineScript")) and not names_script


def _call(task: TaskCall) -> str:
    return "&" if task.inputs.flag("runScriptInSeparateScope") else "."


def _script_file(task: TaskCall) -> str:
    """The script file as a PowerShell string; TaskFailed when it is not a .ps1 file."""
    path = existing_file(task, "filePath")
    if not path.lower().endswith(".ps1"):
        raise TaskFailed(f"Invalid file path '{path}': input filePath must name a .ps1 file.")
    return _quoted(path)


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"


def _preamble(task: TaskCall) -> list[str]:
    chosen = {variable: task.inputs.text(name) for name, variable in _PREFERENCES.items()}
    return [
        f"${variable} = '{value}'"
        for variable, value in chosen.items()
        if value.lower() in _CHOICES
    ]


def _ending(task: TaskCall) -> list[str]:
    if task.inputs.flag("ignoreLASTEXITCODE"):
        return []
    return [
        "if (!(Test-Path -LiteralPath variable:\\LASTEXITCODE)) { }",
        "else { exit $LASTEXITCODE }",
    ]


TASK = TaskDefinition(
    id="e213ff0f-5d5c-4791-802d-52ea3e7be1f1",
    name="PowerShell",
    title="PowerShell",
    version="2.279.0",
    inputs=(
        *script_inputs('# Write your PowerShell commands here.\n\nWrite-Host "Hello World"\n'),
        Input("errorActionPreference", "pickList", "stop"),
        Input("warningPreference", "pickList", "default"),
        Input("informationPreference", "pickList", "default"),
        Input("verbosePreference", "pickList", "default"),
        Input("debugPreference", "pickList", "default"),
        Input("progressPreference", "pickList", "silentlyContinue"),
        Input("failOnStderr", "boolean", "false"),
        Input("showWarnings", "boolean", "false"),
        Input("ignoreLASTEXITCODE", "boolean", "false"),
        Input("pwsh", "boolean", "false"),
        Input("workingDirectory", "filePath"),
        Input("runScriptInSeparateScope", "boolean", "false"),
    ),
    run=run,
)
