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

from quaymaster.actions import people
from quaymaster.actions.call import Call, Caller, Installation
from quaymaster.apis.aviator.asked import INNER_SLASH, Asked
from quaymaster.apis.aviator.errors import Problem, problem_of
from quaymaster.apis.shared import credentials, paths, query
from quaymaster.apis.shared.limiting import RequestLimits, TooManyRequests, Usage
from quaymaster.apis.shared.refusals import Refusal
from quaymaster.apis.shared.remembering import ShortMemory
from quaymaster.store.database import DatabaseUnavailable

ROOTS = ("/api/releases", "/graphql", "/api/v1", "/api/buildkite")

Headers = dict[bytes, bytes]


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
        self._callers: ShortMemory[bytes, Caller] = ShortMemory()
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not _is_ours(scope):
            await self._rest(scope, receive, send)
            return
        headers = dict(scope["headers"])
        telling = _Telling(send)
        try:
            caller = await self._caller(headers)
            telling.usage = self._used(caller)
            parts = paths.parts(_raw_path(scope))
            parameters = query.read(scope["query_string"])
        except (Refusal, DatabaseUnavailable) as error:
            if isinstance(error, TooManyRequests):
                telling.usage = error.usage
            await _send(telling, error)
            return
        installation = self._installation()
        base = installation.url or f"{scope['scheme']}://{_header(headers, b'host')}"
        path = "/" + "/".join(part.replace("/", INNER_SLASH) for part in parts)
        asked = Asked(
            installation=installation,
            call=Call(installation, caller, None, datetime.now(UTC)) if caller else None,
            query=parameters,
            url=base + "/" + "/".join(quote(part, safe="") for part in parts),
        )
        inner = {**scope, "path": path, "state": {"asked": asked}}
        await self._routes(inner, receive, telling)  # type: ignore[arg-type]

    def _used(self, caller: Caller | None) -> Usage | None:
        """Count the request for its caller. Raises TooManyRequests."""
        if caller is None:
            return None
        return self._limits.count(caller.id, self._installation().requests_per_minute)

    async def _caller(self, headers: Headers) -> Caller | None:
        now = datetime.now(UTC)
        database = self._installation().database
        for token in credentials.tokens(_header(headers, b"authorization")):

            async def find(token: str = token) -> Caller | None:
                return await people.sign_in(database, token, now)

            found = await self._callers.get(people.digest(token), find)
            if found:
                return found
        return None


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


def _raw_path(scope: Scope) -> bytes:
    raw = scope.get("raw_path")
    path: bytes = raw or quote(scope["path"], safe="/%:@!$&'()*+,;=~").encode()
    return path.partition(b"?")[0]


def _header(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


async def _send(send: Callable[[Message], Awaitable[None]], error: Exception) -> None:
    problem = (
        Problem(503, "The database is not available", {"Retry-After": "1"})
        if isinstance(error, DatabaseUnavailable)
        else problem_of(error)
    )
    body = msgspec.json.encode({"error": problem.error})
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **{name.lower(): value for name, value in problem.headers.items()},
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": False})
