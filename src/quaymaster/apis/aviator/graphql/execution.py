"""Runs one GraphQL request: limits first, then validation, then the resolvers (AVIATOR 8)."""

from collections.abc import Callable, Mapping
from importlib import resources
from inspect import isawaitable
from typing import Any

import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    build_schema,
    execute,
    get_operation_ast,
    parse,
    validate,
)

from quaymaster.apis.aviator.errors import Problem, problem_of
from quaymaster.apis.aviator.graphql import likeness, limits
from quaymaster.apis.aviator.graphql.query import Query
from quaymaster.apis.shared.refusals import Refusal
from quaymaster.domain.errors import DomainError
from quaymaster.store.postgres.database import DatabaseUnavailable

MOST_PROBLEMS = 10
BROKEN = "An internal error occurred; the server's log has it."

_log = structlog.get_logger("quaymaster.apis.aviator.graphql")


def resolved(resolvers: Mapping[str, Mapping[str, Callable[..., Any]]]) -> GraphQLSchema:
    """The schema with these resolvers by type and field; other fields are read off dicts."""
    made = schema()
    for type_name, fields in resolvers.items():
        found = made.get_type(type_name)
        if not isinstance(found, GraphQLObjectType):
            raise TypeError(f"the schema has no type {type_name}")
        for name, resolve in fields.items():
            found.fields[name].resolve = resolve
    return made


def schema() -> GraphQLSchema:
    """The schema as written, without resolvers."""
    text = (
        resources.files("quaymaster.apis.aviator.graphql")
        .joinpath("schema.graphql")
        .read_text("utf-8")
    )
    return build_schema(text)


async def run(of: GraphQLSchema, query: Query, context: Any) -> dict[str, Any]:
    """The answer: `data`, and `errors` whose `extensions.code` is what REST would answer.

    A query that is refused as a whole has no `data`. Raises DatabaseUnavailable.
    """
    try:
        document = _checked(of, query)
    except GraphQLError as error:
        return {"errors": [_shown(error)]}
    except _Problems as problems:
        return {"errors": [_shown(error) for error in problems.errors]}
    result = execute(
        of,
        document,
        context_value=context,
        variable_values=dict(query.variables),
        operation_name=query.operation,
    )
    ended = await result if isawaitable(result) else result
    return _answer(ended)


class _Problems(Exception):
    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(len(errors))
        self.errors = errors


def _checked(of: GraphQLSchema, query: Query) -> DocumentNode:
    limits.check_text(query.text)
    limits.check_variables(query.variables)
    document = parse(query.text, no_location=False)
    likeness.check_likeness(document)
    problems = validate(of, document, max_errors=MOST_PROBLEMS)
    if problems:
        raise _Problems(problems)
    limits.check_cost(of, document, query.variables)
    operation = get_operation_ast(document, query.operation)
    if operation is None:
        raise GraphQLError("Name the operation to run: operationName fits none of the query's.")
    if operation.operation is not OperationType.QUERY and not query.may_change:
        raise GraphQLError("A mutation is sent by POST.", operation)
    return document


def _answer(result: ExecutionResult) -> dict[str, Any]:
    answer: dict[str, Any] = {"data": result.data}
    if result.errors and all(error.path is None for error in result.errors):
        answer = {}  # refused as a whole, such as for a variable of another kind
    for error in result.errors or ():
        if isinstance(error.original_error, DatabaseUnavailable):
            raise error.original_error
    if result.errors:
        answer["errors"] = [_shown(error) for error in result.errors]
    return answer


def _shown(error: GraphQLError) -> dict[str, Any]:
    shown: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    while isinstance(cause, GraphQLError):  # what a value is not, inside of where it stands
        cause = cause.original_error
    if cause is None:
        return {**shown, "extensions": {"code": 400}}
    if isinstance(cause, Problem | DomainError | Refusal):
        problem = problem_of(cause)
        return {**shown, "message": problem.error, "extensions": {"code": problem.status}}
    _log.error("a query failed", path=error.path, exc_info=cause)
    return {**shown, "message": BROKEN, "extensions": {"code": 500}}
