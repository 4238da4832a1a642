"""The tasks that are installed on this machine, for the actions that plan jobs."""

from collections.abc import Mapping
from pathlib import Path

import structlog

from quaymaster.domain.plan import Demand, TaskPlan
from quaymaster.plans import azure_demands
from quaymaster.plans.features import SERVER_TASKS, can_run
from quaymaster.plans.job_message import ChosenTask
from quaymaster.plans.server_executions import HTTP_REQUEST, ServerExecution
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

    def server_versions(self) -> Mapping[str, frozenset[str]]:
        """The installed versions that can be run without an agent, by the task's id (20.3)."""
        able = {
            task_id: frozenset(v for v in versions if self._asks(task_id, v))
            for task_id, versions in self._tasks.versions().items()
        }
        return {task_id: versions for task_id, versions in able.items() if versions}

    def _asks(self, task_id: str, version: str) -> bool:
        execution = self.server_execution(task_id, version)
        return execution is not None and execution.asks

    def server_execution(self, task_id: str, version: str) -> ServerExecution | None:
        """What the installed task does without an agent; None when it does nothing there, is not
        installed, or is a server task of our own. An HTTP request comes before all else."""
        if can_run(SERVER_TASKS, task_id, version):
            return None
        found = self._found(TaskPlan(task_id, version, task_id))
        declared = found.declaration if found else None
        if declared is None or not declared.without_agent:
            return None
        named = {name.lower(): name for name in declared.without_agent}
        kind = named.get(HTTP_REQUEST.lower()) or next(iter(declared.without_agent))
        return ServerExecution(
            kind,
            declared.without_agent[kind],
            {n.lower(): i.name for i in declared.inputs for n in (*i.aliases, i.name)},
            {i.name: i.default for i in declared.inputs},
        )

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
