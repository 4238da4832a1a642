"""With what a section of an installed task is started, and why it cannot be (SEMANTICS 18.2)."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from quaymaster.domain.variables import Handler
from quaymaster.runner.tasks.call import Inputs, TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import TaskDefinition
from quaymaster.runner.tasks.installed import installing
from quaymaster.runner.tasks.installed.directory import TaskDirectory
from quaymaster.runner.tasks.installed.running import definition_of
from quaymaster.runner.workspace import Workspace

ID = "8a0b9f2c-4d1e-4b6f-8c7d-0123456789ab"


@dataclass
class Started:
    """Takes what a handler would start, and ends it with an exit code."""

    code: int = 0
    commands: list[tuple[list[str], str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    async def execute(
        self,
        command: list[str],
        *,
        directory: str,
        environment: Mapping[str, str] | None = None,
        errors_fail: bool = False,
    ) -> int:
        assert not errors_fail, "what a task prints to standard error is no failure"
        assert environment is None
        self.commands.append((command, directory))
        return self.code


def section(tmp_path: Path, execution: dict[str, Any], node: str = "") -> TaskDefinition:
    source = tmp_path / "source"
    (source / "ps_modules" / "VstsTaskSdk").mkdir(parents=True)
    (source / "task.json").write_text(
        json.dumps(
            {
                "id": ID,
                "name": "Greet",
                "version": {"Major": 1, "Minor": 0, "Patch": 0},
                "execution": execution,
            }
        )
    )
    for name in ("greet.js", "greet.ps1", "ps_modules/VstsTaskSdk/VstsTaskSdk.psd1"):
        (source / name).touch()
    [installed] = installing.install(TaskDirectory(tmp_path / "tasks"), source)
    return definition_of(installed.task, "main", node)


async def started(task: TaskDefinition, tmp_path: Path, code: int = 0) -> Started:
    found = Started(code)
    places = dict.fromkeys(("root", "base", "artifacts", "temp", "tools"), tmp_path)
    call = TaskCall(
        inputs=Inputs({}),
        workspace=Workspace(number=1, **places),
        working_directory=str(tmp_path),
        environment={},
        log=print,
        warn=found.warnings.append,
        execute=found.execute,
        expand=lambda text: text.replace("$(where)", "below"),
    )
    await task.run(call)
    return found


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory of the PATH, with a Node.js in it."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    program(place / "node", "v20.11.1")
    return place


def program(place: Path, says: str) -> None:
    place.write_text(f"#!/bin/sh\necho {says}\n")
    place.chmod(0o755)


async def test_node_runs_the_target_in_the_jobs_directory(programs: Path, tmp_path: Path) -> None:
    task = section(tmp_path, {"Node20_1": {"target": "$(currentDirectory)\\greet.js"}})
    folder = tmp_path / "tasks" / f"Greet_{ID}" / "1.0.0"
    found = await started(task, tmp_path)
    assert found.commands == [([str(programs / "node"), str(folder / "greet.js")], str(tmp_path))]
    assert found.warnings == []
    assert task.handler is Handler.NODE


async def test_node_runs_where_the_handler_asks_for(programs: Path, tmp_path: Path) -> None:
    execution = {"Node16": {"target": "greet.js", "workingDirectory": "$(where)/it"}}
    found = await started(section(tmp_path, execution), tmp_path)
    assert [directory for _, directory in found.commands] == [str(tmp_path / "below" / "it")]
    assert (programs / "node").is_file()


@pytest.mark.parametrize("handler", ["Node", "Node10"])
async def test_a_task_for_an_old_node_runs_with_a_warning(
    programs: Path, tmp_path: Path, handler: str
) -> None:
    found = await started(section(tmp_path, {handler: {"target": "greet.js"}}), tmp_path)
    assert len(found.commands) == 1
    [warning] = found.warnings
    assert f"its handler is {handler}" in warning
    assert (programs / "node").is_file()


async def test_without_node_the_task_says_what_to_install(programs: Path, tmp_path: Path) -> None:
    (programs / "node").unlink()
    task = section(tmp_path, {"Node20_1": {"target": "greet.js"}})
    assert task.check is not None
    with pytest.raises(TaskFailed, match="QUAYMASTER_NODE"):
        await task.check()


@pytest.mark.parametrize("says", ["v18.20.1", "v6.17.1", "", "nonsense"])
async def test_what_is_no_node_of_today_is_refused(
    programs: Path, tmp_path: Path, says: str
) -> None:
    program(programs / "other", says)
    task = section(tmp_path, {"Node": {"target": "greet.js"}}, node=str(programs / "other"))
    assert task.check is not None
    with pytest.raises(TaskFailed, match=r"is not Node\.js 20 or newer"):
        await task.check()


@pytest.mark.parametrize(("code", "how"), [(3, "ended with exit code 3"), (-9, "by signal 9")])
async def test_an_end_other_than_0_is_a_failure(
    programs: Path, tmp_path: Path, code: int, how: str
) -> None:
    task = section(tmp_path, {"Node20_1": {"target": "greet.js"}})
    with pytest.raises(TaskFailed, match=how):
        await started(task, tmp_path, code)
    assert (programs / "node").is_file()


async def test_powershell_runs_through_pwsh_in_the_tasks_folder(
    programs: Path, tmp_path: Path
) -> None:
    task = section(tmp_path, {"PowerShell3": {"target": "greet.ps1"}})
    assert task.check is not None
    with pytest.raises(TaskFailed, match="pwsh was not found"):
        await task.check()
    program(programs / "pwsh", "")
    [(command, directory)] = (await started(task, tmp_path)).commands
    folder = tmp_path / "tasks" / f"Greet_{ID}" / "1.0.0"
    assert command[:2] == [str(programs / "pwsh"), "-NoLogo"]
    assert f"Invoke-VstsTaskScript -ScriptBlock {{ . '{folder}/greet.ps1' }}" in command[-1]
    assert directory == str(folder)
    assert task.handler is Handler.POWERSHELL3


async def test_a_task_without_a_handler_for_this_system_names_both(tmp_path: Path) -> None:
    executions = {"Process": {"target": "greet.cmd"}, "PowerShell": {"target": "greet.ps1"}}
    task = section(tmp_path, executions)
    assert task.check is not None
    with pytest.raises(TaskFailed, match=f"cannot be run on {platform.system()}") as caught:
        await task.check()
    assert "Process, PowerShell" in str(caught.value)


async def test_a_target_that_was_taken_away_is_named(programs: Path, tmp_path: Path) -> None:
    task = section(tmp_path, {"Node20_1": {"target": "greet.js"}})
    (tmp_path / "tasks" / f"Greet_{ID}" / "1.0.0" / "greet.js").unlink()
    assert task.check is not None
    with pytest.raises(TaskFailed, match=r"greet\.js is not there any more"):
        await task.check()
    assert (programs / "node").is_file()
