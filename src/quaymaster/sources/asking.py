"""Asking a source over HTTP: addresses, sign-in, JSON, and sentences for what goes wrong."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from quaymaster.outgoing.requests import Unreachable, WebAnswer, WebClient, WebRequest
from quaymaster.protocol.job import Endpoint

TOKENS = ("accesstoken", "apitoken", "pat", "token", "apikey", "nugetkey")
SHOWN_CHARACTERS = 200
LONGEST_ADDRESS = 2000


class SourceProblem(Exception):
    """The source cannot be asked or does not have what is wanted; the text says what to change.

    `is_final` False: the same question may be answered when it is asked again.
    """

    def __init__(self, message: str, *, is_final: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Asked:
    """An artifact as its source knows it: the flat reference and the connection that it names.

    `reference` has the keys of SEMANTICS 4.1, and `key.name` for the display name of a key.
    `of_default_branch`: its versions must be of the default branch that the source itself names.
    """

    alias: str
    type: str
    reference: Mapping[str, str]
    connection: Endpoint | None = field(default=None, repr=False)
    of_default_branch: bool = False

    def text(self, *keys: str) -> str:
        """The first of these keys that has a value, without blanks around it; "" without one."""
        found = (self.reference.get(key, "").strip() for key in keys)
        return next((value for value in found if value), "")

    def required(self, what: str, *keys: str) -> str:
        """The same; raises SourceProblem naming the artifact and what it lacks."""
        if value := self.text(*keys):
            return value
        raise SourceProblem(
            f"Artifact {self.alias} does not name its {what}. Put it into `{keys[0]}` of the "
            "artifact's definitionReference."
        )

    def server(self, usual: str = "") -> str:
        """Where the source is, without a closing slash: the connection's address or `usual`."""
        address = (self.connection.url if self.connection else "") or usual
        if not address:
            raise SourceProblem(
                f"Artifact {self.alias} of type {self.type} needs a service connection that says "
                "where its server is. Name one in `connection` of its definitionReference."
            )
        if urlsplit(address).scheme not in ("http", "https"):
            raise SourceProblem(
                f"The connection of artifact {self.alias} must have an http:// or https:// address."
            )
        return address.rstrip("/")

    @property
    def branch(self) -> str:
        """The branch that its versions must be of; "" is any."""
        return self.text("defaultVersionBranch", "branch", "branches")

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that its versions must all have."""
        return tuple(tag.strip() for tag in _split(self.text("defaultVersionTags")) if tag.strip())


def _split(text: str) -> list[str]:
    return text.replace(";", ",").split(",")


def authorization(connection: Endpoint | None, *, bearer: bool = False) -> dict[str, str]:
    """The header that signs in with a connection: a token as bearer or as a Basic password."""
    if connection is None:
        return {}
    token = token_of(connection)
    user, password = secret_of(connection, "username"), secret_of(connection, "password")
    if token and (bearer or connection.scheme.casefold() in ("oauth", "bearer")):
        return {"Authorization": f"Bearer {token}"}
    if token or password or user:
        pair = f"{user}:{token or password}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


def secret_of(connection: Endpoint, *names: str) -> str:
    """The first of these parameters that has a value; names are in lower case."""
    held = {name.lower(): value for name, value in connection.parameters.items()}
    return next((held[name] for name in names if held.get(name)), "")


def token_of(connection: Endpoint, *, or_password: bool = False) -> str:
    """The token of a connection under any of the names that people give it; where that is so, a
    password may be one."""
    return secret_of(connection, *TOKENS, *(("password",) if or_password else ()))


def connection_named(connections: Iterable[Endpoint], word: str) -> Endpoint | None:
    """The connection with this id, else name, whatever its case; None for "" and an unknown one."""
    named = word.strip().casefold()
    known = list(connections) if named else []
    by_id = (one for one in known if one.id.casefold() == named)
    by_name = (one for one in known if one.name.casefold() == named)
    return next(by_id, None) or next(by_name, None)


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks the server of one artifact; `headers` sign in to it.

    They go to the scheme, host and port of `server` and nowhere else: what answers of a server lead
    to may be anybody's. Without a `server` they go with every question.
    """

    client: WebClient
    alias: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    server: str = ""

    def headers_for(self, url: str) -> Mapping[str, str]:
        """What signs in there; nothing for another server than the one asked. Raises SourceProblem
        for what is no URL."""
        try:
            is_own = not self.server or origin(url) == origin(self.server)
        except ValueError:
            raise SourceProblem(
                f"Artifact {self.alias}: its server leads to an address that is no URL."
            ) from None
        return self.headers if is_own else {}

    async def json(self, url: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The JSON of a GET. Raises SourceProblem for any answer but a success with JSON."""
        answer = await self.answer(url, parameters)
        return self.read(answer, url)

    async def answer(self, url: str, parameters: Mapping[str, Any] | None = None) -> WebAnswer:
        """The answer to a GET, a success. Raises SourceProblem."""
        answer = await self.raw(url, parameters)
        if not 200 <= answer.status < 300:
            raise self.refused(answer, url)
        return answer

    async def of_one(
        self, url: str, missing: str, parameters: Mapping[str, Any] | None = None
    ) -> WebAnswer:
        """The same about one thing by name. Raises SourceProblem, which says `missing` where the
        server does not have it."""
        answer = await self.raw(url, parameters)
        if answer.status == 404:
            raise SourceProblem(missing)
        if answer.status != 200:
            raise self.refused(answer, url)
        return answer

    async def raw(
        self, url: str, parameters: Mapping[str, Any] | None = None, method: str = "GET"
    ) -> WebAnswer:
        """The answer whatever its status. Raises SourceProblem when there is none."""
        known = {
            name: value for name, value in (parameters or {}).items() if value not in ("", None)
        }
        if known:
            url += ("&" if "?" in url else "?") + urlencode(known)
        headers = {
            "Accept": "application/json",
            "User-Agent": "Quaymaster",
            **self.headers_for(url),
        }
        try:
            return await self.client.ask(WebRequest(method, url, headers))
        except Unreachable as error:
            message = f"Artifact {self.alias}: {error}"
            raise SourceProblem(message, is_final=False) from error

    def read(self, answer: WebAnswer, url: str) -> Any:
        """The JSON of an answer."""
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise SourceProblem(
                f"Artifact {self.alias}: {place(url)} answered something that is not JSON. Is the "
                "address of its connection right, and does its sign-in still work?"
            ) from None

    def refused(self, answer: WebAnswer, url: str) -> SourceProblem:
        """What an answer that is no success means, in a sentence."""
        status = answer.status
        advice = {
            401: "it does not accept the credentials of the artifact's connection",
            403: "the account of the artifact's connection may not read this, or asks too often",
            404: "it does not have this, or does not show it to the artifact's connection",
        }.get(status, "")
        said = f"Artifact {self.alias}: {place(url)} answered {status}"
        is_final = 400 <= status < 500 and status not in (408, 429)
        return SourceProblem(f"{said}: {advice}." if advice else f"{said}.", is_final=is_final)


def place(url: str) -> str:
    """Scheme, host, port and path of an address: what may be told of it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:SHOWN_CHARACTERS]


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address. Raises ValueError for what is no URL."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """The JSON objects of what should be a list of them."""
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict):
            yield each


def inside(value: Any, *keys: str) -> Any:
    """What stands at these keys of nested objects; None when anything on the way is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text_in(value: Any, *keys: str) -> str:
    """A text or a number at these keys as text; "" for everything else."""
    found = inside(value, *keys)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def page_in(value: Any, *keys: str) -> str:
    """An address of the service that people may follow; "" for anything else at these keys."""
    text = text_in(value, *keys)
    is_one = text.startswith(("http://", "https://")) and text.isprintable()
    return text if is_one and len(text) <= LONGEST_ADDRESS else ""
