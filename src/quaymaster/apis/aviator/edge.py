"""The edge of this contract: whose token it is, and the path taken apart, before any routing.

Whatever begins with `/api/releases` belongs to this contract. Names are case-sensitive and may
hold spaces, percent-encoded; an encoded slash stays inside its part.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from quaymaster.actions.call import Call, Caller, Installation
from quaymaster.apis.aviator.asked import INNER_SLASH, Asked
from quaymaster.apis.aviator.errors import Problem, problem_of
from quaymaster.apis.shared import paths, query
from quaymaster.apis.shared.callers import Callers
from quaymaster.apis.shared.lasting import Lasting
from quaymaster.apis.shared.limiting import RequestLimits, TooManyRequests, Usage
from quaymaster.apis.shared.messages import Headers, answer, check_headers, header, raw_path
from quaymaster.apis.shared.refusals import Refusal
from quaymaster.store.postgres.database import DatabaseUnavailable

ROOTS = ("/api/releases", "/graphql", "/api/v1", "/api/buildkite")


class Edge:
    """ASGI: takes the requests of this contract, hands all others on to `rest`."""

    def __init__(
        self,
        rest: ASGIApp,
        routes: ASGIApp,
        installation: Callable[[], Installation],
        limits: RequestLimits,
    ) -> None:
        self._rest = rest
        self._routes = routes
        self._installation = installation
        self._callers = Callers()
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not _is_ours(scope):
            await self._rest(scope, receive, send)
            return
        headers = dict(scope["headers"])
        telling = _Telling(send)
        try:
            check_headers(scope)
            caller = await self._callers.signed_in(
                self._installation().database, header(headers, b"authorization")
            )
            telling.usage = self._used(caller)
            parts = paths.parts(raw_path(scope))
            parameters = query.read(scope["query_string"])
        except (Refusal, DatabaseUnavailable) as error:
            if isinstance(error, TooManyRequests):
                telling.usage = error.usage
            await _send(telling, error)
            return
        installation = self._installation()
        base = installation.url or f"{scope['scheme']}://{header(headers, b'host')}"
        path = "/" + "/".join(part.replace("/", INNER_SLASH) for part in parts)
        asked = Asked(
            installation=installation,
            call=Call(installation, caller, None, datetime.now(UTC)) if caller else None,
            query=parameters,
            url=base + "/" + "/".join(quote(part, safe="") for part in parts),
        )
        inner = {**scope, "path": path, "state": {"asked": asked}}
        lasting = Lasting(receive, telling, self._checking(caller, headers))
        await self._routes(inner, lasting.receive, telling)  # type: ignore[arg-type]

    def _checking(
        self, caller: Caller | None, headers: Headers
    ) -> Callable[[], Awaitable[None]] | None:
        """Asks whether the caller may still do what it began to; no answer here is a long one."""
        if caller is None:
            return None
        authorization = header(headers, b"authorization")
        database = self._installation().database
        return lambda: self._callers.check_still(database, authorization, caller)

    def _used(self, caller: Caller | None) -> Usage | None:
        """Count the request for its caller. Raises TooManyRequests."""
        if caller is None:
            return None
        return self._limits.count(caller.id, self._installation().requests_per_minute)


class _Telling:
    """Adds to an answer how much its caller may still send."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.usage: Usage | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self.usage and self.usage.is_worth_telling:
            message["headers"] = [*message["headers"], *self.usage.headers()]
        await self._send(message)


def _is_ours(scope: Scope) -> bool:
    path = scope["path"]
    return any(path == root or path.startswith(root + "/") for root in ROOTS)


async def _send(send: Callable[[Message], Awaitable[None]], error: Exception) -> None:
    problem = (
        Problem(503, "The database is not available", {"Retry-After": "1"})
        if isinstance(error, DatabaseUnavailable)
        else problem_of(error)
    )
    body = msgspec.json.encode({"error": problem.error})
    headers = {"Content-Type": "application/json", **problem.headers}
    await answer(send, problem.status, headers, body)
