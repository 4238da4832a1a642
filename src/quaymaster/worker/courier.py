"""Sends what subscriptions want to hear, beside everything else the worker does.

A receiver that is slow holds up nobody but itself: few letters are under way to it at a time.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

import structlog

from quaymaster.actions import deliveries
from quaymaster.actions.call import Installation
from quaymaster.actions.deliveries import Announcer
from quaymaster.actions.ports import WebClient
from quaymaster.store.database import DatabaseUnavailable
from quaymaster.store.deliveries import Letter

AT_ONCE = 16
AT_ONCE_TO_ONE = 4
LOOK_SECONDS = 5.0  # when nobody woke it: what was put off may be due

_log = structlog.get_logger(__name__)


class Courier:
    """Takes letters that are due and sends each in a task of its own."""

    def __init__(
        self, installation: Installation, web: WebClient, announcers: Mapping[str, Announcer]
    ) -> None:
        self._installation = installation
        self._web = web
        self._announcers = announcers
        self._woken = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], UUID] = {}

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
                self._under_way[task] = letter.subscription

    async def _taken(self, most: int) -> list[Letter]:
        towards = Counter(self._under_way.values())
        busy = [one for one, count in towards.items() if count >= AT_ONCE_TO_ONE]
        try:
            return await deliveries.due(self._installation, busy, most)
        except DatabaseUnavailable as error:
            _log.warning("deliveries have to wait", reason=str(error))
        return []

    async def _sent(self, letter: Letter) -> None:
        try:
            await deliveries.send(self._installation, self._web, self._announcers, letter)
        except DatabaseUnavailable as error:
            _log.warning(
                "a delivery is sent again later", delivery=letter.number, reason=str(error)
            )
        except Exception:  # noqa: BLE001 - its lease ends and it is tried again; others go on
            _log.exception("a delivery could not be sent", delivery=letter.number)
