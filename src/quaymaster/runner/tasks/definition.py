"""What a task declares: its identity, its inputs and the function that runs it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from quaymaster.domain.variables import Handler
from quaymaster.runner.tasks.call import TaskCall


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input; `shown_when` (name, value) says when it is asked for at all."""

    name: str
    type: str = "string"
    default: str = ""
    required: bool = False
    shown_when: tuple[str, str] | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task as the runner runs it.

    `restricted` ones may use harmless logging commands only and set only `settable_variables`;
    None is no limit (18.15). What they set under one of `output_variables` is an output (13.12).
    `handler` says what is in the environment of its processes. `check` raises TaskFailed when
    this machine cannot run the task at all.
    """

    id: str
    name: str
    title: str
    version: str
    inputs: tuple[Input, ...]
    run: Callable[[TaskCall], Awaitable[None]]
    restricted: bool = False
    settable_variables: tuple[str, ...] | None = None
    output_variables: frozenset[str] = frozenset()
    handler: Handler = Handler.PROCESS
    check: Callable[[], Awaitable[None]] | None = None
    kind: str = "agent"

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])
