"""The tree an expression is read into; paths are lists, so depth is bounded by open brackets."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from quaymaster.domain.expressions.values import Version


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """A value written out; `text` is how."""

    value: bool | Decimal | Version | str | None
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A value known by name, e.g. `variables`."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Wildcard:
    """The `*` of a filtered array."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A function with its arguments; `name` as written."""

    name: str
    arguments: "list[Node]"


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A value and what is looked up in it, step after step: `base[step].step`."""

    base: "Literal | Named | Call"
    steps: "list[Node]"


Node: TypeAlias = Literal | Named | Wildcard | Call | Path
