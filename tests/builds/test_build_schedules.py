"""Builds by the clock: once for each occurrence, and only with changes where that is wanted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dulwich.refs import LOCAL_BRANCH_PREFIX
from dulwich.repo import Repo

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


async def test_every_branch_that_the_filters_admit_is_built(yard: Yard, shop: Path) -> None:
    """Also those that they do not name in full, once each; not the default branch instead."""
    repository = Repo(shop)
    for name in (b"release/1", b"release/2", b"wip"):
        repository.refs[LOCAL_BRANCH_PREFIX + name] = repository.head()
    filters = {
        "Some": ["+refs/heads/release/*", "+wip", "-refs/heads/release/2"],
        "Others": ["-release/*", "-wip"],
        "None": ["+refs/heads/gone/*"],
    }
    call, built = Call(yard.server.installation, now=next_at_three()), {}
    for name, admitted in filters.items():
        triggers = [nightly(branchFilters=admitted)]
        made = await yard.define(name, step("true"), repository=at(shop), triggers=triggers)
        counts = [await build_schedules.fire_due(call, made["id"]) for _ in range(2)]
        found = (await yard.ask("GET", f"builds?definitions={made['id']}"))["value"]
        built[name] = sorted(one["sourceBranch"].removeprefix("refs/heads/") for one in found)
        assert counts == [len(found), 0]
    assert built == {"Some": ["release/1", "wip"], "Others": ["main"], "None": []}
    assert await build_schedules.soon(call, timedelta(minutes=1)) == []


async def test_a_repository_that_is_away_is_asked_again_for_a_day(yard: Yard, shop: Path) -> None:
    made = await yard.define("Nightly", step("true"), repository=at(shop), triggers=[nightly()])
    passed = next_at_three()
    call = Call(yard.server.installation, now=passed)

    async def fired(after: timedelta) -> int:
        async with call.database.transaction() as connection:
            await connection.execute("UPDATE turns SET taken_until = taken_until - interval '1 h'")
        later = replace(call, now=passed + after)
        return await build_schedules.fire_due(later, made["id"])

    away = shop.rename(shop.parent / "away")
    assert await fired(timedelta(minutes=1)) == 0
    away.rename(shop)
    assert await build_schedules.fire_due(call, made["id"]) == 0  # its pause is not over
    assert [await fired(timedelta(hours=2)) for _ in range(2)] == [1, 0]


async def test_what_never_answers_is_given_up_with_its_reason(yard: Yard, shop: Path) -> None:
    weekly = nightly(daysToBuild=1 << next_at_three().weekday())
    made = await yard.define("Weekly", step("true"), repository=at(shop), triggers=[weekly])
    shop.rename(shop.parent / "away")
    late = Call(yard.server.installation, now=next_at_three() + timedelta(hours=25))
    assert await build_schedules.fire_due(late, made["id"]) == 0
    assert await build_schedules.soon(late, timedelta(minutes=1)) == []
    async with late.database.read() as connection:
        problem = await connection.fetchval("SELECT problem FROM build_firings")
    assert str(shop) in problem


def next_at_three() -> datetime:
    """When the schedule of these tests is due for the first time after now."""
    now = datetime.now(UTC)
    today = now.replace(hour=3, minute=0, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)
