"""Reads a JSON document field by field and notes each thing that is wrong at its path."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from quaymaster.plans.azure_words import Words

MOST_PROBLEMS = 100
LONGEST_NAME = 256
LARGEST_NUMBER = 2**31 - 1

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The control characters of ASCII and of Unicode, and its two further ends of a line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(slots=True)
class Report:
    """What is wrong (refuses the document) and what its author should know (does not)."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def complain(self, path: str, sentence: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{path}: {sentence}")

    def warn(self, path: str, sentence: str) -> None:
        if len(self.warnings) < MOST_PROBLEMS:
            self.warnings.append(f"{path}: {sentence}")


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the document and where it stands. Values never appear in what is noted."""

    value: dict[str, Any] = field(repr=False)
    path: str
    report: Report = field(repr=False)

    def has(self, key: str) -> bool:
        """Whether the field says anything: null and missing are the same."""
        return self.value.get(key) is not None

    def at(self, key: str) -> str:
        """The path of a field."""
        return joined(self.path, key)

    def complain(self, key: str, sentence: str) -> None:
        self.report.complain(self.at(key), sentence)

    def warn(self, key: str, sentence: str) -> None:
        self.report.warn(self.at(key), sentence)

    def text(self, key: str, default: str = "") -> str:
        found = self.value.get(key)
        if found is None:
            return default
        if not isinstance(found, str):
            self.complain(key, f"is {_kind(found)} where text is needed")
            return default
        return found

    def name(self, key: str, what: str) -> str:
        """A text that people will read as a name; "" after noting that it is none."""
        if key in self.value and not isinstance(self.value[key], str | None):
            return self.text(key)
        found = self.text(key).strip()
        if not found:
            self.complain(key, f"{what} needs a name; give it one")
        elif len(found) > LONGEST_NAME:
            self.complain(key, f"is longer than {LONGEST_NAME} characters; shorten it")
        elif has_control(found):
            self.complain(key, "contains control characters; remove them")
        return found

    def whole(
        self, key: str, default: int = 0, *, least: int = 0, most: int = LARGEST_NUMBER
    ) -> int:
        """An integer between `least` and `most`, both included."""
        found = self.value.get(key)
        if found is None:
            return default
        if isinstance(found, str) and found.strip().isdecimal() and len(found) < len(str(most)) + 2:
            found = int(found)
        if not isinstance(found, int) or isinstance(found, bool):
            self.complain(key, f"is {_kind(found)} where a whole number is needed")
            return default
        if not least <= found <= most:
            limits = f"from {least} to {most}" if most < LARGEST_NUMBER else f"of {least} or more"
            self.complain(key, f"is {shown(found)}; give a number {limits}")
            return default
        return found

    def flag(self, key: str, default: bool = False) -> bool:
        found = self.value.get(key)
        if found is None:
            return default
        if not isinstance(found, bool):
            self.complain(key, f"is {_kind(found)} where true or false is needed")
            return default
        return found

    def number_of(self, key: str, words: Words, default: int = 0) -> int:
        """The number of an enumeration's word; `default` when nothing is said."""
        found = self.value.get(key)
        if found is None:
            return default
        try:
            return words.number(found)
        except ValueError as error:
            self.complain(key, str(error))
            return default

    def word(self, key: str, words: Words, default: str = "") -> str:
        """The published word of an enumeration's value; "" after noting that it is none."""
        found = self.value.get(key)
        if found is None:
            return default
        try:
            return words.word(found)
        except ValueError as error:
            self.complain(key, str(error))
            return ""

    def object(self, key: str) -> "Node":
        """The object in a field; an empty one when nothing is said or it is something else."""
        found = self.value.get(key)
        if found is None:
            found = {}
        elif not isinstance(found, dict):
            self.complain(key, f"is {_kind(found)} where an object is needed")
            found = {}
        return Node(found, self.at(key), self.report)

    def objects(self, key: str) -> list["Node"]:
        """The objects of a list; what is none is noted and left out."""
        made = []
        for position, entry in enumerate(self.items(key)):
            path = f"{self.at(key)}[{position}]"
            if isinstance(entry, dict):
                made.append(Node(entry, path, self.report))
            else:
                self.report.complain(path, f"is {_kind(entry)} where an object is needed")
        return made

    def members(self, key: str) -> list[tuple[str, "Node"]]:
        """The objects of a free map with their keys, in order."""
        held = self.object(key)
        return [(name, held.object(name)) for name in held.value]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts without blank ones; one text counts as a comma list."""
        found = self.value.get(key)
        if isinstance(found, str):
            return tuple(part.strip() for part in found.split(",") if part.strip())
        made = []
        for position, entry in enumerate(self.items(key)):
            if isinstance(entry, str):
                made.append(entry.strip())
            elif entry is not None:
                path = f"{self.at(key)}[{position}]"
                self.report.complain(path, f"is {_kind(entry)} where text is needed")
        return tuple(text for text in made if text)

    def text_map(self, key: str) -> dict[str, str]:
        """A map of texts; null counts as empty text."""
        held = self.object(key)
        return {name: held.text(name) for name in held.value}

    def numbers(self, key: str) -> tuple[int, ...]:
        """A list of positive integers."""
        made = []
        for position, entry in enumerate(self.items(key)):
            if isinstance(entry, int) and not isinstance(entry, bool) and entry > 0:
                made.append(entry)
            else:
                path = f"{self.at(key)}[{position}]"
                self.report.complain(path, "must be the id of something: a positive number")
        return tuple(made)

    def items(self, key: str) -> list[Any]:
        """The entries of a list, whatever they are; none when it is no list."""
        found = self.value.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            self.complain(key, f"is {_kind(found)} where a list is needed")
            return []
        return found


def joined(path: str, key: str) -> str:
    """The JSON path of a key below another path."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}"
    return f"{path}['{shown(key)}']"


def shown(value: object) -> str:
    """A name or number in a message: one line, and not longer than a reader will read."""
    text = _CONTROL.sub("?", str(value)) if not isinstance(value, int) else _number(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def repeated(names: Iterable[str]) -> set[str]:
    """Those of the names, in lower case, that stand more than once in any case."""
    seen: set[str] = set()
    twice: set[str] = set()
    for name in names:
        (twice if name.lower() in seen else seen).add(name.lower())
    return twice


def _number(value: int) -> str:
    return str(value) if abs(value) < 10**20 else "far too large"


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "null"
