"""JSON bodies: strict first, then as forgiving as the published service is (CONTRACT A.5).

Whatever way it is read, a body is bounded: depth, number of values, no numbers beyond what can be
stored; and strict JSON names nothing twice (R-41).
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pyjson5

from quaymaster.apis.shared.refusals import BadRequest

BOM = b"\xef\xbb\xbf"
LONGEST_TOLERATED = 1_000_000
DEEPEST = 64
MOST_VALUES = 500_000
LARGEST_INTEGER = 2**63

# In strict JSON a quote only ever begins or ends a text, so this finds each text once and
# tells the names among them by their colon. Runs without escapes are taken at once.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"(\s*:)?', re.DOTALL)


def decode(body: bytes) -> Any:
    """The value of a JSON body; None for an empty one.

    Raises BadRequest saying what is wrong with it. A name that comes twice in one object is
    refused in strict JSON; the tolerant reading takes the last, as the published service does.
    """
    text = body.removeprefix(BOM).strip()
    if not text:
        return None
    if text.count(b",") > MOST_VALUES:
        raise BadRequest(f"The body holds more than {MOST_VALUES} values.")
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _tolerated(text, error)
    if _checked(value) != _names_in(text):
        raise BadRequest("The body names a property twice in the same object.")
    return value


def strict(body: bytes) -> Any:
    """The value of a body that must be plain JSON; None for an empty one.

    Raises BadRequest, whose text is `Invalid JSON` and nothing else.
    """
    text = body.removeprefix(BOM).strip()
    try:
        if text.count(b",") > MOST_VALUES:
            raise BadRequest("Invalid JSON")  # noqa: TRY301 - said as for the others
        value = msgspec.json.decode(text) if text else None
        if _checked(value) != _names_in(text):
            raise BadRequest("Invalid JSON")  # noqa: TRY301 - said as for the others
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, BadRequest) as error:
        raise BadRequest("Invalid JSON") from error
    return value


def _tolerated(text: bytes, strict: Exception) -> Any:
    if len(text) > LONGEST_TOLERATED or isinstance(strict, RecursionError):
        raise BadRequest(_said(strict)) from strict
    try:
        value = pyjson5.decode(text.decode("utf-8"), maxdepth=DEEPEST)
    except (pyjson5.Json5DecoderException, UnicodeDecodeError, ValueError) as error:
        raise BadRequest(_said(strict)) from error
    _checked(value)
    return value


def _said(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"The body is nested more than {DEEPEST} deep."
    return f"The body is not valid JSON: {error}."


def _names_in(text: bytes) -> int:
    return sum(1 for match in _TEXT.finditer(text) if match.group(1))


def _checked(root: Any) -> int:
    """How many property names the value holds. Raises BadRequest where it goes beyond bounds."""
    names, level = 0, [root]
    for _ in range(DEEPEST + 1):
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                names += len(value)
                _check_leaf("".join(value))
                deeper.extend(value.values())
            elif isinstance(value, list):
                deeper.extend(value)
            elif isinstance(value, int | float | str):
                _check_leaf(value)
        if not deeper:
            return names
        level = deeper
    raise BadRequest(f"The body is nested more than {DEEPEST} deep.")


def _check_leaf(value: float | str) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise BadRequest("A text in the body holds a NUL character, which cannot be stored.")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise BadRequest("A text in the body holds half of a surrogate pair.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadRequest("A number in the body is not finite.")
    elif isinstance(value, int) and abs(value) >= LARGEST_INTEGER:
        raise BadRequest("A number in the body is larger than 64 bits.")


def cased(value: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """An object with its known names spelled as published, whatever case they came in.

    The exact spelling wins over another one of the same object.
    """
    spelling = {name.casefold(): name for name in known}
    result: dict[str, Any] = {}
    for name, inner in value.items():
        right = spelling.get(name.casefold(), name)
        if right == name or right not in result:
            result[right] = inner
    return result
