"""Sends what others are to hear, beside everything else the worker does.

A receiver that is slow holds up nobody but itself: little is under way to it at a time.
"""

import asyncio
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import structlog

from quaymaster.actions.announcements import deliveries
from quaymaster.actions.announcements.deliveries import Announcer
from quaymaster.actions.builds import status_posting
from quaymaster.actions.call import Installation
from quaymaster.actions.ports.outside import WebClient
from quaymaster.store.announcements.deliveries import Letter
from quaymaster.store.announcements.status_posts import StatusPost
from quaymaster.store.postgres.database import DatabaseUnavailable

AT_ONCE = 16
AT_ONCE_TO_ONE = 4
LOOK_SECONDS = 5.0  # when nobody woke it: what was put off may be due

T = TypeVar("T")
Lane = TypeVar("Lane", bound=Hashable)
_log = structlog.get_logger(__name__)


class Outbox(Protocol[T, Lane]):
    """Rows that are to be sent; each is taken with a lease, so that it is sent at least once."""

    async def due(self, busy: list[Lane], most: int, /) -> list[T]:
        """Take at most so many that may be sent now, none for a busy receiver."""

    async def send(self, one: T, /) -> None:
        """Send one that was taken, and keep what came of it."""

    def lane(self, one: T, /) -> Lane:
        """Who is to get it."""

    def number(self, one: T, /) -> int:
        """What it is called in the log."""


class Letters:
    """What subscriptions want to hear."""

    def __init__(
        self, installation: Installation, web: WebClient, announcers: Mapping[str, Announcer]
    ) -> None:
        self._installation = installation
        self._web = web
        self._announcers = announcers

    async def due(self, busy: list[UUID], most: int, /) -> list[Letter]:
        """See `Outbox`."""
        return await deliveries.due(self._installation, busy, most)

    async def send(self, one: Letter, /) -> None:
        """See `Outbox`."""
        await deliveries.send(self._installation, self._web, self._announcers, one)

    def lane(self, one: Letter, /) -> UUID:
        """The subscription."""
        return one.subscription

    def number(self, one: Letter, /) -> int:
        """The delivery's."""
        return one.number


class CommitStatuses:
    """What repositories are told of their commits."""

    def __init__(self, installation: Installation, web: WebClient) -> None:
        self._installation = installation
        self._web = web

    async def due(self, busy: list[str], most: int, /) -> list[StatusPost]:
        """See `Outbox`."""
        return await status_posting.due(self._installation, busy, most)

    async def send(self, one: StatusPost, /) -> None:
        """See `Outbox`."""
        await status_posting.send(self._installation, self._web, one)

    def lane(self, one: StatusPost, /) -> str:
        """The service connection."""
        return one.lane

    def number(self, one: StatusPost, /) -> int:
        """The status'."""
        return one.number


class Courier(Generic[T, Lane]):
    """Takes what is due in an outbox and sends each in a task of its own."""

    def __init__(self, outbox: Outbox[T, Lane]) -> None:
        self._outbox = outbox
        self._woken = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], Lane] = {}

    async def wake(self, _what: int) -> None:
        """Handler of wake-ups: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Send until canceled; letters under way then are sent again by somebody after a while."""
        try:
            while True:
                await self._send_due()
                await self._something_to_do()
        finally:
            for task in self._under_way:
                task.cancel()

    async def _something_to_do(self) -> None:
        """Until woken, until a letter is done, or for a while."""
        woken = asyncio.ensure_future(self._woken.wait())
        await asyncio.wait(
            [woken, *self._under_way], timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        woken.cancel()
        self._woken.clear()

    async def _send_due(self) -> None:
        self._under_way = {task: to for task, to in self._under_way.items() if not task.done()}
        while free := AT_ONCE - len(self._under_way):
            letters = await self._taken(min(free, AT_ONCE_TO_ONE))
            if not letters:
                return
            for letter in letters:
                task = asyncio.create_task(self._sent(letter))
                self._under_way[task] = self._outbox.lane(letter)

    async def _taken(self, most: int) -> list[T]:
        towards = Counter(self._under_way.values())
        busy = [one for one, count in towards.items() if count >= AT_ONCE_TO_ONE]
        try:
            return await self._outbox.due(busy, most)
        except DatabaseUnavailable as error:
            _log.warning("deliveries have to wait", reason=str(error))
        except Exception:  # noqa: BLE001 - a courier that ends takes the whole worker with it
            _log.exception("what is to be delivered could not be read")
        return []

    async def _sent(self, letter: T) -> None:
        try:
            await self._outbox.send(letter)
        except DatabaseUnavailable as error:
            _log.warning(
                "a delivery is sent again later",
                delivery=self._outbox.number(letter),
                reason=str(error),
            )
        except Exception:  # noqa: BLE001 - its lease ends and it is tried again; others go on
            _log.exception("a delivery could not be sent", delivery=self._outbox.number(letter))
