"""The edge of this contract: everything that is decided about a request before it is routed.

Whatever has an `_apis` part in its path, in any case or encoding, belongs to this contract. Its
path is taken apart, its version read, its caller recognised and its project found; then the part
after `_apis` is routed in lower case, so that spelling never decides what a request may do.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote
from uuid import UUID, uuid4

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from quaymaster.actions.call import Call, Caller, Installation, Project
from quaymaster.actions.people import projects
from quaymaster.apis.azure import errors, locations, negotiation
from quaymaster.apis.azure.asked import Asked
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.links import Links
from quaymaster.apis.azure.links import quote as quoted
from quaymaster.apis.azure.negotiation import NEWEST_RELEASED
from quaymaster.apis.shared import paths, query
from quaymaster.apis.shared.callers import Callers
from quaymaster.apis.shared.lasting import Lasting
from quaymaster.apis.shared.limiting import RequestLimits, TooManyRequests, Usage
from quaymaster.apis.shared.messages import Headers, answer, check_headers, header, raw_path
from quaymaster.apis.shared.refusals import BadRequest, NoSuchRoute, Refusal
from quaymaster.apis.shared.remembering import ShortMemory
from quaymaster.domain.errors import DomainError, NotFound
from quaymaster.store.postgres.database import DatabaseUnavailable

_log = structlog.get_logger("quaymaster.apis.azure")

APIS = "_apis"
READING = frozenset({"GET", "HEAD"})
OVERRIDABLE = frozenset({"PATCH", "PUT", "DELETE"})
DEFAULT_COLLECTION = "defaultcollection"  # how on-premises clients call the only organization
OLD_AREA = "releasemanagement"
PROCESS_ID = str(uuid4())
ALWAYS = (
    (b"x-tfs-processid", PROCESS_ID.encode()),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-cache"),
    (b"pragma", b"no-cache"),
    (b"expires", b"-1"),
    (b"vary", b"Accept-Encoding"),
)
OPTIONS_KIND = "application/json; charset=utf-8"

Answer = tuple[int, dict[str, str], bytes]


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
        self._homes: ShortMemory[str, str] = ShortMemory()
        self._projects: ShortMemory[tuple[str, str, str], Project] = ShortMemory()
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not _is_ours(raw_path(scope)):
            await self._rest(scope, receive, send)
            return
        headers = dict(scope["headers"])
        activity = _new_id()
        dressed = _Dressed(send, activity, headers)
        try:
            check_headers(scope)
            if scope["method"] == "OPTIONS":
                await answer(dressed, *_locations(scope))
                return
            asked = await self._asked(scope, headers, activity)
            dressed.caller = asked.call.caller if asked.call else None
            dressed.usage = self._used(asked)
            inner = {
                **scope,
                "method": _method(scope["method"], headers),
                "path": "/" + "/".join(part.lower().replace("/", "%2f") for part in asked.tail),
                "state": {"asked": asked},
            }
        except (Problem, Refusal, DomainError, DatabaseUnavailable) as error:
            if isinstance(error, TooManyRequests):
                dressed.usage = error.usage
            await answer(dressed, *_refused(error, activity, scope["path"]))
            return
        lasting = Lasting(receive, dressed, self._checking(asked, headers))
        try:
            await self._routes(inner, lasting.receive, lasting.send)  # type: ignore[arg-type]
        except Exception:
            if not lasting.is_cut:
                raise
            _log.info("an answer was broken off", path=asked.shown_path, activity=activity)

    def _checking(self, asked: Asked, headers: Headers) -> Callable[[], Awaitable[None]] | None:
        """Asks whether the caller may still do what it began to."""
        caller = asked.call.caller if asked.call else None
        if caller is None:
            return None
        authorization = header(headers, b"authorization")
        database = asked.installation.database
        return lambda: self._callers.check_still(database, authorization, caller)

    async def _asked(self, scope: HTTPScope, headers: Headers, activity: str) -> Asked:
        before, tail = _split(raw_path(scope))
        parameters = query.read(scope["query_string"])
        installation = self._installation()
        caller = await self._callers.signed_in(
            installation.database, header(headers, b"authorization")
        )
        found = await self._found(installation, caller, before) if caller else None
        base = installation.url or _origin(scope, headers)
        asked_for = found.base_path if found else before
        return Asked(
            installation=installation,
            activity=activity,
            shown_path=scope["path"],
            tail=tail,
            query=parameters,
            version=negotiation.asked(
                parameters,
                header(headers, b"accept"),
                header(headers, b"content-type"),
                required=installation.strict_versions and scope["method"] not in READING,
            )
            if caller
            else NEWEST_RELEASED,
            links=Links("/".join([base, *map(quoted, asked_for)])),
            call=Call(installation, caller, found.project, datetime.now(UTC)) if found else None,
            organization=found.organization if found else "",
        )

    def _used(self, asked: Asked) -> Usage | None:
        """Count the request for its caller. Raises TooManyRequests."""
        if asked.call is None or asked.call.caller is None:
            return None
        return self._limits.count(asked.call.caller.id, asked.installation.requests_per_minute)

    async def _found(
        self, installation: Installation, caller: Caller, before: tuple[str, ...]
    ) -> "_Place":
        home = await self._home(installation, caller)
        named = _project_named(before, home)
        project = await self._project(installation, caller, home, named)
        return _Place(home, project, before[:-1] if named else before)

    async def _home(self, installation: Installation, caller: Caller) -> str:
        async def find() -> str | None:
            return await projects.organization_of(installation.database, caller)

        home = await self._homes.get(caller.organization, find)
        if home is None:
            raise NotFound("organization", caller.organization)
        return home

    async def _project(
        self, installation: Installation, caller: Caller, home: str, named: str
    ) -> Project | None:
        wanted = named or caller.only_project
        if not wanted:
            return None

        async def find() -> Project | None:
            return await projects.find(installation.database, caller, home, wanted)

        key = (caller.id, caller.only_project or "", wanted.casefold())
        project = await self._projects.get(key, find)
        if project is None:
            raise NotFound("project", wanted)
        return project


@dataclass(frozen=True, slots=True)
class _Place:
    """What the parts in front of `_apis` mean; `base_path` is spelled as the client does."""

    organization: str
    project: Project | None
    base_path: tuple[str, ...]


class _Dressed:
    """Adds the headers that every answer of this contract carries (CONTRACT A.8)."""

    def __init__(self, send: Send, activity: str, headers: Headers) -> None:
        self._send = send
        self._activity = activity
        self._session = _session(headers)
        self.caller: Caller | None = None
        self.usage: Usage | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *self._headers()]
        await self._send(message)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        activity = self._activity.encode()
        own = [
            *ALWAYS,
            (b"x-tfs-session", self._session.encode()),
            (b"activityid", activity),
            (b"x-vss-e2eid", activity),
        ]
        if self.caller:
            known = quote(self.caller.unique_name, safe="@.-_\\[] ")
            own.append((b"x-vss-userdata", f"{self.caller.id}:{known}".encode()))
        if self.usage and self.usage.is_worth_telling:
            own += self.usage.headers()
        return own


def _refused(error: Exception, activity: str, shown_path: str) -> Answer:
    if isinstance(error, DatabaseUnavailable):
        error = errors.unavailable(str(error))
    problem = error if isinstance(error, Problem) else errors.problem_of(error)  # type: ignore[arg-type]
    return errors.answer(problem, activity, shown_path=shown_path)


def _locations(scope: HTTPScope) -> Answer:
    """OPTIONS answers what can be called where, to everybody: it is the same everywhere."""
    _, tail = _split(raw_path(scope))
    return 200, {"Content-Type": OPTIONS_KIND}, locations.listed(tail[0] if tail else "")


def _is_ours(raw: bytes) -> bool:
    if APIS.encode() in raw.lower():
        return True
    if b"%" not in raw:
        return False
    try:
        return APIS in (part.casefold() for part in paths.parts(raw))
    except Refusal:
        return False


def _split(raw: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands before and after the first `_apis`."""
    short = len(raw) <= paths.LONGEST_REMEMBERED
    return _remembered(raw) if short else _split_now(raw)


