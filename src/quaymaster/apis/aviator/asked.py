"""One request of this contract as its handlers see it: who asks, and a strict JSON body."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Response

from quaymaster.actions.call import Call, Caller, Installation
from quaymaster.apis.aviator.errors import Problem, unauthorized
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.query import Query
from quaymaster.apis.shared.refusals import WrongContentType
from quaymaster.apis.shared.requests import ReadableRequest
from quaymaster.domain.errors import NotFound
from quaymaster.domain.numbers import digits

JSON = "application/json"
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
# Stands for a slash inside a part of the path while that is routed; no path may hold it itself.
INNER_SLASH = "\0"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the edge found out. `call` None: nobody is signed in."""

    installation: Installation
    call: Call | None
    query: Query
    url: str


class AviatorRequest(ReadableRequest[Caller | None, Any]):
    """A request whose body and query are read as this contract wants them."""

    @property
    def asked(self) -> Asked:
        asked: Asked = self.scope["state"]["asked"]
        return asked

    @property
    def call(self) -> Call:
        if self.asked.call is None:
            raise unauthorized()
        return self.asked.call

    @property
    def path_params(self) -> dict[str, Any]:
        """What the path names, with the slashes inside of names as they were sent."""
        found = super().path_params
        return {name: value.replace(INNER_SLASH, "/") for name, value in found.items()}

    async def fields(self) -> Mapping[str, Any]:
        """The body as an object; an absent one is empty.

        Raises Problem 400 `Invalid JSON`, WrongContentType for a body of another kind.
        """
        body = await self.body()
        if not body.strip():
            return {}
        kind = self.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if kind != JSON and not kind.endswith("+json"):
            raise WrongContentType("Unsupported content type")
        value = json_reading.strict(body)
        if not isinstance(value, dict):
            raise Problem(400, "Invalid JSON")
        return value

    def whole(self, name: str, default: int) -> int:
        """A whole number of 1 or more. Raises Problem 400 `Invalid <name>`."""
        if not self.asked.query.has(name):
            return default
        text = self.asked.query.text(name)
        number = digits(text, 9)
        if not number:
            raise Problem(400, f"Invalid {name}")
        return number

    def expanded(self) -> set[str]:
        """The parts that are asked for beside the documented ones: `?expand=workflow,reasons`."""
        return {name.strip() for name in self.asked.query.text("expand").split(",")}

    def answer(
        self, value: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response[bytes]:
        return Response(
            msgspec.json.encode(value),
            status_code=status,
            media_type=JSON,
            headers=dict(headers or {}),
        )


def text_in(body: Mapping[str, Any], name: str, default: str = "") -> str:
    """A text of the body. Raises Problem 400 `Invalid <name>`."""
    value = body.get(name, default)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Problem(400, f"Invalid {name}")
    return value


def flag_in(body: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A true or false of the body. Raises Problem 400 `Invalid <name>`."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Problem(400, f"Invalid {name}")
    return value


def time_in(body: Mapping[str, Any], name: str) -> datetime | None:
    """A time with its zone. Raises Problem 400 `Invalid <name>`."""
    text = text_in(body, name)
    if not text:
        return None
    found = read_time(text)
    if found is None:
        raise Problem(400, f"Invalid {name}")
    return found


def read_time(text: str) -> datetime | None:
    """A time in UTC that can be reckoned with; None for what is none or names no zone."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo and EARLIEST < time < LATEST else None
    except (ValueError, OverflowError):
        return None


def number_in(text: str, kind: str) -> int:
    """The id that a part of the path is. Raises NotFound of this kind for what is none."""
    number = digits(text)
    if number is None:
        raise NotFound(kind, text[:100])
    return number
