"""Requests that last: who sends or takes a long body must be allowed to until its end (R-06)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

from litestar.types import (
    HTTPReceiveMessage,
    Message,
    Receive,
    Send,
    WebSocketReceiveMessage,
)

from quaymaster.store.postgres.database import DatabaseUnavailable

# With the two seconds of a ShortMemory a token that was revoked is dead after four.
RECHECK_SECONDS = 2.0
MOST_STUCK_SECONDS = 60.0  # without taking a byte of an answer


class CutOff(Exception):
    """The answer ends here, without its end: the client sees a broken connection."""


class Lasting:
    """One request's `receive` and `send`, which ask again whether its caller may still go on.

    `check` raises a Refusal if not. A body that is being received is answered with that; an answer
    under way is broken off with CutOff, as is one that nobody takes.
    """

    def __init__(
        self, receive: Receive, send: Send, check: Callable[[], Awaitable[None]] | None
    ) -> None:
        self._receive = receive
        self._send = send
        self._check = check
        self._checked_at = monotonic()
        self.is_cut = False

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        """The next message. Raises what `check` raises, also after the last piece of a body: what
        was begun with a good token is not done after its end."""
        message = await self._receive()
        if message["type"] == "http.request":
            await self._look_again()
        return message

    async def send(self, message: Message) -> None:
        """Send it. Raises CutOff in the middle of an answer."""
        if message["type"] != "http.response.body" or not message.get("more_body"):
            await self._send(message)
            return
        try:
            await self._look_again()
            async with asyncio.timeout(MOST_STUCK_SECONDS):
                await self._send(message)
        except Exception as error:
            self.is_cut = True
            raise CutOff from error

    async def _look_again(self) -> None:
        now = monotonic()
        if self._check is None or now - self._checked_at < RECHECK_SECONDS:
            return
        with suppress(DatabaseUnavailable):  # while it is away nobody can be shut out either
            await self._check()
        self._checked_at = now
