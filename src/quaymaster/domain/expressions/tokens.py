"""An expression's text cut into tokens (SEMANTICS 14.1)."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from quaymaster.domain import ordinal
from quaymaster.domain.expressions.values import Version, number_literal, version_of


class TokenKind(StrEnum):
    """What a piece of text is, seen alone and after the piece before it."""

    START = "start"
    OPEN_CALL = "("
    CLOSE_CALL = ")"
    OPEN_INDEX = "["
    CLOSE_INDEX = "]"
    SEPARATOR = ","
    WILDCARD = "*"
    DEREFERENCE = "."
    LITERAL = "literal"
    FUNCTION = "function"
    NAMED_VALUE = "named value"
    PROPERTY = "property"
    UNRECOGNIZED = "unrecognized"


@dataclass(frozen=True, slots=True)
class Token:
    """One piece: its text as written, its 0-based offset, and the value when it is a literal."""

    kind: TokenKind
    text: str
    position: int
    value: bool | Decimal | Version | str | None = None


START = Token(TokenKind.START, "", 0)

_PUNCTUATION = {str(kind): kind for kind in TokenKind if len(kind) == 1}
_BLANK = re.escape(ordinal.BLANKS)
_PIECE = re.compile(
    rf"(?P<blank>[{_BLANK}]+)"
    r"|(?P<string>'[^']*(?:''[^']*)*(?P<closed>')?)"
    r"|(?P<mark>[()\[\],*])"
    rf"|(?P<number>[-0-9.][^()\[\],{_BLANK}]*)"
    rf"|(?P<word>[^()\[\],.{_BLANK}][^()\[\],.{_BLANK}]*)"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BOOLEANS = {"TRUE": True, "FALSE": False}
# A point after one of these (or first of all) begins a number; elsewhere it asks for a property.
_BEFORE_NUMBER = (TokenKind.START, TokenKind.SEPARATOR, TokenKind.OPEN_INDEX, TokenKind.OPEN_CALL)


def tokens(text: str, functions: Container[str], named_values: Container[str]) -> Iterator[Token]:
    """The tokens from left to right; `functions` and `named_values` hold upper-case names.

    Never fails: what is not recognised comes as a token of that kind.
    """
    position = 0
    last = START
    while position < len(text):
        token, position = _next(text, position, last, functions, named_values)
        if token is not None:
            yield token
            last = token


def _next(
    text: str,
    position: int,
    last: Token,
    functions: Container[str],
    named_values: Container[str],
) -> tuple[Token | None, int]:
    """The token that starts here (None for blanks) and where the one after it starts."""
    if text[position] == "." and last.kind not in _BEFORE_NUMBER:
        return Token(TokenKind.DEREFERENCE, ".", position), position + 1
    piece = _PIECE.match(text, position)
    if piece is None:
        raise AssertionError("every character begins a piece")
    if piece["blank"]:
        return None, piece.end()
    if piece["mark"]:
        return Token(_PUNCTUATION[piece[0]], piece[0], position), piece.end()
    if piece["string"]:
        return _string(piece), piece.end()
    if piece["number"]:
        return _number(piece[0], position), piece.end()
    after_point = last.kind is TokenKind.DEREFERENCE
    return _word(piece[0], position, after_point, functions, named_values), piece.end()


def _string(piece: re.Match[str]) -> Token:
    if not piece["closed"]:
        return Token(TokenKind.UNRECOGNIZED, piece[0], piece.start())
    content = piece[0][1:-1].replace("''", "'")
    return Token(TokenKind.LITERAL, piece[0], piece.start(), content)


def _number(written: str, position: int) -> Token:
    value = version_of(written) if written.count(".") >= 2 else number_literal(written)
    kind = TokenKind.UNRECOGNIZED if value is None else TokenKind.LITERAL
    return Token(kind, written, position, value)


def _word(
    written: str,
    position: int,
    after_point: bool,
    functions: Container[str],
    named_values: Container[str],
) -> Token:
    name = ordinal.upper(written)
    if not _NAME.fullmatch(written):
        return Token(TokenKind.UNRECOGNIZED, written, position)
    if after_point:
        return Token(TokenKind.PROPERTY, written, position)
    if name in _BOOLEANS:
        return Token(TokenKind.LITERAL, written, position, _BOOLEANS[name])
    if name in functions:
        return Token(TokenKind.FUNCTION, written, position)
    if name in named_values:
        return Token(TokenKind.NAMED_VALUE, written, position)
    return Token(TokenKind.UNRECOGNIZED, written, position)
