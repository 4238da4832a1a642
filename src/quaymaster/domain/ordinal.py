"""Text compared and cased the way the published engine does: character by character, any case.

The engine knows no language: upper-casing maps one character to one character ("ß" stays), and
names that differ only in case are the same name (SEMANTICS 5.5, 14.4, 16.4).
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Generic, TypeVar

V = TypeVar("V")

# The engine leaves these two alone although they have an ASCII partner of the other case.
_KEPT = frozenset("\u0131\u017f")

# No script beyond this code point has letters of two cases.
_LAST_CASED = 0x1F000

# What counts as blank: the Unicode separators and the classic controls, not U+001C to U+001F.
BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def upper(text: str) -> str:
    """The text in upper case, same length; characters without a single partner stay."""
    return text.upper() if text.isascii() else text.translate(_upper_partners())


def lower(text: str) -> str:
    """The text in lower case, same length; characters without a single partner stay."""
    return text.lower() if text.isascii() else text.translate(_lower_partners())


@cache
def _upper_partners() -> dict[int, str]:
    pairs = ((chr(code), chr(code).upper()) for code in range(_LAST_CASED))
    return {ord(own): other for own, other in pairs if _is_partner(own, other) and own not in _KEPT}


@cache
def _lower_partners() -> dict[int, str]:
    pairs = ((chr(code), chr(code).lower()) for code in range(_LAST_CASED))
    return {ord(own): other for own, other in pairs if _is_partner(own, other)}


def _is_partner(own: str, other: str) -> bool:
    return len(other) == 1 and other != own


class IgnoreCase(Mapping[str, V], Generic[V]):
    """A read-only view of named values found in any case; of names that clash the last counts.

    Iterating gives each name as it was last written, in the order of first mention.
    """

    __slots__ = ("_entries",)

    def __init__(self, named: Mapping[str, V]) -> None:
        self._entries: dict[str, tuple[str, V]] = {
            upper(name): (name, value) for name, value in named.items()
        }

    def __getitem__(self, name: str) -> V:
        return self._entries[upper(name)][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and upper(name) in self._entries
