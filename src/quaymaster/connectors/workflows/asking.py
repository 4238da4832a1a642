"""Asking a service about runs: requests, JSON, and what each kind of failure means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from quaymaster.actions.ports.outside import Unreachable, WebAnswer, WebClient, WebRequest
from quaymaster.actions.ports.workflows import (
    FarRun,
    Order,
    WorkflowPutOff,
    WorkflowRefused,
    WorkflowUnclear,
)
from quaymaster.domain.connections import secret_values
from quaymaster.domain.numbers import digits
from quaymaster.runner.masking import Masker
from quaymaster.sources.asking import inside, place, text_in

SHOWN_CHARACTERS = 300  # of what a service says went wrong
BUSY = (408, 425, 429, 503)
LONGEST_NAME = 200
LONGEST_PUT_OFF = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Asking:
    """Questions to one service on behalf of one order; `headers` sign in."""

    client: WebClient
    order: Order
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def begin(
        self, url: str, body: Any, taken: tuple[int, ...], *, follows: bool = True
    ) -> WebAnswer:
        """The answer to the POST that begins a run, one of these statuses. After a redirect that
        may be the answer to a GET: only who can tell the difference `follows` it.

        Raises WorkflowUnclear when the service may have begun a run all the same.
        """
        try:
            answer = await self._sent("POST", url, body)
        except Unreachable as error:
            if not error.may_have_arrived:
                raise WorkflowPutOff(str(error)) from error
            raise WorkflowUnclear(str(error)) from error
        if answer.redirects and not (follows and answer.status in taken):
            raise WorkflowRefused(
                f"{place(url)} redirects to {answer.redirects[-1]}. Give the address it is now at."
            )
        if answer.status in taken:
            return answer
        if answer.status >= 500 and answer.status not in BUSY:
            raise WorkflowUnclear(f"{place(url)} answered {answer.status}.")
        raise self.refused(answer, url)

    async def json(
        self, url: str, parameters: Mapping[str, Any] | None = None, method: str = "GET"
    ) -> Any:
        """The JSON of a successful answer."""
        if parameters:
            url += "?" + urlencode(parameters)
        try:
            answer = await self._sent(method, url, None)
        except Unreachable as error:
            raise WorkflowPutOff(str(error)) from error
        if not 200 <= answer.status < 300:
            raise self.refused(answer, url)
        return decoded(answer, url)

    async def _sent(self, method: str, url: str, body: Any) -> WebAnswer:
        headers = {"Accept": "application/json", "User-Agent": "Quaymaster", **self.headers}
        content = b""
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            content = msgspec.json.encode(body)
        return await self.client.ask(WebRequest(method, url, headers, content))

    def refused(self, answer: WebAnswer, url: str) -> WorkflowRefused | WorkflowPutOff:
        """What an answer that is no success means, without any secret in it."""
        status = answer.status
        used_up = status == 403 and answer.headers.get("x-ratelimit-remaining") == "0"
        waits = status == 403 and "retry-after" in answer.headers
        if status >= 500 or status in BUSY or used_up or waits:
            return WorkflowPutOff(f"{place(url)} answered {status}.", _after(answer))
        named = self.order.connection.name if self.order.connection else ""
        through = f"the service connection {named}" if named else "a request without a connection"
        advice = {
            401: f"it does not accept the credentials of {through}",
            403: f"{through} may not do this there",
            404: f"it does not have {self.order.workflow.target}, or does not show it to {through}",
        }.get(status, "")
        said = self._masked(_said(answer))
        text = f"{place(url)} answered {status}" + (f": {advice}" if advice else "")
        return WorkflowRefused(f"{text}. It said: {said}" if said else f"{text}.")

    def _masked(self, text: str) -> str:
        masker = Masker()
        if connection := self.order.connection:
            for secret in secret_values(connection.parameters, connection.data):
                masker.add(secret)
        if self.order.call_back:
            masker.add(self.order.call_back.token)
        return masker.mask(text)[:SHOWN_CHARACTERS]


def decoded(answer: WebAnswer, url: str) -> Any:
    """The JSON of an answer; WorkflowPutOff for anything else."""
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise WorkflowPutOff(f"{place(url)} answered something that is not JSON.") from None


def begun(answer: WebAnswer, url: str, read: Callable[[Any], FarRun]) -> FarRun:
    """The run that a service says to have begun. Raises WorkflowUnclear when that cannot be read:
    it may have been begun all the same."""
    try:
        return read(decoded(answer, url))
    except WorkflowPutOff as error:
        raise WorkflowUnclear(str(error)) from error


def name_in(value: Any, *keys: str) -> str:
    """What the service calls a run; "" for what nobody could call it by."""
    text = text_in(value, *keys)
    return text if text.isprintable() and len(text) <= LONGEST_NAME else ""


def _said(answer: WebAnswer) -> str:
    """The sentence in which services say what was wrong, on one line."""
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""
    texts = (inside(found, key) for key in ("message", "error", "error_description"))
    said = next((one for one in texts if one), "")
    text = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    return " ".join(part for part in text.split() if part.isprintable())


def _after(answer: WebAnswer) -> timedelta | None:
    """How long the service asks to be left alone."""
    seconds = digits(answer.headers.get("retry-after", "").strip(), 6)
    return None if seconds is None else min(timedelta(seconds=seconds), LONGEST_PUT_OFF)
