"""Why a stage waits, looked up: the queue, approvers by name, and what workers offer."""

from datetime import timedelta

import pytest

from quaymaster.actions import explaining
from quaymaster.cli import explaining as command
from quaymaster.domain.errors import NotFound
from quaymaster.domain.plan import Demand
from quaymaster.domain.reasons import ReasonKind
from quaymaster.domain.release import ReleaseId
from quaymaster.store import workers
from quaymaster.store.workers import NewWorker
from tests import make
from tests.worker.world import World, phase


async def test_a_demand_that_nobody_meets_is_named(world: World) -> None:
    async with world.installation.database.transaction() as connection:
        new = NewWorker("one", "dock-1", 1, 1, {"region": "south"})
        await workers.register(connection, new, timedelta(seconds=30))
    stage = phase("true", demands=(Demand("region", "north"),))
    release = await world.release(make.plan("Dev → QA", Dev=stage, QA=phase("true")))
    dev = await explaining.reasons_by_name(world.call(), release, "dev")
    assert dev.stage == "Dev"
    (reason,) = [one for one in dev.reasons if one.kind is ReasonKind.WORKER]
    assert "offers region -equals north" in reason.text
    assert command._row(reason, dev)[0] == "now"
    qa = await explaining.reasons_by_name(world.call(), release, "QA")
    assert "waits for Dev" in qa.reasons[0].text


async def test_what_is_not_there_is_said(world: World) -> None:
    release = await world.release(make.plan("Dev", Dev=phase("true")))
    with pytest.raises(NotFound, match="has no stage Prod, but Dev"):
        await explaining.reasons_by_name(world.call(), release, "Prod")
    with pytest.raises(NotFound):
        await explaining.reasons_by_name(world.call(), ReleaseId(4711), "Dev")
