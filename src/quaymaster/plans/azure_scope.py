"""What the parts of a definition must know of each other while it is compiled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from quaymaster.domain.plan import Demand, TaskPlan
from quaymaster.domain.task_groups import Groups, TakenGroup
from quaymaster.plans.connections import KnownConnections
from quaymaster.plans.features import Feature
from quaymaster.plans.reading import Node

Demanded = Callable[[TaskPlan], tuple[Demand, ...]]


def nothing_demanded(_task: TaskPlan) -> tuple[Demand, ...]:
    """Where no tasks are installed, none demands anything."""
    return ()


@dataclass(frozen=True, slots=True)
class InstalledHere:
    """The installed tasks: their versions by id in lower case, and what each demands; and those
    that can be run without an agent."""

    versions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    demands: Demanded = nothing_demanded
    on_server: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scope:
    """Stages and artifacts by name in lower case, and what can be carried out."""

    runnable: Mapping[str, frozenset[int]]
    built: frozenset[Feature]
    installed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    on_server: Mapping[str, frozenset[str]] = field(default_factory=dict)  # of the installed
    stages: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    demanded: Demanded = nothing_demanded
    groups: Groups = field(default_factory=dict)
    taken: set[TakenGroup] = field(default_factory=set)  # of the groups, while compiling
    connections: KnownConnections | None = None  # None: they are not looked at

    def asks_for(self, feature: Feature, node: Node, key: str) -> None:
        """Warn the author when this version does not carry the feature out."""
        if feature not in self.built:
            node.warn(key, f"{feature} are kept in the definition and not carried out yet")


def by_name(names: list[str]) -> dict[str, str]:
    """Names as they are written, found in any case."""
    return {name.lower(): name for name in names if name}
