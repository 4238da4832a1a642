"""convertToJson(): a value as JSON text, two blanks deeper at each level."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from quaymaster.domain.expressions.errors import ErrorKind, EvaluationError
from quaymaster.domain.expressions.values import Value, Version, as_text, from_json

DEEPEST = 64


def json_text(value: Value, charge: Callable[[int], None]) -> str:
    """The value as JSON; `charge` is told of every character before the next is written.

    Raises EvaluationError ExceededMaxDepth for values nested deeper than 64.
    """
    pieces: list[str] = []
    for piece in _pieces(value, 0):
        charge(len(piece))
        pieces.append(piece)
    return "".join(pieces)


def _pieces(value: Value, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        sentence = f"convertToJson() writes values nested {DEEPEST} deep at most"
        raise EvaluationError(ErrorKind.EXCEEDED_MAX_DEPTH, sentence)
    match value:
        case str() | Version() | datetime():
            yield json.dumps(as_text(value), ensure_ascii=False)
        case None | bool():
            yield json.dumps(value)
        case Decimal():
            yield f"{value:f}"
        case Mapping():
            named = (f"{json.dumps(str(name), ensure_ascii=False)}: " for name in value)
            yield from _bracketed("{}", zip(named, value.values(), strict=True), depth)
        case Sequence():
            yield from _bracketed("[]", (("", item) for item in value), depth)


def _bracketed(brackets: str, entries: Iterator[tuple[str, object]], depth: int) -> Iterator[str]:
    """Entries one a line between brackets; nothing between them when there are none."""
    yield brackets[0]
    empty = True
    for name, value in entries:
        yield ("" if empty else ",") + "\n" + "  " * (depth + 1) + name
        yield from _pieces(from_json(value), depth + 1)
        empty = False
    yield brackets[1] if empty else "\n" + "  " * depth + brackets[1]
