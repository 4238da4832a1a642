"""A real worker tells subscribers, and one that takes over from a killed one does too (R-39)."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from quaymaster.apis.azure.service_hooks.words import EVENT_TYPES
from quaymaster.store.announcements import subscriptions
from quaymaster.store.announcements.subscriptions import Subscription, Wanted
from quaymaster.worker.courier import Courier
from tests.connectors.far_side import FarSide, answering, far_side
from tests.make import plan
from tests.server.waiting import eventually
from tests.worker.world import World, phase

EVERYTHING = tuple(EVENT_TYPES)


async def subscribed(world: World, url: str) -> None:
    async with world.installation.database.transaction() as connection:
        organization = await connection.fetchval("SELECT id FROM organizations")
        new = Subscription(uuid4(), organization, None, "azure", Wanted(EVERYTHING), url)
        vault = world.installation.vault
        await subscriptions.add(connection, vault, new, None, datetime.now(UTC))


async def heard(receiver: FarSide, number: int) -> list[str]:
    """The kinds of the first so many events, each once, in the order of their first arrival."""

    def kinds() -> list[str]:
        found = [asked.partition('"eventType":"')[2].partition('"')[0] for asked in receiver.asked]
        return [kind.rpartition(".")[2] for kind in dict.fromkeys(found)]

    async def all_there() -> bool:
        return len(kinds()) >= number

    await eventually(all_there, f"{number} events, not {kinds()}")
    return kinds()


async def test_a_worker_tells_of_a_deployment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUAYMASTER_ALLOWED_ADDRESSES", "127.0.0.1")
    await world.worker()
    async with far_side(answering("")) as receiver:
        await subscribed(world, receiver.url)
        await world.release(plan("Dev", Dev=phase("true")))
        assert await heard(receiver, 3) == [
            "release-created-event",
            "deployment-started-event",
            "deployment-completed-event",
        ]


async def test_what_a_killed_worker_was_to_send_is_sent_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUAYMASTER_ALLOWED_ADDRESSES", "127.0.0.1")
    first = await world.worker()
    async with far_side(answering("", "503 Away")) as receiver:
        await subscribed(world, receiver.url)
        await world.release(plan("Dev", Dev=phase("true")))
        await heard(receiver, 1)
        first.kill()
    async with far_side(answering("")) as receiver:
        await world.execute("UPDATE subscriptions SET url = $1", receiver.url)
        await world.execute("UPDATE deliveries SET due_at = now()")
        await world.worker()
        assert (await heard(receiver, 1))[0] == "release-created-event"


class Troubled:
    """An outbox that cannot be read the first time, as while a lock is fought for."""

    def __init__(self) -> None:
        self.asked = 0
        self.sent = asyncio.Event()

    async def due(self, _busy: list[int], _most: int, /) -> list[int]:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("deadlock detected")
        return [7] if self.asked == 2 else []

    async def send(self, _one: int, /) -> None:
        self.sent.set()

    def lane(self, one: int, /) -> int:
        return one

    def number(self, one: int, /) -> int:
        return one


async def test_an_outbox_that_cannot_be_read_is_looked_at_again() -> None:
    """A courier that ended would end the worker, and all its jobs with it."""
    outbox = Troubled()
    courier = Courier(outbox)
    running = asyncio.create_task(courier.run())
    try:
        await courier.wake(0)
        sent = asyncio.create_task(outbox.sent.wait())
        done, _ = await asyncio.wait([running, sent], return_when=asyncio.FIRST_COMPLETED)
        assert sent in done, "the courier goes on"
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
