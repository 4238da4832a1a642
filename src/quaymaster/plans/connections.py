"""Which service connections the tasks of a plan name, by id or by name (SEMANTICS 18.4, 20.3)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from quaymaster.domain import variable_expansion
from quaymaster.domain.plan import Plan, TaskPlan
from quaymaster.domain.spreading import EXTERNAL
from quaymaster.domain.variables import VariableSet, expand_input
from quaymaster.plans.features import AZURE_MONITOR, INVOKE_REST_API, QUERY_WORK_ITEMS, SERVICE_BUS
from quaymaster.plans.reading import Node, shown

# The inputs of a task that hold connections, their names in lower case.
InputsOf = Callable[[TaskPlan], Collection[str]]

_GENERIC = ("serviceconnection", "connectedservicename", "genericservice")

# The same of the tasks that run without an agent; the first one that has a value counts.
OF_SERVER_TASKS: Mapping[str, tuple[str, ...]] = {
    INVOKE_REST_API: (*_GENERIC, "connectedservicenamearm", "azureserviceconnection"),
    QUERY_WORK_ITEMS: _GENERIC,
    SERVICE_BUS: (*_GENERIC, "azuresubscription"),
    AZURE_MONITOR: ("connectedservicenamearm", "azuresubscription"),
    EXTERNAL: ("serviceconnection",),
}


@dataclass(frozen=True, slots=True)
class KnownConnections:
    """What a save can know: the ids and names of the project's connections, in casefold, and which
    inputs of installed tasks hold connections."""

    words: frozenset[str]
    inputs_of: InputsOf


def no_inputs(_task: TaskPlan) -> Collection[str]:
    """Where no tasks are installed."""
    return ()


def named_by(
    task: TaskPlan, inputs_of: InputsOf, expand: Callable[[str], str] = str
) -> Iterator[tuple[str, str]]:
    """Each input that holds connections, as written, with every id or name in it.

    `expand` replaces macros; what still holds one then, and what is an address itself, names none.
    """
    for name, value in holding_inputs(task, inputs_of):
        for part in expand(value).split(","):
            word = part.strip()
            if word and "$(" not in word and not is_address(word):
                yield name, word


def holding_inputs(task: TaskPlan, inputs_of: InputsOf) -> Iterator[tuple[str, str]]:
    """The inputs of a task that hold connections, as far as they have a value."""
    wanted = {*inputs_of(task), *OF_SERVER_TASKS.get(task.task_id.lower(), ())}
    for name, value in task.inputs.items():
        if name.lower() in wanted and value.strip():
            yield name, value


def words_in(
    tasks: Iterable[TaskPlan], variables: VariableSet, inputs_of: InputsOf
) -> frozenset[str]:
    """The ids and names that these tasks hold, macros replaced, in casefold."""
    texts = variable_expansion.expand(variables).variables.texts()
    return frozenset(
        word.casefold()
        for task in tasks
        for _, word in named_by(task, inputs_of, lambda value: expand_input(value, texts))
    )


def is_address(word: str) -> bool:
    """Whether an input holds the address itself instead of a connection's name."""
    return word.lower().startswith(("http://", "https://"))


def words_written(plan: Plan, tasks: Iterable[TaskPlan], inputs_of: InputsOf) -> frozenset[str]:
    """The ids and names that these tasks of a plan hold as they are written, in casefold, and that
    its author was asked about: not those of task groups that have changed since."""
    held = frozenset(word.casefold() for task in tasks for _, word in named_by(task, inputs_of))
    return held.difference(plan.named_since)


def warn_of_unknown(node: Node, task: TaskPlan, known: KnownConnections | None) -> None:
    """A connection that is not there may be added later: the task says so when it runs."""
    if known is None or not task.enabled:
        return
    for name, word in named_by(task, known.inputs_of):
        if word.casefold() not in known.words:
            node.object("inputs").warn(
                name,
                f"this project has no service connection {shown(word)!r}; add it, or name another "
                "one",
            )
