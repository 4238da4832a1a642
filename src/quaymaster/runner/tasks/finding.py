"""Finds what a step runs: an installed task, or one of the runner's own (SEMANTICS 13.2)."""

from pathlib import Path

from quaymaster.protocol.job import RunJob, Step
from quaymaster.runner.tasks import registry
from quaymaster.runner.tasks.definition import TaskDefinition
from quaymaster.runner.tasks.installed.declaration import TaskRefused
from quaymaster.runner.tasks.installed.directory import InstalledTask, TaskDirectory
from quaymaster.runner.tasks.installed.running import definition_of


def installed(directory: TaskDirectory, task_id: str, version: str) -> InstalledTask | None:
    """The installed task that a step means; None when it means one of the runner's own, or none.

    The runner's own tasks come first, as they are tested with it, unless a version is asked for
    exactly and installed. Raises TaskRefused when what is installed cannot be read.
    """
    own = registry.is_known(task_id, version)
    if own and not directory.has_exactly(task_id, version):
        return None
    return directory.find(task_id, version)


def find(job: RunJob, step: Step) -> TaskDefinition:
    """The task of a step. Raises UnknownTask (SEMANTICS 13.2)."""
    if job.tasks_directory:
        try:
            found = installed(TaskDirectory(Path(job.tasks_directory)), step.task_id, step.version)
        except TaskRefused as error:
            raise registry.UnknownTask(str(error)) from error
        if found is not None:
            return definition_of(found, step.section, job.node)
    return registry.find(step.task_id, step.version, step.task_name)
