"""Finds the handler of a task by its id and version."""

import importlib

from quaymaster.domain.numbers import digits
from quaymaster.runner.tasks.definition import TaskDefinition

# (id, major version) → the module that runs it; loaded when a job first needs it
_MODULES = {
    ("d9bafed4-0b18-4f58-968d-86655b4d2ce9", 2): "command_line",
    ("6c731c3c-3c68-459a-a5c9-bde6e6595b5b", 3): "bash",
    ("e213ff0f-5d5c-4791-802d-52ea3e7be1f1", 2): "powershell",
    ("6392f95f-7e76-4a18-b3c7-7f078d2f7700", 0): "python_script",
    ("28782b92-5e8e-4458-9751-a71cd1492bae", 1): "delay",
    ("5bfb729a-a7c8-4a78-a7c3-8d717bb7c13c", 2): "copy_files",
    ("5e1e3830-fbfb-11e5-aab1-090c92bc4988", 1): "extract_files",
    ("2ff763a7-ce83-4e1f-bc89-0ae63477cebe", 1): "publish_artifacts",
    ("ecdc45f6-832d-4ad9-b52b-ee49e94659be", 1): "publish_pipeline_artifact",
}


class UnknownTask(LookupError):
    """No handler for this task and version; the text names both and says what to do."""


def find(task_id: str, version: str, name: str = "") -> TaskDefinition:
    """The newest task of this id that `version` ("2.*", "2.1.3", "2", "*", "") allows.

    An exact version runs with the installed one of the same major version: there is only one.
    Raises UnknownTask (SEMANTICS 13.2).
    """
    majors = [major for known, major in _MODULES if known == task_id.lower()]
    wanted = version.split(".", maxsplit=1)[0].strip()
    if wanted in ("", "*") and majors:
        return _load(task_id.lower(), max(majors))
    major = digits(wanted)
    if major in majors:
        return _load(task_id.lower(), major)
    raise UnknownTask(_explanation(task_id, version, name, majors))


def is_known(task_id: str, version: str) -> bool:
    """Whether `find` would find it."""
    try:
        find(task_id, version)
    except UnknownTask:
        return False
    return True


def installed() -> list[TaskDefinition]:
    """Every task that can be run here, in no particular order."""
    return [_load(task_id, major) for task_id, major in _MODULES]


def _load(task_id: str, major: int) -> TaskDefinition:
    module = importlib.import_module(f"quaymaster.runner.tasks.{_MODULES[task_id, major]}")
    task: TaskDefinition = module.TASK
    return task


def _explanation(task_id: str, version: str, name: str, majors: list[int]) -> str:
    label = f"{name} ({task_id})" if name else task_id
    if majors:
        offered = " and ".join(f"{major}.*" for major in sorted(majors))
        return (
            f"Task {label} is not available in version {version}: this runner has {offered}. "
            f"Choose version {offered} in the definition, or install the task in that version "
            "with `quaymaster task install`."
        )
    tasks = ", ".join(sorted(f"{task.name}@{task.major}" for task in installed()))
    return (
        f"Task {label}, version {version or '*'}, cannot be run: this runner has no such task. "
        f"It has {tasks}. Install the task with `quaymaster task install`, disable it, or replace "
        "it by a script in a Bash task."
    )
