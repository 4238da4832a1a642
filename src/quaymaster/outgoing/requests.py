"""Requests to the outside world and their answers, whoever makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Unreachable(Exception):
    """A call to the outside that came to nothing; the text says why, without credentials.

    `may_have_arrived` False: the request was never sent, so that nobody can have acted on it.
    """

    def __init__(self, message: str, *, may_have_arrived: bool = True) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One HTTP request to an absolute URL; `headers` may hold credentials and are never shown."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What came back: header names in lower case, a bounded body, the places redirected to."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    redirects: tuple[str, ...] = ()


class WebClient(Protocol):
    """Whatever makes outgoing calls for us."""

    async def ask(self, request: WebRequest) -> WebAnswer:
        """The answer, whatever its status. Raises Unreachable."""
