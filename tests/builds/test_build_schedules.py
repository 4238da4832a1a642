"""Builds by the clock: once for each occurrence, and only with changes where that is wanted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from quaymaster.actions.call import Call
from quaymaster.actions.triggers import build_schedules
from tests.apis.azure.build.asking import step
from tests.builds.conftest import Yard
from tests.builds.test_running import at
from tests.gits import commit
from tests.worker.conftest import world  # noqa: F401 - a fixture


def nightly(**changes: Any) -> dict[str, Any]:
    one = {
        "branchFilters": ["+refs/heads/main"],
        "timeZoneId": "UTC",
        "startHours": 3,
        "startMinutes": 0,
        "daysToBuild": 127,
        "scheduleOnlyWithChanges": True,
        **changes,
    }
    return {"triggerType": "schedule", "schedules": [one]}


async def test_an_occurrence_builds_once_and_not_without_changes(
    yard: Yard,
    shop: Path,
) -> None:
    made = await yard.define("Nightly", step("true"), repository=at(shop), triggers=[nightly()])
    call = Call(yard.server.installation)
    assert await build_schedules.fire_due(call, made["id"]) == 0
    tomorrow = replace(call, now=datetime.now(UTC) + timedelta(days=1))
    assert await build_schedules.soon(tomorrow, timedelta(minutes=1)) == [
        (made["id"], timedelta(0))
    ]
    assert [await build_schedules.fire_due(tomorrow, made["id"]) for _ in range(3)] == [1, 0, 0]
    (build,) = (await yard.ask("GET", "builds"))["value"]
    assert (build["reason"], build["sourceBranch"]) == ("schedule", "refs/heads/main")
    later = replace(call, now=tomorrow.now + timedelta(days=1))
    assert await build_schedules.fire_due(later, made["id"]) == 0  # nothing new
    commit(shop, "page.txt", "new")
    latest = replace(call, now=later.now + timedelta(days=1))
    assert await build_schedules.fire_due(latest, made["id"]) == 1
