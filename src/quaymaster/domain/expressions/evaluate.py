"""Evaluating an expression's tree, and telling afterwards what it came to (SEMANTICS 14)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quaymaster.domain.expressions.arguments import ITEM_WORK, Arguments
from quaymaster.domain.expressions.context import Context
from quaymaster.domain.expressions.errors import ErrorKind, EvaluationError
from quaymaster.domain.expressions.functions import FUNCTIONS
from quaymaster.domain.expressions.parse import parse_tree
from quaymaster.domain.expressions.trace import expanded, shown
from quaymaster.domain.expressions.tree import Call, Literal, Named, Node, Path, Wildcard
from quaymaster.domain.expressions.values import (
    Kind,
    Value,
    from_json,
    is_true,
    kind_of,
    to_number,
    to_text,
)
from quaymaster.domain.ordinal import upper

# Characters one evaluation may look at; without it a short text could build a long one.
MOST_WORK = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read without errors; blank text gives Null."""

    text: str
    tree: Node | None

    def evaluate(self, context: Context) -> Value:
        """The value in this context; raises EvaluationError (TypeCast, Format, …)."""
        return None if self.tree is None else _Evaluation(context).of(self.tree)


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """Whether a condition holds, and the lines that show why."""

    value: bool
    trace: str


def parse(text: str, named: Iterable[str] = ()) -> Expression:
    """Read an expression; raises ExpressionError(kind, token, position) (SEMANTICS 14.2).

    `named`: names of values known besides `variables`. With `root` come count() and jsonpath().
    """
    return Expression(text, parse_tree(text, named))


def evaluate_condition(
    text: str,
    variables: Mapping[str, str],
    job_status: str = "Succeeded",
    named: Mapping[str, object] | None = None,
) -> ConditionResult:
    """Whether a step or phase runs; blank text means succeeded() (SEMANTICS 13.6, 14.14).

    `named` are further values that it may look at, such as `dependencies` in builds.

    Raises ExpressionError when the text cannot be read, its subclass EvaluationError when it
    cannot be evaluated. The trace repeats values, secret ones too: mask it before showing it.
    """
    written = text if text.strip() else "succeeded()"
    known = named or {}
    tree = parse_tree(written, known)
    evaluation = _Evaluation(Context(variables, job_status, known))
    value = None if tree is None else evaluation.of(tree)
    lines = (
        f"Evaluating: {written}",
        f"Expanded: {expanded(tree, evaluation.known)}",
        f"Result: {shown(is_true(value))}",
    )
    return ConditionResult(is_true(value), "\n".join(lines))


class _Filtered(list[Any]):
    """What a wildcard gave: the next step of the path looks into each of these."""


class _Evaluation:
    """One evaluation: its context, the values found on the way, and the work left."""

    __slots__ = ("_context", "_work_left", "known")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._work_left = MOST_WORK
        self.known: dict[int, Value] = {}

    def of(self, node: Node) -> Value:
        """The value of one node; calls nest at most as deep as brackets may."""
        if isinstance(node, Literal):
            return node.value
        value = self._found(node)
        self.known[id(node)] = value
        return value

    def _found(self, node: Named | Path | Call | Wildcard) -> Value:
        match node:
            case Named(name):
                return self._named(name)
            case Path(base, steps):
                return self._path(self.of(base), steps)
            case Call(name, arguments):
                apply = FUNCTIONS[upper(name)].apply
                return apply(Arguments(arguments, self._context, self.of, self._charge))
            case Wildcard():
                raise AssertionError("a wildcard stands only in a path")

    def _charge(self, work: int) -> None:
        self._work_left -= work
        if self._work_left < 0:
            sentence = "The expression builds or searches more text than an evaluation may"
            raise EvaluationError(ErrorKind.EXCEEDED_MAX_MEMORY, sentence)

    def _named(self, name: str) -> Value:
        if name in self._context.named:
            return from_json(self._context.named[name])
        return self._context.variables if upper(name) == "VARIABLES" else None

    def _path(self, value: Value, steps: Sequence[Node]) -> Value:
        for step in steps:
            if isinstance(step, Wildcard):
                value = self._all_of(value)
            elif isinstance(value, _Filtered):
                index = self.of(step)
                value = self._collected([item for held in value for item in _look_up(held, index)])
            else:
                value = next(iter(_look_up(value, self.of(step))), None)
        return value

    def _all_of(self, value: Value) -> _Filtered:
        """What `*` gives: the items of what is held, of each held thing after another `*`."""
        holders = value if isinstance(value, _Filtered) else [value]
        return self._collected([item for holder in holders for item in _children(holder)])

    def _collected(self, items: list[Any]) -> _Filtered:
        self._charge(ITEM_WORK * (1 + len(items)))
        return _Filtered(map(from_json, items))


def _children(holder: Value) -> Iterable[Any]:
    match kind_of(holder):
        case Kind.OBJECT if isinstance(holder, Mapping):
            return holder.values()
        case Kind.ARRAY if isinstance(holder, Sequence):
            return holder
        case _:
            return ()


def _look_up(holder: Value, index: Value) -> list[Value]:
    """The one value under this key or place, or none (SEMANTICS 14.13)."""
    match kind_of(holder):
        case Kind.OBJECT if isinstance(holder, Mapping):
            key = to_text(index)
            return [from_json(holder[key])] if key is not None and key in holder else []
        case Kind.ARRAY if isinstance(holder, Sequence):
            place = _place(index)
            return [from_json(holder[place])] if place is not None and place < len(holder) else []
        case _:
            return []


def _place(index: Value) -> int | None:
    """A whole number from 0, written as a number or as text; everything else is no place."""
    if kind_of(index) not in (Kind.NUMBER, Kind.STRING) or index == "":
        return None
    number = to_number(index)
    if number is None or number < 0 or number != number.to_integral_value():
        return None
    return int(min(number, Decimal(2**31)))
