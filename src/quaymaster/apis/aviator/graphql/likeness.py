"""How much of a query has to be compared with each other before it counts as valid.

A query is valid if what stands under one name means one thing: validation compares every two fields
that would be answered in the same place, and every two fragments there. That is a query's length
squared at the worst, so it is counted before it is done.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from quaymaster.apis.aviator.graphql.limits import DEEPEST, MOST_THINGS

MOST_COMPARED = 5_000  # pairs: 100 fields of one name in one place

SPREADS = "..."  # what all fragments of a place count as: each is compared with each

Inside = frozenset[str]


def check_likeness(document: DocumentNode) -> None:
    """Raise GraphQLError for a query in which too much has to be compared, or that is too deep.

    The document may be invalid: fragments that are missing or stand in a circle are passed over.
    """
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    count = _Count(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            count.add([(definition.selection_set, frozenset())], 1)
    for name, fragment in fragments.items():
        if name not in count.used:
            count.add([(fragment.selection_set, frozenset({name}))], 1)


@dataclass(slots=True)
class _Count:
    fragments: Mapping[str, FragmentDefinitionNode]
    used: set[str] = field(default_factory=set)
    found: int = 0
    compared: int = 0

    def add(self, sets: list[tuple[SelectionSetNode, Inside]], depth: int) -> None:
        """Count what is answered in one place, and below it.

        `sets` are what is selected there, each with the fragments that it stands in.
        """
        alike: dict[str, int] = {}
        below: dict[str, list[tuple[SelectionSetNode, Inside]]] = {}
        for selected, outer in sets:
            for one, inside in self._selected(selected, outer):
                name = SPREADS
                if isinstance(one, FieldNode):
                    name = (one.alias or one.name).value
                    if one.selection_set:
                        below.setdefault(name, []).append((one.selection_set, inside))
                alike[name] = alike.get(name, 0) + 1
                self._check(one, depth, alike[name] - 1)
        for deeper in below.values():
            self.add(deeper, depth + 1)

    def _check(self, one: FieldNode | FragmentSpreadNode, depth: int, others: int) -> None:
        """Raise GraphQLError if this one, with so many others of its name, is one too many."""
        self.found += 1
        self.compared += others
        if depth > DEEPEST:
            raise GraphQLError(f"The query goes deeper than {DEEPEST} levels.", one)
        if self.found > MOST_THINGS:
            raise GraphQLError(f"The query asks for more than {MOST_THINGS} things.", one)
        if self.compared > MOST_COMPARED:
            raise GraphQLError(
                "The query asks for the same fields too many times in one place. Ask for each "
                "once, or under names of their own.",
                one,
            )

    def _selected(
        self, selected: SelectionSetNode, inside: Inside
    ) -> Iterator[tuple[FieldNode | FragmentSpreadNode, Inside]]:
        """Fields and spreads, with those of the fragments that are spread."""
        for one in selected.selections:
            if isinstance(one, InlineFragmentNode):
                yield from self._selected(one.selection_set, inside)
            elif isinstance(one, FieldNode):
                yield one, inside
            elif isinstance(one, FragmentSpreadNode):
                yield one, inside
                name = one.name.value
                self.used.add(name)
                if name in self.fragments and name not in inside:
                    within = self.fragments[name].selection_set
                    yield from self._selected(within, inside | {name})
