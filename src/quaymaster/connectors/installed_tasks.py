"""The tasks that are installed on this machine, for the actions that plan jobs."""

from collections.abc import Mapping
from pathlib import Path

import structlog

from quaymaster.domain.plan import Demand, TaskPlan
from quaymaster.plans import azure_demands
from quaymaster.plans.job_message import ChosenTask
from quaymaster.runner.tasks import finding
from quaymaster.runner.tasks.installed.declaration import TaskRefused
from quaymaster.runner.tasks.installed.directory import InstalledTask, TaskDirectory
from quaymaster.runner.tasks.installed.environment import connection_inputs, secure_file_inputs

_log = structlog.get_logger(__name__)


class TasksOfThisMachine:
    """A directory of installed tasks, and the Node.js that runs them ("": of the PATH)."""

    def __init__(self, directory: Path, node: str = "") -> None:
        self._tasks = TaskDirectory(directory)
        self.directory = str(directory)
        self.node = node

    def versions(self) -> Mapping[str, frozenset[str]]:
        """The installed versions of each task by its id in lower case."""
        return self._tasks.versions()

    def names(self) -> Mapping[str, str]:
        """The id of each installed task by its name in lower case."""
        return self._tasks.names()

    def connection_inputs(self, task: TaskPlan) -> frozenset[str]:
        """The inputs of the installed task that hold service connections, in lower case."""
        found = self._found(task)
        return connection_inputs(found.declaration.inputs) if found else frozenset()

    def demands(self, task: TaskPlan) -> tuple[Demand, ...]:
        """What the installed task demands of a worker (SEMANTICS 12.7)."""
        found = self._found(task)
        return azure_demands.of_task(found.declaration.demands) if found else ()

    def secure_file_inputs(self, task: TaskPlan) -> frozenset[str]:
        """The inputs of the installed task that hold secure files, in lower case."""
        found = self._found(task)
        return secure_file_inputs(found.declaration.inputs) if found else frozenset()

    def chosen(self, task: TaskPlan) -> ChosenTask | None:
        """The installed task that a step means, with its newest version that fits (13.2).

        One whose folder cannot be read is left for the job to refuse, which says why.
        """
        found = self._found(task)
        if found is None:
            return None
        return ChosenTask(found.declaration.version, frozenset(found.declaration.sections))

    def _found(self, task: TaskPlan) -> InstalledTask | None:
        try:
            return finding.installed(self._tasks, task.task_id, task.version)
        except TaskRefused as error:
            _log.warning("an installed task cannot be read", reason=str(error))
            return None
