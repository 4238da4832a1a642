"""Runs a section of an installed task with its handler (SEMANTICS 18.2, 18.5, 18.6, 18.11)."""

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from quaymaster.domain.variables import Handler
from quaymaster.protocol.job import Section
from quaymaster.runner.tasks.call import TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import TaskDefinition
from quaymaster.runner.tasks.installed import declaration, handlers, node
from quaymaster.runner.tasks.installed.declaration import Execution
from quaymaster.runner.tasks.installed.directory import InstalledTask


def definition_of(task: InstalledTask, section: Section, node_setting: str) -> TaskDefinition:
    """One section of an installed task, in the form in which the runner runs every task."""
    declared = task.declaration
    execution = handlers.chosen(declared.sections.get(section, ()))
    running = _Section(task, section, execution, node_setting)
    is_node = execution is None or handlers.is_node(execution)
    return TaskDefinition(
        id=declared.id,
        name=declared.name,
        title=declared.title,
        version=declared.version,
        inputs=declared.inputs,
        run=running.run,
        restricted=declared.restricted,
        settable_variables=declared.settable_variables,
        output_variables=declared.output_variables,
        handler=Handler.NODE if is_node else Handler.POWERSHELL3,
        check=running.check,
    )


@dataclass(frozen=True, slots=True)
class _Section:
    """A section of a task with the handler that was chosen for it."""

    task: InstalledTask
    section: Section
    execution: Execution | None
    node_setting: str

    async def check(self) -> None:
        """Raise TaskFailed unless this machine has what the section is run with."""
        await self._command()

    async def run(self, call: TaskCall) -> None:
        """Run it; the task itself says how it went, by a logging command."""
        command = await self._command()
        execution = self._chosen()
        if execution.handler.lower() in handlers.NEEDS_OLD_NODE:
            call.warn(
                f"{self._label()} was made for an old Node.js (its handler is "
                f"{execution.handler}); it runs with a newer one."
            )
        code = await call.execute(command, directory=self._directory(call, execution))
        if code:
            program = Path(command[0]).name
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise TaskFailed(f"{program} {how} while it ran {execution.target} of {self._label()}.")

    def _chosen(self) -> Execution:
        """The execution; TaskFailed when none is for this operating system."""
        if self.execution is not None:
            return self.execution
        executions = self.task.declaration.sections.get(self.section, ())
        offered = ", ".join(execution.handler for execution in executions) or "nothing"
        raise TaskFailed(
            f"{self._label()} cannot be run on {platform.system()}: it has no handler for it. What "
            f"it has is {offered}; here, tasks for Node, or PowerShell3 with pwsh, can be run."
        )

    async def _command(self) -> list[str]:
        execution = self._chosen()
        target = declaration.target_path(self.task.folder, execution)
        if target is None:
            raise TaskFailed(f"{self._label()}: {execution.target} is not there any more.")
        if handlers.is_node(execution):
            return [await node.find(self.node_setting), str(target)]
        return self._powershell(target)

    def _powershell(self, target: Path) -> list[str]:
        """As the published agent calls it, but through pwsh, which is there on every system."""
        pwsh = shutil.which("pwsh")
        if pwsh is None:
            raise TaskFailed(
                f"{self._label()} cannot be run on {platform.system()}: it has only a PowerShell "
                "handler, and pwsh was not found on this machine. Install PowerShell 7."
            )
        sdk = self.task.folder / "ps_modules" / "VstsTaskSdk" / "VstsTaskSdk.psd1"
        if not sdk.is_file():
            raise TaskFailed(f"{self._label()} cannot be run: it comes without {sdk.name}.")
        script = (
            f"Import-Module -Name {_quoted(str(sdk))} -ArgumentList @{{ NonInteractive = $true }} "
            "-ErrorAction Stop; $VerbosePreference = 'Continue'; $DebugPreference = 'Continue'; "
            f"Invoke-VstsTaskScript -ScriptBlock {{ . {_quoted(str(target))} }}"
        )
        return [pwsh, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script]

    def _directory(self, call: TaskCall, execution: Execution) -> str:
        """Node runs where its task asks for, else in the job's directory; PowerShell in its own."""
        if not handlers.is_node(execution):
            return str(self.task.folder)
        wanted = call.expand(declaration.working_directory(self.task.folder, execution))
        return str(Path(call.working_directory, wanted)) if wanted else call.working_directory

    def _label(self) -> str:
        return f"Task {self.task.declaration.name} {self.task.declaration.version}"


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"
