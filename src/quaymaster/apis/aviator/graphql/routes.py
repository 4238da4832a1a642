"""`/graphql`: a query by POST or GET with the REST calls' tokens, and a page to try them on."""

import hashlib
from base64 import b64encode
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from litestar import Response, get, post

from quaymaster.apis.aviator.asked import AviatorRequest
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.graphql.query import Query
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.refusals import Refusal
from quaymaster.apis.shared.scopes import Scope, allows

if TYPE_CHECKING:
    from graphql import GraphQLSchema

PATH = "/graphql"


@post(PATH, opt=needs(Scope.RELEASE), status_code=200)
async def ask(request: AviatorRequest) -> Response[bytes]:
    """Run a query or a mutation: `{"query", "variables", "operationName"}`."""
    body = await request.fields()
    return await _answered(request, _query(body.get("query"), body, may_change=True))


@get(PATH, opt=needs(Scope.PUBLIC))
async def ask_by_address(request: AviatorRequest) -> Response[Any]:
    """Run a query from the address; without one, the page to try queries on."""
    asked = request.asked.query
    if not asked.has("query"):
        return Response(
            _page(),
            media_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": _policy(), "X-Content-Type-Options": "nosniff"},
        )
    caller = request.call.caller
    if caller is None or not allows(caller.scopes, Scope.RELEASE):
        raise Problem(403, "Forbidden")
    told = {"operationName": asked.text("operationName") or None}
    if asked.has("variables"):
        told["variables"] = _variables(asked.text("variables"))
    return await _answered(request, _query(asked.text("query"), told, may_change=False))


async def _answered(request: AviatorRequest, query: Query) -> Response[bytes]:
    """200 with data, also where some of it failed; 400 for what was refused as a whole."""
    from quaymaster.apis.aviator.graphql import execution  # noqa: PLC0415 - see _schema
    from quaymaster.apis.aviator.graphql.loaders import Loaders  # noqa: PLC0415

    answer = await execution.run(_schema(), query, Loaders(request.call))
    return request.answer(answer, 200 if "data" in answer else 400)


def _query(text: object, told: Any, *, may_change: bool) -> Query:
    if not isinstance(text, str):
        raise Problem(400, "Invalid query")
    variables = told.get("variables")
    operation = told.get("operationName")
    if not isinstance(variables, dict | None):
        raise Problem(400, "Invalid variables")
    if not isinstance(operation, str | None):
        raise Problem(400, "Invalid operationName")
    return Query(text, variables or {}, operation, may_change)


def _variables(text: str) -> Any:
    try:
        return json_reading.strict(text.encode())
    except Refusal:
        raise Problem(400, "Invalid variables") from None


@cache
def _schema() -> "GraphQLSchema":
    """The schema with everything it takes to answer, loaded by the first who asks: a server that
    nobody asks by GraphQL is 6 MB smaller."""
    from quaymaster.apis.aviator.graphql import (  # noqa: PLC0415
        changing,
        contents,
        execution,
        reading,
    )

    known = {**reading.RESOLVERS, **contents.RESOLVERS}
    readers = {
        kind: {**reading.RESOLVERS.get(kind, {}), **contents.RESOLVERS.get(kind, {})}
        for kind in known
    }
    return execution.resolved({**readers, "Mutation": changing.RESOLVERS})


@cache
def _page() -> bytes:
    folder = resources.files("quaymaster.apis.aviator.graphql")
    return folder.joinpath("playground.html").read_bytes()


@cache
def _policy() -> str:
    """The page may run its own script, wear its own style and ask this server; nothing else."""
    allowed = []
    for tag in (b"script", b"style"):
        inside = _page().partition(b"<%b>" % tag)[2].partition(b"</%b>" % tag)[0]
        digest = b64encode(hashlib.sha256(inside).digest()).decode()
        allowed.append(f"{tag.decode()}-src 'sha256-{digest}'")
    return "; ".join(
        ["default-src 'none'", *allowed, "connect-src 'self'", "frame-ancestors 'none'"]
    )


ROUTES = [ask, ask_by_address]
