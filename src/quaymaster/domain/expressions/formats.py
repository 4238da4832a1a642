"""format('{0} of {1}', …): texts with numbered places (SEMANTICS 14.9)."""

import re
from datetime import datetime

from quaymaster.domain.date_formats import format_date
from quaymaster.domain.expressions.arguments import Arguments
from quaymaster.domain.expressions.errors import ErrorKind, EvaluationError
from quaymaster.domain.expressions.values import as_text, kind_of

LARGEST_PLACE = 255

_PIECE = re.compile(
    r"(?P<plain>[^{}]+)"
    r"|(?P<escaped>\{\{|\}\})"
    r"|\{(?P<place>[0-9]+)(?::(?P<pattern>[^}]*(?:\}\}[^}]*)*))?\}"
)


def format_text(given: Arguments) -> str:
    """The first argument with `{n}` replaced by the n-th further one, 0-based, and `{{`, `}}` read
    as braces. Raises EvaluationError Format on bad syntax or a missing argument.
    """
    template = given.text(0)
    pieces: list[str] = []
    position = 0
    while position < len(template):
        piece = _PIECE.match(template, position)
        if piece is None:
            raise _error("InvalidFormatString", f"a lone brace at position {position + 1}")
        pieces.append(_filled(piece, given))
        given.charge(len(pieces[-1]))
        position = piece.end()
    return "".join(pieces)


def _filled(piece: re.Match[str], given: Arguments) -> str:
    if piece["plain"]:
        return piece["plain"]
    if piece["escaped"]:
        return piece["escaped"][0]
    digits = piece["place"].lstrip("0") or "0"
    if len(digits) > 3 or int(digits) > LARGEST_PLACE:
        raise _error("InvalidFormatString", f"a place above {LARGEST_PLACE}")
    if int(digits) > len(given) - 2:
        raise _error("InvalidFormatArgIndex", f"{{{digits}}} has no argument")
    value = given.value(int(digits) + 1)
    pattern = (piece["pattern"] or "").replace("}}", "}")
    if not pattern:
        return as_text(value)
    if not isinstance(value, datetime):
        sentence = f"a pattern behind {{{digits}:}}, which only dates take, not {kind_of(value)}"
        raise _error("InvalidFormatSpecifiers", sentence)
    return format_date(value, pattern)


def _error(detail: str, what: str) -> EvaluationError:
    return EvaluationError(ErrorKind.FORMAT, f"The format string has {what}", detail=detail)
