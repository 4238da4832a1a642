"""A consumer of wake-ups judges whether it hears only once it listens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from pgqueuer.core.listeners import (
    PGNoticeEventListener,
    default_event_router,
    initialize_notice_event_listener,
)

from quaymaster.worker.queue import _Driver, _Manager

LONG = timedelta(seconds=10)


@pytest.fixture
async def pool(fresh_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    made = await asyncpg.create_pool(fresh_database_url, min_size=2, max_size=3)
    yield made
    made.terminate()


async def test_a_consumer_that_is_asked_before_it_listens_is_well(pool: asyncpg.Pool) -> None:
    driver = _Driver(pool)
    manager = _Manager(driver, lambda _kind: True)
    asked = asyncio.create_task(manager.listener_healthy(LONG))
    for _ in range(20):  # time enough for a notice that nobody hears yet
        await pool.execute("SELECT 1")
    heard = default_event_router(
        notice_event_queue=PGNoticeEventListener(),
        canceled={},
        pending_health_check=manager.pending_health_check,
    )
    await initialize_notice_event_listener(driver, manager.channel, heard)
    assert (await asked).type == "health_check_event"
