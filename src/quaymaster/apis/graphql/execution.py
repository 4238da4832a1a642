"""Runs one GraphQL request: limits first, then validation, then the resolvers (AVIATOR 8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from inspect import isawaitable
from typing import Any

import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    build_schema,
    execute,
    get_operation_ast,
    parse,
    validate,
)

from quaymaster.apis.graphql import limits
from quaymaster.store.database import DatabaseUnavailable

MOST_PROBLEMS = 10
BROKEN = "An internal error occurred; the server's log has it."

_log = structlog.get_logger("quaymaster.apis.graphql")


@dataclass(frozen=True, slots=True)
class Query:
    """What a client sent; `may_change` is false for requests that must change nothing."""

    text: str
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    operation: str | None = None
    may_change: bool = True


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """What a resolver raises for a request that is turned down: the REST text and status."""

    message: str
    status: int


def schema() -> GraphQLSchema:
    """The schema as written, without resolvers."""
    text = resources.files("quaymaster.apis.graphql").joinpath("schema.graphql").read_text("utf-8")
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
    document = parse(query.text, no_location=False)
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
    for error in result.errors or ():
        if isinstance(error.original_error, DatabaseUnavailable):
            raise error.original_error
    if result.errors:
        answer["errors"] = [_shown(error) for error in result.errors]
    return answer


def _shown(error: GraphQLError) -> dict[str, Any]:
    shown: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if cause is None:
        return {**shown, "extensions": {"code": 400}}
    if isinstance(cause, Refused):
        return {**shown, "message": cause.message, "extensions": {"code": cause.status}}
    _log.error("a query failed", path=error.path, exc_info=cause)
    return {**shown, "message": BROKEN, "extensions": {"code": 500}}
