"""Asks gates beside everything else a worker does: a gate that is slow holds up nothing."""

import asyncio

import structlog

from quaymaster.actions import gate_asking
from quaymaster.actions.call import Call, Installation
from quaymaster.store.database import DatabaseUnavailable
from quaymaster.store.logs import StorageUnavailable

AT_ONCE = 16  # samples; the gates of one are asked together

_log = structlog.get_logger(__name__)


class GateAsker:
    """The samples that this worker is taking. One that is lost is woken again by the sweeper."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def ask(self, gate_run: int) -> None:
        """Begin to ask these gates, unless that is under way here; does not wait for answers."""
        if gate_run in self._tasks:
            return
        task = asyncio.ensure_future(self._sample(gate_run))
        self._tasks[gate_run] = task
        task.add_done_callback(lambda _: self._tasks.pop(gate_run, None))

    async def close(self) -> None:
        """Stop asking; samples under way are taken by another worker, or count as failed."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _sample(self, gate_run: int) -> None:
        async with self._room:
            try:
                await gate_asking.ask(Call(self._installation), gate_run)
            except (DatabaseUnavailable, StorageUnavailable) as error:
                _log.warning("gates have to wait", gates=gate_run, reason=str(error))
            except Exception:  # noqa: BLE001 - the sample fails when the next one is due
                _log.exception("gates could not be asked", gates=gate_run)
