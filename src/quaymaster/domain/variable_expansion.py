"""Expanding all variables among themselves before a step runs (SEMANTICS 16.1 a)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from quaymaster.domain.macros import Macro, names_of, pieces
from quaymaster.domain.ordinal import upper
from quaymaster.domain.variables import Variable, VariableSet

MAX_DEPTH = 50
# Doubling in each of fifty variables would not fit into any machine.
LARGEST_VALUE = 1024 * 1024


class Unexpanded(StrEnum):
    """Why a variable keeps its macros."""

    CYCLE = "cycle"
    MAX_DEPTH = "maxDepth"
    TOO_LARGE = "tooLarge"


_SENTENCES = {
    Unexpanded.CYCLE: "refers to itself, directly or through others",
    Unexpanded.MAX_DEPTH: f"is nested {MAX_DEPTH} variables deep or more",
    Unexpanded.TOO_LARGE: f"would grow beyond {LARGEST_VALUE} characters",
}


@dataclass(frozen=True, slots=True)
class ExpansionWarning:
    """A variable left as it was written, and why."""

    variable: str
    reason: Unexpanded

    def __str__(self) -> str:
        return f"Variable '{self.variable}' {_SENTENCES[self.reason]}; it is left unexpanded"


@dataclass(frozen=True, slots=True)
class Expansion:
    """Every variable expanded where it can be, and the warnings to show for the others."""

    variables: VariableSet
    warnings: tuple[ExpansionWarning, ...]


@dataclass(frozen=True, slots=True)
class _Expanded:
    """What became of one variable; `depth` counts the variables below it."""

    variable: Variable
    depth: int
    reason: Unexpanded | None = None


def expand(variables: VariableSet) -> Expansion:
    """Replace `$(name)` in every value by that variable's own expanded value.

    A variable that takes in a secret becomes secret. Cycles, nesting of fifty and more, and values
    that would outgrow a megabyte leave a variable as it is, with a warning. Time is linear in what
    is read and written: each variable is expanded once, those it mentions first.
    """
    names = names_of(variables)
    parts = {upper(v.name): list(pieces(v.value, names)) for v in variables.values()}
    results: dict[str, _Expanded] = {}
    for name in _mentioned_first(parts):
        results[name] = _expanded(variables[name], parts[name], results)
    for name in parts.keys() - results.keys():
        results[name] = _Expanded(variables[name], 0, Unexpanded.CYCLE)
    outcome = [results[name] for name in parts]
    return Expansion(
        VariableSet(result.variable for result in outcome),
        tuple(
            ExpansionWarning(result.variable.name, result.reason)
            for result in outcome
            if result.reason is not None
        ),
    )


def _mentioned_first(parts: Mapping[str, Sequence[str | Macro]]) -> list[str]:
    """Names in an order that puts each behind all it mentions; those that meet a cycle are out."""
    mentions = {
        name: {upper(part.name) for part in found if isinstance(part, Macro)}
        for name, found in parts.items()
    }
    mentioned_by: dict[str, list[str]] = defaultdict(list)
    for name, others in mentions.items():
        for other in others:
            mentioned_by[other].append(name)
    waiting_for = {name: len(others) for name, others in mentions.items()}
    order = [name for name, count in waiting_for.items() if count == 0]
    for done in order:
        for name in mentioned_by[done]:
            waiting_for[name] -= 1
            if waiting_for[name] == 0:
                order.append(name)
    return order


def _expanded(
    variable: Variable, parts: Sequence[str | Macro], results: Mapping[str, _Expanded]
) -> _Expanded:
    """One variable, all it mentions being expanded already."""
    taken = {part.name: results[upper(part.name)] for part in parts if isinstance(part, Macro)}
    if not taken:
        return _Expanded(variable, 0)
    depth = 1 + max(result.depth for result in taken.values())
    if depth >= MAX_DEPTH:
        return _Expanded(variable, depth, Unexpanded.MAX_DEPTH)
    texts = [taken[p.name].variable.value if isinstance(p, Macro) else p for p in parts]
    too_large = any(result.reason is Unexpanded.TOO_LARGE for result in taken.values())
    if too_large or sum(map(len, texts)) > LARGEST_VALUE:
        return _Expanded(variable, depth, Unexpanded.TOO_LARGE)
    is_secret = variable.is_secret or any(r.variable.is_secret for r in taken.values())
    return _Expanded(replace(variable, value="".join(texts), is_secret=is_secret), depth)
