"""A short memory for answers that are asked for with every request, such as whose a token is."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ShortMemory(Generic[Key, Value]):
    """Remembers what was found for `seconds`; what was not found is asked for again.

    A revoked token lives on for at most that long (R-06 allows five seconds). What many ask for
    at the same moment is looked for once; in the second half of its time it is looked for while
    they go on with what is remembered, so that what is asked for all the time is waited for once.
    """

    def __init__(self, seconds: float = 2.0, most: int = 2000) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._sought: dict[Key, asyncio.Task[Value | None]] = {}

    async def get(self, key: Key, find: Callable[[], Awaitable[Value | None]]) -> Value | None:
        """What is remembered under the key, or else what `find` finds now."""
        kept = self._kept.get(key)
        age = monotonic() - kept[0] if kept else self._seconds
        if kept and age < self._seconds:
            if age > self._seconds / 2 and key not in self._sought:
                self._seek(key, find)
            return kept[1]
        if key not in self._sought:
            self._seek(key, find)
        return await asyncio.shield(self._sought[key])  # who gives up does so alone

    def _seek(self, key: Key, find: Callable[[], Awaitable[Value | None]]) -> None:
        sought = self._sought[key] = asyncio.create_task(self._find(key, find))
        sought.add_done_callback(lambda done: self._sought_ended(key, done))

    def _sought_ended(self, key: Key, done: "asyncio.Task[Value | None]") -> None:
        self._sought.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waits is told; where nobody does, the next one tries again

    async def _find(self, key: Key, find: Callable[[], Awaitable[Value | None]]) -> Value | None:
        now = monotonic()
        found = await find()
        if found is None:
            self._kept.pop(key, None)
            return None
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = (now, found)
        return found
