"""What a task declares: its identity, its inputs and the function that runs it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from quaymaster.runner.tasks.call import TaskCall


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input; `shown_when` (name, value) says when it is asked for at all."""

    name: str
    type: str = "string"
    default: str = ""
    required: bool = False
    shown_when: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task of the published catalogue; `restricted` tasks may set no variables (18.15)."""

    id: str
    name: str
    title: str
    version: str
    inputs: tuple[Input, ...]
    run: Callable[[TaskCall], Awaitable[None]]
    restricted: bool = False
    kind: str = "agent"

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])
