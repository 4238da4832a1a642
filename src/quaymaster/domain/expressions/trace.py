"""Showing an expression with the values that evaluating it found (SEMANTICS 14.14)."""

from collections.abc import Mapping

from quaymaster.domain.expressions.functions import FUNCTIONS
from quaymaster.domain.expressions.tree import Call, Literal, Named, Node, Path, Wildcard
from quaymaster.domain.expressions.values import Kind, Value, kind_of, to_text
from quaymaster.domain.ordinal import upper


def expanded(node: Node | None, known: Mapping[int, Value]) -> str:
    """The expression with every looked-up value in place; what was not needed is as written.

    `known` holds the values found, by id() of the node.
    """
    match node:
        case None:
            return shown(None)
        case Literal(value):
            return shown(value)
        case Call(name, arguments):
            if FUNCTIONS[upper(name)].shown_as_result and id(node) in known:
                return shown(known[id(node)])
            return f"{name}({', '.join(expanded(argument, known) for argument in arguments)})"
        case Named() | Path():
            return shown(known[id(node)]) if id(node) in known else _written(node)
        case Wildcard():
            return "*"


def shown(value: Value) -> str:
    """A value as the trace shows it: text quoted, collections by their type only."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if kind_of(value) in (Kind.NULL, Kind.ARRAY, Kind.OBJECT):
        return str(kind_of(value))
    return to_text(value) or ""


def _written(node: Named | Path) -> str:
    """A path that was never looked up, e.g. behind a short-circuit."""
    if isinstance(node, Named):
        return node.name
    steps = "".join(f"[{expanded(step, {})}]" for step in node.steps)
    return f"{expanded(node.base, {})}{steps}"
