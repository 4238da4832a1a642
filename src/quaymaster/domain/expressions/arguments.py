"""The arguments of one call: each is evaluated when it is first looked at, and only then."""

from collections.abc import Callable, Mapping, Sequence

from quaymaster.domain.expressions.context import Context
from quaymaster.domain.expressions.tree import Node
from quaymaster.domain.expressions.values import Value, as_text, is_true

# Looking at an item of a collection costs about as much as at so many characters.
ITEM_WORK = 32


class Arguments:
    """What a function is given; what it never asks for is never evaluated."""

    __slots__ = ("_evaluate", "_known", "_nodes", "charge", "context")

    def __init__(
        self,
        nodes: Sequence[Node],
        context: Context,
        evaluate: Callable[[Node], Value],
        charge: Callable[[int], None],
    ) -> None:
        self._nodes = nodes
        self._evaluate = evaluate
        self._known: dict[int, Value] = {}
        self.context = context
        self.charge = charge

    def __len__(self) -> int:
        return len(self._nodes)

    def value(self, position: int) -> Value:
        """The value of one argument, by 0-based position."""
        if position not in self._known:
            value = self._evaluate(self._nodes[position])
            if isinstance(value, str):
                self.charge(len(value))
            elif isinstance(value, Sequence | Mapping):
                self.charge(ITEM_WORK * len(value))
            self._known[position] = value
        return self._known[position]

    def text(self, position: int) -> str:
        """The text of one argument; raises EvaluationError TypeCast when it has none."""
        return as_text(self.value(position))

    def truth(self, position: int) -> bool:
        """Whether one argument counts as true."""
        return is_true(self.value(position))
