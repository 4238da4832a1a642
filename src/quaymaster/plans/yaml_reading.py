"""Reads a YAML text with the line of every value, safely: no tags, few aliases, bounded size."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import yaml
from yaml.composer import Composer
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # it is what this module is for
from yaml.resolver import Resolver

from quaymaster.domain.errors import Invalid
from quaymaster.domain.numbers import digits

MOST_CHARACTERS = 1024 * 1024
MOST_VALUES = 50_000
MOST_TEXT = 4 * MOST_CHARACTERS  # aliases followed
MOST_DEPTH = 40
MOST_PROBLEMS = 50
TEMPLATE = "${{"


class _Loader(Composer, CParser, Resolver):
    """Composes nodes only, of what libyaml reads, which takes a tenth of the time of the reader in
    Python; nothing in the text can make an object.

    What is too deep or too much is refused while it comes: seconds go by over the rest (R-44).
    """

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        Resolver.__init__(self)
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Raises _TooMuch."""
        self._depth += 1
        self._values += 1
        if self._depth > MOST_DEPTH or self._values > MOST_VALUES:
            raise _TooMuch
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _TooMuch(Exception):
    """The text is nested too deeply, or has too many values."""


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong with a file, each with its line."""

    file: str
    found: list[str]

    def add(self, line: int, sentence: str) -> None:
        if len(self.found) < MOST_PROBLEMS:
            self.found.append(f"{self.file} line {line}: {sentence}")


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the text and where it stands; problems about it are noted at its line."""

    node: yaml.Node
    problems: Problems

    @property
    def line(self) -> int:
        """The 1-based line at which the value begins."""
        return int(self.node.start_mark.line) + 1

    def complain(self, sentence: str) -> None:
        self.problems.add(self.line, sentence)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_text(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode)

    def entries(self) -> "dict[str, Value]":
        """The members of a mapping by name; none, and a problem, for anything else."""
        if not isinstance(self.node, yaml.MappingNode):
            if not self.is_nothing:
                self.complain("names and values are needed here")
            return {}
        made: dict[str, Value] = {}
        for key, node in self.node.value:
            name = Value(key, self.problems).text()
            if name in made:
                Value(key, self.problems).complain(f"{name!r} stands here twice; keep one")
            made[name] = Value(node, self.problems)
        return made

    def items(self) -> "Iterator[Value]":
        """The entries of a list; none, and a problem, for anything else."""
        if isinstance(self.node, yaml.SequenceNode):
            for node in self.node.value:
                yield Value(node, self.problems)
        elif not self.is_nothing:
            self.complain("a list is needed here")

    @property
    def characters(self) -> int:
        """How much text it comes to, aliases followed."""
        found, left = 0, [self.node]
        while left:
            node = left.pop()
            if isinstance(node, yaml.ScalarNode):
                found += len(node.value)
            else:
                left.extend(_below(node))
        return found

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is said: an empty value, `~` or `null`."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag.endswith(":null")

    def text(self) -> str:
        """A text as it is written; numbers and booleans are texts, too."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.complain("a text is needed here")
            return ""
        found = "" if self.is_nothing else str(self.node.value)
        if TEMPLATE in found:
            self.complain("template expressions (${{ }}) are not supported; write the value itself")
        return found

    def whole(self) -> int:
        """A whole number of 0 or more."""
        written = self.text().strip()
        found = digits(written, 9)
        if found is not None:
            return found
        self.complain(f"{written[:40]!r} is no whole number from 0 to 999999999")
        return 0

    def flag(self) -> bool:
        """true or false; anything else is a problem."""
        found = self.text().strip().lower()
        if found not in ("true", "false"):
            self.complain(f"{found[:40]!r} is neither true nor false")
        return found == "true"

    def texts(self) -> tuple[str, ...]:
        """One text, or a list of them."""
        if self.is_list:
            return tuple(item.text() for item in self.items())
        return () if self.is_nothing else (self.text(),)


def read(text: str, file: str) -> Value:
    """The root of a YAML text. Raises Invalid, naming the file and line, for what is none.

    Aliases are followed and what they come to is counted: a short text cannot stand for a huge one.
    """
    if len(text) > MOST_CHARACTERS:
        raise Invalid(f"{file} is longer than {MOST_CHARACTERS} characters; make it shorter.")
    try:
        root = _Loader(text).get_single_node()
    except _TooMuch:
        raise Invalid(
            f"{file} comes to more than {MOST_VALUES} values, or is nested more than {MOST_DEPTH} "
            "levels deep."
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise Invalid(f"{file} line {line}: this is no YAML: {error.problem}.") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The last two: an escape beyond Unicode, or a version of thousands of digits.
        raise Invalid(f"{file}: this is no YAML that can be read.") from error
    if root is None:
        raise Invalid(f"{file} is empty. Give it steps, jobs or stages.")
    _count(root, file)
    return Value(root, Problems(file, []))


def _count(root: yaml.Node, file: str) -> None:
    level, seen, text = [root], 0, 0
    for _ in range(MOST_DEPTH):
        seen += len(level)
        if seen > MOST_VALUES:
            raise Invalid(f"{file} comes to more than {MOST_VALUES} values, aliases followed.")
        text += sum(len(node.value) for node in level if isinstance(node, yaml.ScalarNode))
        if text > MOST_TEXT:
            raise Invalid(f"{file} comes to more than {MOST_TEXT} characters, aliases followed.")
        for node in level:
            _check_storable(node, file)
        # No longer than is refused: aliases of aliases come to millions in a short text.
        level = list(islice(chain.from_iterable(map(_below, level)), MOST_VALUES + 1))
        if not level:
            return
    raise Invalid(f"{file} is nested more than {MOST_DEPTH} levels deep, aliases followed.")


def _check_storable(node: yaml.Node, file: str) -> None:
    """An escape in a text may stand for what no database holds and no process takes."""
    if not isinstance(node, yaml.ScalarNode):
        return
    try:
        is_storable = b"\0" not in node.value.encode()
    except UnicodeEncodeError:
        is_storable = False
    if not is_storable:
        line = node.start_mark.line + 1
        raise Invalid(f"{file} line {line}: a text holds a NUL or half of a character; remove it.")


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
