"""What a query may cost: its size, its depth, and how many things it may ask for at most.

Checked before anything is looked up, so that a query that is too much costs next to nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Lexer,
    OperationDefinitionNode,
    SelectionSetNode,
    Source,
    TokenKind,
    VariableNode,
    get_named_type,
    is_list_type,
)

MOST_CHARACTERS = 32_768
MOST_TOKENS = 4_000
DEEPEST_BRACKETS = 64  # what a parser that calls itself can take with ease
DEEPEST = 15  # the introspection that tools send has 13
MOST_THINGS = 20_000
USUAL_LIST = 20  # for a list whose length nothing says
MOST_FIRST = 100
MOST_VALUES = 10_000  # in all variables together

OPENING = (TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L)
CLOSING = (TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R)


def check_text(text: str) -> None:
    """Raise GraphQLError for a query that is too long or nested too deeply to be parsed."""
    if len(text) > MOST_CHARACTERS:
        raise GraphQLError(f"The query is longer than {MOST_CHARACTERS} characters.")
    lexer, depth, count = Lexer(Source(text)), 0, 0
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        count += 1
        depth += (token.kind in OPENING) - (token.kind in CLOSING)
        if depth > DEEPEST_BRACKETS:
            raise GraphQLError(f"The query is nested deeper than {DEEPEST_BRACKETS} brackets.")
        if count > MOST_TOKENS:
            raise GraphQLError(f"The query has more than {MOST_TOKENS} words and signs.")


def check_variables(variables: Mapping[str, Any]) -> None:
    """Raise GraphQLError for variables that hold more than could be meant."""
    count, inside = 0, [*variables.values()]
    while inside:
        value = inside.pop()
        count += 1
        if isinstance(value, list | dict):
            inside += value.values() if isinstance(value, dict) else value
        if count > MOST_VALUES:
            raise GraphQLError(f"The variables hold more than {MOST_VALUES} values.")


def check_cost(schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
    """Raise GraphQLError for a valid query that goes too deep or may ask for too much.

    Every field counts once for each thing it may be asked of: `first` says how many those are, for
    other lists a usual length is assumed.
    """
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            root = schema.get_root_type(operation.operation)
            told = {**_defaults(operation), **variables}
            cost = _Cost(schema, fragments, told)
            cost.add(operation.selection_set, root, 1, 1)


@dataclass(slots=True)
class _Cost:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    things: int = 0

    def add(
        self, selected: SelectionSetNode, parent: GraphQLObjectType | None, times: int, depth: int
    ) -> None:
        """Count what is selected of a parent that there may be so many of."""
        for field in self._fields(selected):
            if depth > DEEPEST:
                raise GraphQLError(f"The query goes deeper than {DEEPEST} levels.", field)
            self.things += times
            if self.things > MOST_THINGS:
                raise GraphQLError(
                    f"The query may ask for more than {MOST_THINGS} things. Ask for fewer at a "
                    "time with first, or for less of each.",
                    field,
                )
            known = parent.fields.get(field.name.value) if parent else None
            if field.selection_set:
                inner = get_named_type(known.type) if known else None
                below = inner if isinstance(inner, GraphQLObjectType) else None
                many = times * self._length(field, known)
                self.add(field.selection_set, below, many, depth + 1)

    def _fields(self, selected: SelectionSetNode) -> Iterator[FieldNode]:
        """The fields, those of fragments among them; validation has refused fragment cycles."""
        for selection in selected.selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fields(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                yield from self._fields(self.fragments[selection.name.value].selection_set)

    def _length(self, field: FieldNode, known: GraphQLField | None) -> int:
        """How many things the field may give: 1 unless it is a list or a page of one."""
        if known is None:
            return 1
        if "first" in known.args:
            return self._first(field, known)
        kind = known.type.of_type if isinstance(known.type, GraphQLNonNull) else known.type
        pages = field.name.value in ("nodes", "edges")  # counted where `first` stands
        return USUAL_LIST if is_list_type(kind) and not pages else 1

    def _first(self, field: FieldNode, known: GraphQLField) -> int:
        said: Any = _planned_default(known)
        for argument in field.arguments or ():
            if argument.name.value != "first":
                continue
            if isinstance(argument.value, IntValueNode):
                said = int(argument.value.value)
            elif isinstance(argument.value, VariableNode):
                said = self.variables.get(argument.value.name.value)
        if said is None:
            return USUAL_LIST
        if not isinstance(said, int) or isinstance(said, bool) or not 0 < said <= MOST_FIRST:
            raise GraphQLError(f"first must be between 1 and {MOST_FIRST}.", field)
        return said


def _planned_default(known: GraphQLField) -> int | None:
    """The default of `first` as the schema writes it."""
    written = known.args["first"].ast_node
    value = written.default_value if written else None
    return int(value.value) if isinstance(value, IntValueNode) else None


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        one.variable.name.value: int(one.default_value.value)
        for one in operation.variable_definitions or ()
        if isinstance(one.default_value, IntValueNode)
    }
