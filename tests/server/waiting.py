"""One way to wait: for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 60.0


def until(holds: Callable[[], object], what: str, patience: float = PATIENCE_SECONDS) -> None:
    """Return as soon as the condition holds; fail the test, saying what was awaited, if never."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s for: {what}"
        time.sleep(0.02)


async def eventually(
    holds: Callable[[], Awaitable[object]], what: str, patience: float = PATIENCE_SECONDS
) -> None:
    """The same for a condition that has to be asked for."""
    deadline = time.monotonic() + patience
    while not await holds():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s for: {what}"
        await asyncio.sleep(0.02)
