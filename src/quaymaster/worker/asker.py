"""Asks the outside beside everything else a worker does: who is slow there holds up nothing."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from quaymaster.actions.call import Call, Installation
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.storage.object_storage import StorageUnavailable

AT_ONCE = 16

Ask = Callable[[Call, int], Awaitable[bool]]

_log = structlog.get_logger(__name__)


class Asker:
    """What this worker is asking now, such as gates or workflows, by the ids of their rows.

    Whatever is lost here is woken again by the sweeper.
    """

    def __init__(self, installation: Installation, what: str, ask: Ask) -> None:
        self._installation = installation
        self._what = what
        self._ask = ask
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()

    async def ask(self, number: int) -> None:
        """Begin to ask, or ask once more after what is under way; does not wait for answers."""
        if number in self._tasks:
            self._again.add(number)
            return
        self._tasks[number] = asyncio.ensure_future(self._asked(number))

    async def _asked(self, number: int) -> None:
        try:
            async with self._room:
                await self._once(number)
                while number in self._again:
                    self._again.discard(number)
                    await self._once(number)
        finally:
            # Right after the last look whether to ask again: who asks from now on begins anew.
            self._again.discard(number)
            self._tasks.pop(number, None)

    async def close(self) -> None:
        """Stop asking; what is under way is taken up by another worker, or given up."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _once(self, number: int) -> None:
        try:
            await self._ask(Call(self._installation), number)
        except (DatabaseUnavailable, StorageUnavailable) as error:
            _log.warning(f"{self._what} have to wait", number=number, reason=str(error))
        except Exception:  # noqa: BLE001 - it stands in a row that is due again later
            _log.exception(f"{self._what} could not be asked", number=number)
