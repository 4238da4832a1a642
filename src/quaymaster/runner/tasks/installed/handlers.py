"""Which of a task's executions is run on this machine (SEMANTICS 18.2)."""

import re
from collections.abc import Iterable

from quaymaster.runner.tasks.installed.declaration import Execution

POWERSHELL = "powershell3"
NEEDS_OLD_NODE = frozenset({"node", "node10"})

_NODE = re.compile(r"node([0-9]{0,3})(?:_([0-9]{1,3}))?")


def chosen(executions: Iterable[Execution]) -> Execution | None:
    """The newest Node handler, else PowerShell3; None when this machine runs none of them.

    `platforms` of a handler only makes Windows prefer it, so it decides nothing here. Process
    and the older PowerShell handlers exist on Windows only.
    """
    offered = list(executions)
    nodes = [execution for execution in offered if is_node(execution)]
    if nodes:
        return max(nodes, key=_age)
    return next((e for e in offered if e.handler.lower() == POWERSHELL), None)


def is_node(execution: Execution) -> bool:
    """Whether a Node of any version runs it."""
    return _NODE.fullmatch(execution.handler.lower()) is not None


def _age(execution: Execution) -> tuple[int, int]:
    """Node is version 6, Node20_1 is 20.1."""
    found = _NODE.fullmatch(execution.handler.lower())
    return (int(found[1] or 6), int(found[2] or 0)) if found else (0, 0)
