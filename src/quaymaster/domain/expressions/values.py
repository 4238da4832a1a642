"""The values of the expression language and how one type becomes another (SEMANTICS 14.3-14.6)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from quaymaster.domain import ordinal
from quaymaster.domain.expressions.errors import cannot_convert

T = TypeVar("T")

LARGEST_NUMBER = 2**96 - 1
LARGEST_VERSION_PART = 2**31 - 1
DECIMALS_SHOWN = Decimal("0.0000001")
SMALLEST_STEP = Decimal("1e-28")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Two to four whole numbers; a missing part is lower than 0 (1.2 < 1.2.0)."""

    parts: tuple[int, ...]

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))


Value: TypeAlias = (
    bool | Decimal | Version | str | datetime | Sequence[Any] | Mapping[str, Any] | None
)


class Kind(StrEnum):
    """The types of SEMANTICS 14.3."""

    NULL = "Null"
    BOOLEAN = "Boolean"
    NUMBER = "Number"
    VERSION = "Version"
    STRING = "String"
    DATETIME = "DateTime"
    ARRAY = "Array"
    OBJECT = "Object"


_KINDS: tuple[tuple[type, Kind], ...] = (
    (str, Kind.STRING),
    (bool, Kind.BOOLEAN),
    (Decimal, Kind.NUMBER),
    (Version, Kind.VERSION),
    (datetime, Kind.DATETIME),
    (Mapping, Kind.OBJECT),
)

_NUMBER_TEXT = re.compile(r"[ \t-\r]*([+-]?(?:[0-9][0-9,]*(?:\.[0-9]*)?|\.[0-9]+))[ \t-\r]*")
_NUMBER_LITERAL = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_VERSION_PART = re.compile(r"0*([0-9]{1,10})")


def kind_of(value: Value) -> Kind:
    """Which of the eight types a value has."""
    if value is None:
        return Kind.NULL
    return next((kind for type_, kind in _KINDS if isinstance(value, type_)), Kind.ARRAY)


def from_json(value: object) -> Value:
    """A JSON value as a value of the language; lists and objects are kept, not copied."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, float):
        number = Decimal(repr(value))
        return number if number.is_finite() else repr(value)
    if value is None or isinstance(value, bool | str | Decimal | Version | datetime | Mapping):
        return value
    if isinstance(value, Sequence):
        return value
    raise TypeError(f"{type(value).__name__} is no value an expression can hold")


def is_true(value: Value) -> bool:
    """Truthiness: Null, False, 0 and '' are false, all else is true (SEMANTICS 14.4)."""
    if isinstance(value, bool | Decimal | str):
        return bool(value)
    return value is not None


def as_text(value: Value) -> str:
    """The text of a value; raises EvaluationError TypeCast for arrays and objects."""
    text = to_text(value)
    if text is None:
        raise cannot_convert(kind_of(value), Kind.STRING)
    return text


def to_text(value: Value) -> str | None:
    """The text of a value, or None for arrays and objects, which have none."""
    match value:
        case str():
            return value
        case None:
            return ""
        case Decimal():
            return number_text(value)
        case bool() | Version():
            return str(value)
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case _:
            return None


def number_text(number: Decimal) -> str:
    """At most seven decimals, no trailing zeros, '.' as the point."""
    if number == number.to_integral_value():
        return f"{int(number)}"
    rounded = number.quantize(DECIMALS_SHOWN, rounding=ROUND_HALF_UP, context=Context(prec=60))
    text = f"{rounded:f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def to_number(value: Value) -> Decimal | None:
    """The number a value stands for, or None when it stands for none."""
    match value:
        case bool():
            return Decimal(int(value))
        case Decimal():
            return value
        case None | "":
            return Decimal(0)
        case str():
            found = _NUMBER_TEXT.fullmatch(value)
            return None if found is None else _bounded(found[1].replace(",", ""))
        case _:
            return None


def number_literal(text: str) -> Decimal | None:
    """The number written in an expression: no plus, no exponent, no thousands."""
    return _bounded(text) if _NUMBER_LITERAL.fullmatch(text) else None


def _bounded(digits: str) -> Decimal | None:
    """A number as the engine holds it: 96 bits, at most 28 decimals; None when it is too large."""
    number = _rounded(digits, 29)
    if number.copy_abs() > LARGEST_NUMBER:
        return None
    _, figures, _ = number.as_tuple()
    return number if int("".join(map(str, figures))) <= LARGEST_NUMBER else _rounded(digits, 28)


def _rounded(digits: str, figures: int) -> Decimal:
    context = Context(figures, ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
    number = context.create_decimal(digits)
    if number < SMALLEST_STEP and number > -SMALLEST_STEP:
        return number.quantize(SMALLEST_STEP, context=context)
    return number


def to_version(value: Value) -> Version | None:
    """The version a value stands for, or None when it stands for none."""
    match value:
        case Version():
            return value
        case str():
            return version_of(value)
        case Decimal():
            return version_of(number_text(value))
        case _:
            return None


def version_of(text: str) -> Version | None:
    """Two to four dotted whole numbers up to 2147483647, blanks around each allowed."""
    pieces = text.split(".", 4)
    if not 2 <= len(pieces) <= 4:
        return None
    parts = [_VERSION_PART.fullmatch(piece.strip(ordinal.BLANKS)) for piece in pieces]
    numbers = tuple(int(part[1]) for part in parts if part)
    in_range = len(numbers) == len(pieces) and max(numbers) <= LARGEST_VERSION_PART
    return Version(numbers) if in_range else None


def equal(left: Value, right: Value) -> bool:
    """Whether the right value, made the left one's type, is the same (SEMANTICS 14.5)."""
    match left:
        case None:
            return right is None or right == ""
        case bool():
            return left is is_true(right)
        case Decimal():
            return left == to_number(right)
        case Version():
            return left == to_version(right)
        case str() | datetime():
            text = to_text(right)
            return text is not None and ordinal.upper(as_text(left)) == ordinal.upper(text)
        case _:
            return left is right


def compare(left: Value, right: Value) -> int:
    """Below, at or above zero as left is lower than, equal to or higher than right.

    The right value is made the left one's type, a left Null, Array or Object a Number first;
    what cannot be converted raises EvaluationError TypeCast (SEMANTICS 14.6).
    """
    match left:
        case bool():
            return int(left) - int(is_true(right))
        case Version():
            version = _must(to_version(right), right, Kind.VERSION)
            return (left > version) - (left < version)
        case str() | datetime():
            mine, other = _order(as_text(left)), _order(as_text(right))
            return (mine > other) - (mine < other)
        case _:
            number = _must(to_number(left), left, Kind.NUMBER)
            against = _must(to_number(right), right, Kind.NUMBER)
            return (number > against) - (number < against)


def _order(text: str) -> bytes:
    """A key that sorts by UTF-16 units, as the engine does, once case is ignored."""
    return ordinal.upper(text).encode("utf-16-be", "surrogatepass")


def _must(converted: T | None, value: Value, target: Kind) -> T:
    if converted is None:
        raise cannot_convert(kind_of(value), target)
    return converted