def _split_now(raw: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parts = paths.parts(raw)
    for number, part in enumerate(parts):
        if part.casefold() == APIS:
            return parts[:number], _tail(parts[number + 1 :])
    raise NoSuchRoute("The path has no _apis part.")


_remembered = lru_cache(maxsize=1024)(_split_now)


def _tail(parts: tuple[str, ...]) -> tuple[str, ...]:
    """What is routed; very old tasks call the area by the product's name (LEGACY 1)."""
    if parts and parts[0].casefold() == OLD_AREA:
        return ("release", *parts[1:])
    return parts


def _project_named(before: tuple[str, ...], home: str) -> str:
    """The project in front of `_apis`, behind the caller's organization; "" when there is none.

    Raises NotFound for the name of any other organization, whether there is one or not (R-04).
    """
    ours = {home.casefold(), DEFAULT_COLLECTION}
    if before and before[-1].casefold() in ours and not _is_project_position(before, ours):
        return ""
    if len(before) > 1 and before[-2].casefold() in ours:
        return before[-1]
    raise NotFound("organization", "/".join(before), "There is no such organization.")


def _is_project_position(before: tuple[str, ...], ours: set[str]) -> bool:
    """Whether the last part is a project although it is called like the organization."""
    return len(before) > 1 and before[-2].casefold() in ours


def _origin(scope: Scope, headers: Headers) -> str:
    host = header(headers, b"host") or "localhost"
    return f"{scope['scheme']}://{host}"


def _method(method: str, headers: Headers) -> str:
    """The method that counts: a POST may stand for another one, for proxies' sake."""
    wanted = header(headers, b"x-http-method-override").strip().upper()
    if not wanted or method != "POST":
        return method
    if wanted not in OVERRIDABLE:
        raise BadRequest("X-HTTP-Method-Override may only name PATCH, PUT or DELETE.")
    return wanted


def _session(headers: Headers) -> str:
    given = header(headers, b"x-tfs-session")
    try:
        return str(UUID(given)) if given else _new_id()
    except ValueError:
        return _new_id()


def _new_id() -> str:
    """A random id of version 4 as text; `uuid4` takes five times as long to make one of it."""
    made = os.urandom(16).hex()
    return f"{made[:8]}-{made[8:12]}-4{made[13:16]}-a{made[17:20]}-{made[20:]}"
