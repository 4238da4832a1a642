"""Finding `$(name)` in a text (SEMANTICS 16.1): left to right, a name ends at the first ')'."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Macro:
    """A place in a text where the value of a known name goes."""

    name: str


@dataclass(frozen=True, slots=True)
class Names:
    """The names a text may mention: how to recognise one, and the length of the longest.

    The length keeps scanning linear when a text is full of openings and has one far ')'.
    """

    knows: Callable[[str], bool]
    longest: int


def names_of(entries: Mapping[str, object]) -> Names:
    """The names of a mapping, recognised as the mapping does (any case or exact)."""
    return Names(entries.__contains__, max(map(len, entries), default=0))


def pieces(text: str, names: Names) -> Iterator[str | Macro]:
    """The text cut into literal parts and macros of known names; unknown ones stay literal.

    After an unknown name the scan goes on one character behind its '$', so that in `$($(a)` the
    inner macro is found.
    """
    literal, position, close = 0, text.find("$("), -1
    while position >= 0:
        if close < position:
            close = text.find(")", position + 2)
        if close < 0:
            break
        length = close - position - 2
        name = text[position + 2 : close] if length <= names.longest else None
        if name is None or not names.knows(name):
            position = text.find("$(", position + 1)
            continue
        if literal < position:
            yield text[literal:position]
        yield Macro(name)
        literal = close + 1
        position = text.find("$(", literal)
    if literal < len(text):
        yield text[literal:]


def replaced(text: str, values: Mapping[str, str]) -> str:
    """The text with every macro of a known name replaced, once: what comes in is not looked at."""
    return replaced_pieces(pieces(text, names_of(values)), values)


def replaced_pieces(parts: Iterable[str | Macro], values: Mapping[str, str]) -> str:
    """Literal parts and the values of macros, joined."""
    return "".join(values[part.name] if isinstance(part, Macro) else part for part in parts)
