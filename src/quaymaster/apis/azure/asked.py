"""One request of this contract as its handlers see it, and the ways to answer it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response

from quaymaster.actions.call import Call, Caller, Installation
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.links import Links
from quaymaster.apis.azure.negotiation import ApiVersion
from quaymaster.apis.azure.values import list_in
from quaymaster.apis.azure.versions import registry as versions
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.refusals import NotSignedIn, WrongContentType
from quaymaster.apis.shared.requests import ReadableRequest

PERSON = ("id", "uniqueName", "displayName")
READABLE = ("application/json", "text/json", "application/json-patch+json", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the edge has found out about a request before it is routed.

    `tail` are the parts of the path after `_apis`, as sent; `call` is None without credentials;
    `organization` is the name under which the caller's organization is addressed.
    """

    installation: Installation
    activity: str
    shown_path: str
    tail: tuple[str, ...]
    query: Query
    version: ApiVersion
    links: Links
    call: Call | None = None
    organization: str = ""


class AzureRequest(ReadableRequest[Any, Any]):
    """A Litestar request that knows what the edge found out."""

    @property
    def asked(self) -> Asked:
        asked: Asked = self.scope["state"]["asked"]
        return asked

    @property
    def call(self) -> Call:
        """Who asks, in which project. Raises NotSignedIn where nobody was recognised."""
        if self.asked.call is None:
            raise NotSignedIn("This request needs credentials.")
        return self.asked.call

    @property
    def caller(self) -> Caller:
        caller = self.call.caller
        if caller is None:
            raise NotSignedIn("This request needs credentials.")
        return caller

    @property
    def links(self) -> Links:
        return self.asked.links

    @property
    def parameters(self) -> Query:
        return self.asked.query

    def in_project(self) -> Call:
        """The call of a request that must name a project (CONTRACT A.1.4)."""
        if self.call.project is None:
            raise Problem(
                404,
                "ProjectDoesNotExistException",
                "This request must name a project: /{organization}/{project}/_apis/…",
            )
        return self.call

    async def document(self, resource: str) -> Any:
        """The JSON body in the newest shape; None when there is none.

        Raises Refusal for a body that is too large, of another kind, or not JSON.
        """
        body = await self.body()
        if not body.strip():
            return None
        self._check_kind()
        value = json_reading.decode(body)
        return versions.upgraded(self.asked.version.precise, resource, value)

    async def properties(self, resource: str, known: Iterable[str]) -> dict[str, Any]:
        """The body as one JSON object with its names spelled as published."""
        value = await self.document(resource)
        if not isinstance(value, dict):
            raise Problem(
                400,
                "ArgumentNullException",
                "Value cannot be null. The body must be a JSON object.",
            )
        return json_reading.cased(value, known)

    @property
    def wants_zip(self) -> bool:
        """Whether a zip is asked for: by `$format`, or without that by the first type accepted."""
        accepted = self.headers.get("accept", "").partition(";")[0].strip().casefold()
        wanted = self.parameters.text("format").casefold()
        return wanted == "zip" or (not wanted and accepted == "application/zip")

    def _check_kind(self) -> None:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().casefold()
        encoding = self.headers.get("content-encoding", "identity").casefold()
        if kind not in READABLE or encoding != "identity":
            said = kind if encoding == "identity" else f"{kind} with Content-Encoding {encoding}"
            raise WrongContentType(
                f'The request indicated a Content-Type of "{said}" for method type '
                f'"{self.method}" which is not supported. Valid content types for this method '
                "are: application/json."
            )

    def narrowed(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with only those of its properties that `propertyFilters` names, if it is given
        (CONTRACT B 4, 16, 32)."""
        if not self.parameters.has("propertyFilters"):
            return body
        kept, held = list_in(self.parameters.all("propertyFilters")), body.get("properties") or {}
        return {**body, "properties": {name: held[name] for name in kept if name in held}}

    def answer(self, resource: str, value: Any) -> Response[bytes]:
        """200 with a JSON body in the shape of the version that was asked for."""
        shown = versions.downgraded(self.asked.version.precise, resource, value)
        return self.ready(msgspec.json.encode(shown))

    def collection(
        self, resource: str, values: list[Any], token: int | str | None = None
    ) -> Response[bytes]:
        """200 with `{count, value}`; `token` is where the next page begins."""
        shown = self._shown(resource, values)
        return self.ready(msgspec.json.encode({"count": len(values), "value": shown}), token)

    def entries(self, resource: str, values: list[Any]) -> bytes:
        """Some of these values as JSON, joined by commas."""
        return msgspec.json.encode(self._shown(resource, values))[1:-1]

    def _shown(self, resource: str, values: list[Any]) -> list[Any]:
        number = self.asked.version.precise
        if versions.is_newest_shape(number, resource):
            return values
        return [versions.downgraded(number, resource, value) for value in values]

    def joined(self, entries: bytes, count: int, token: int | str | None = None) -> Response[bytes]:
        """The same from entries that are JSON already, joined by commas."""
        return self.ready(b"".join((b'{"count":%d,"value":[' % count, entries, b"]}")), token)

    def ready(self, body: bytes, token: int | str | None = None) -> Response[bytes]:
        """200 with this JSON; the version in use is repeated in the Content-Type."""
        headers = self.continued(token)
        return Response(body, media_type=self.json_kind, headers=headers, status_code=200)

    def continued(self, token: int | str | None) -> dict[str, str]:
        """The header that tells where the next page begins; none on the last page."""
        return {} if token is None else {"x-ms-continuationtoken": str(token)}

    @property
    def json_kind(self) -> str:
        """The Content-Type of an answer in JSON."""
        return f"application/json; charset=utf-8; api-version={self.asked.version.text}"

    def text(self, body: bytes, kind: str = "text/plain") -> Response[bytes]:
        """200 with something else than JSON."""
        return Response(body, media_type=kind, status_code=200)


def nothing() -> Response[None]:
    """204 without a body."""
    return Response(None, status_code=204)


def object_in(value: Any, where: str) -> Mapping[str, Any]:
    """A JSON object inside a body, nothing counting as empty. Raises Problem."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Problem(400, "VssPropertyValidationException", f"{where} must be a JSON object.")
    return value


def array_in(value: Any, where: str) -> list[Any]:
    """A JSON array inside a body, nothing counting as empty. Raises Problem."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Problem(400, "VssPropertyValidationException", f"{where} must be a JSON array.")
    return value


def text_in(value: Any, where: str, *, longest: int = 4096) -> str:
    """A text inside a body, nothing counting as empty. Raises Problem."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Problem(400, "VssPropertyValidationException", f"{where} must be a text.")
    if len(value) > longest:
        raise Problem(
            400,
            "VssPropertyValidationException",
            f"{where} is longer than {longest} characters.",
        )
    return value


def identity_in(value: Any, where: str) -> str:
    """Who is meant by an identity object or, as some scripts send it, a text (SEMANTICS 9.12).

    Nothing counts as nobody, "". Raises Problem.
    """
    if value is None or isinstance(value, str):
        return value or ""
    person = json_reading.cased(object_in(value, where), PERSON)
    named = person.get("id") or person.get("uniqueName") or person.get("displayName")
    return text_in(named, f"{where}.id")
