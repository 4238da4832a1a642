"""A short memory for answers that are asked for with every request, such as whose a token is."""

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ShortMemory(Generic[Key, Value]):
    """Remembers what was found for `seconds`; what was not found is asked for again.

    A revoked token lives on for at most that long (R-06 allows five seconds).
    """

    def __init__(self, seconds: float = 2.0, most: int = 2000) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: dict[Key, tuple[float, Value]] = {}

    async def get(self, key: Key, find: Callable[[], Awaitable[Value | None]]) -> Value | None:
        """What is remembered under the key, or else what `find` finds now."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept and now - kept[0] < self._seconds:
            return kept[1]
        found = await find()
        if found is None:
            self._kept.pop(key, None)
            return None
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = (now, found)
        return found
