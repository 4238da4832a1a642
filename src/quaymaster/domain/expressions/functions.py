"""The functions of the expression language: how many arguments each takes and what it gives."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from quaymaster.domain import ordinal
from quaymaster.domain.expressions import jsonpath
from quaymaster.domain.expressions.arguments import Arguments
from quaymaster.domain.expressions.errors import ErrorKind, EvaluationError, cannot_convert
from quaymaster.domain.expressions.formats import format_text
from quaymaster.domain.expressions.json_text import json_text
from quaymaster.domain.expressions.values import (
    Kind,
    Value,
    as_text,
    compare,
    equal,
    from_json,
    kind_of,
    to_number,
    to_text,
)

ANY_NUMBER = 1_000_000
DEPENDENCIES = "DEPENDENCIES"
OF_OTHERS = ("FAILED", "SUCCEEDED", "SUCCEEDEDORFAILED")


@dataclass(frozen=True, slots=True)
class Function:
    """`needs` names the value without which the function is unknown.

    `shown_as_result`: the trace shows what it gave instead of how it was called.
    """

    minimum: int
    maximum: int
    apply: Callable[[Arguments], Value]
    needs: str = ""
    shown_as_result: bool = False


def known_functions(named: Collection[str]) -> dict[str, Function]:
    """The functions that may be called where these values are known; all names upper-case.

    Where jobs know those before them (`dependencies`), status functions take their names.
    """
    most = ANY_NUMBER if DEPENDENCIES in named else 0
    return {
        name: replace(function, maximum=most) if name in OF_OTHERS else function
        for name, function in FUNCTIONS.items()
        if not function.needs or function.needs in named
    }


def _items(value: Value) -> Sequence[object] | None:
    """The items of an array, the values of an object, None for everything else."""
    match kind_of(value):
        case Kind.ARRAY if isinstance(value, Sequence):
            return value
        case Kind.OBJECT if isinstance(value, Mapping):
            return list(value.values())
        case _:
            return None


def _and(given: Arguments) -> Value:
    return all(given.truth(position) for position in range(len(given)))


def _or(given: Arguments) -> Value:
    return any(given.truth(position) for position in range(len(given)))


def _xor(given: Arguments) -> Value:
    left, right = given.truth(0), given.truth(1)
    return left is not right


def _eq(given: Arguments) -> Value:
    return equal(given.value(0), given.value(1))


def _in(given: Arguments) -> bool:
    left = given.value(0)
    return any(equal(left, given.value(position)) for position in range(1, len(given)))


def _compare(given: Arguments) -> int:
    return compare(given.value(0), given.value(1))


def _contains(given: Arguments) -> Value:
    text, piece = given.text(0), given.text(1)
    return ordinal.upper(piece) in ordinal.upper(text)


def _starts_with(given: Arguments) -> Value:
    text, piece = given.text(0), given.text(1)
    return ordinal.upper(text).startswith(ordinal.upper(piece))


def _ends_with(given: Arguments) -> Value:
    text, piece = given.text(0), given.text(1)
    return ordinal.upper(text).endswith(ordinal.upper(piece))


def _coalesce(given: Arguments) -> Value:
    """The first value that is neither Null nor ''; when all are, the last one."""
    value: Value = None
    for position in range(len(given)):
        value = given.value(position)
        if value is not None and value != "":
            break
    return value


def _contains_value(given: Arguments) -> Value:
    items, sought = _items(given.value(0)), given.value(1)
    return items is not None and any(equal(sought, from_json(item)) for item in items)


def _join(given: Arguments) -> Value:
    """Items without a text (arrays, objects) give ''; what is no array gives its own text."""
    joined = given.value(1)
    if kind_of(joined) is not Kind.ARRAY or not isinstance(joined, Sequence):
        return to_text(joined) or ""
    separator = given.text(0) if len(joined) > 1 else ""
    texts = [to_text(from_json(item)) or "" for item in joined]
    given.charge(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _length(given: Arguments) -> Value:
    value = given.value(0)
    counted = value if kind_of(value) is Kind.ARRAY else as_text(value)
    return Decimal(len(counted)) if isinstance(counted, Sequence) else None


def _replace(given: Arguments) -> Value:
    """Every occurrence, minding case; an empty text occurs nowhere."""
    text, old, new = given.text(0), given.text(1), given.text(2)
    if not old:
        return text
    given.charge(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _split(given: Arguments) -> Value:
    """Every character of the second text ends an entry; empty entries are kept."""
    text, delimiters = given.text(0), given.text(1)
    if not delimiters:
        return [text]
    first, others = delimiters[0], delimiters[1:]
    same = str.maketrans(others, first * len(others))
    return text.translate(same).split(first)


def _count(given: Arguments) -> Value:
    items = _items(given.value(0))
    return Decimal(0 if items is None else len(items))


def _jsonpath(given: Arguments) -> Value:
    root = from_json(given.context.named.get("root"))
    return jsonpath.select(root, given.text(0), given.charge)


def _counter(given: Arguments) -> Value:
    """The next number behind this prefix; the seed (default 0) is the first (SEMANTICS 14.10)."""
    prefix = given.text(0) if len(given) else ""
    seed = to_number(given.value(1)) if len(given) > 1 else Decimal(0)
    if seed is None:
        raise cannot_convert(kind_of(given.value(1)), Kind.NUMBER)
    count_up = given.context.named["counter"]
    if not callable(count_up):
        raise EvaluationError(ErrorKind.TYPE_CAST, "counter() has nothing to count with here")
    return Decimal(count_up(prefix, int(seed)))


def _status(*accepted: str, one_is_enough: bool = False) -> Function:
    """True while the job's status is one of these (SEMANTICS 14.11).

    Where jobs before this one are named, theirs must be: all of them, or one of them.
    """
    names = {ordinal.upper(name) for name in accepted}

    def holds(given: Arguments) -> bool:
        if not len(given):
            return ordinal.upper(given.context.job_status) in names
        found = (_result_of(given, place) in names for place in range(len(given)))
        return any(found) if one_is_enough else all(found)

    return Function(0, 0, holds, shown_as_result=True)


def _result_of(given: Arguments, place: int) -> str:
    """How the job or stage that an argument names has ended; "" for one not waited for."""
    known = from_json(given.context.named.get(DEPENDENCIES))
    found = known.get(given.text(place)) if isinstance(known, Mapping) else None
    return ordinal.upper(str(found.get("result", ""))) if isinstance(found, Mapping) else ""


FUNCTIONS = {
    "AND": Function(2, ANY_NUMBER, _and),
    "OR": Function(2, ANY_NUMBER, _or),
    "XOR": Function(2, 2, _xor),
    "NOT": Function(1, 1, lambda given: not given.truth(0)),
    "EQ": Function(2, 2, _eq),
    "NE": Function(2, 2, lambda given: not _eq(given)),
    "GT": Function(2, 2, lambda given: _compare(given) > 0),
    "GE": Function(2, 2, lambda given: _compare(given) >= 0),
    "LT": Function(2, 2, lambda given: _compare(given) < 0),
    "LE": Function(2, 2, lambda given: _compare(given) <= 0),
    "IN": Function(2, ANY_NUMBER, _in),
    "NOTIN": Function(2, ANY_NUMBER, lambda given: not _in(given)),
    "CONTAINS": Function(2, 2, _contains),
    "STARTSWITH": Function(2, 2, _starts_with),
    "ENDSWITH": Function(2, 2, _ends_with),
    "COALESCE": Function(2, ANY_NUMBER, _coalesce),
    "CONTAINSVALUE": Function(2, 2, _contains_value),
    "FORMAT": Function(1, 256, format_text),
    "JOIN": Function(2, 2, _join),
    "LOWER": Function(1, 1, lambda given: ordinal.lower(given.text(0))),
    "UPPER": Function(1, 1, lambda given: ordinal.upper(given.text(0))),
    "TRIM": Function(1, 1, lambda given: given.text(0).strip(ordinal.BLANKS)),
    "LENGTH": Function(1, 1, _length),
    "REPLACE": Function(3, 3, _replace),
    "SPLIT": Function(2, 2, _split),
    "IIF": Function(3, 3, lambda given: given.value(1 if given.truth(0) else 2)),
    "CONVERTTOJSON": Function(1, 1, lambda given: json_text(given.value(0), given.charge)),
    "ALWAYS": Function(0, 0, lambda _: True, shown_as_result=True),
    "CANCELED": _status("Canceled"),
    "FAILED": _status("Failed", one_is_enough=True),
    "SUCCEEDED": _status("Succeeded", "SucceededWithIssues"),
    "SUCCEEDEDORFAILED": _status("Succeeded", "SucceededWithIssues", "Failed"),
    "COUNT": Function(1, 1, _count, needs="ROOT"),
    "JSONPATH": Function(1, 1, _jsonpath, needs="ROOT"),
    "COUNTER": Function(0, 2, _counter, needs="COUNTER", shown_as_result=True),
}
