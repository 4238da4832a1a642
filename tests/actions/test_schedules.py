"""Releases made by the clock: once for each occurrence, however often it is looked at."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from quaymaster.actions.call import Call
from quaymaster.actions.triggers import schedules
from tests import documents, repositories
from tests.actions.office import Office

EVERY_DAY = 127


def nightly(**changes: object) -> dict:
    return {
        "triggerType": "schedule",
        "schedule": documents.schedule(EVERY_DAY, 3, 0, **changes),
    }


def tomorrow_at(hour: int, minute: int = 0) -> datetime:
    day = datetime.now(UTC) + timedelta(days=1)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)


async def fire(office: Office, definition: int, at: datetime) -> int:
    return await schedules.fire_due(Call(office.installation, now=at), definition)


async def test_a_release_is_made_when_its_time_has_come(office: Office):
    definition = await office.define("ann", triggers=[nightly()])
    assert await fire(office, definition.id, tomorrow_at(3, 1)) == 1
    found = await office.seen("ann", await newest(office))
    assert found.view.head.reason == "schedule"
    assert found.view.head.created_by is None


async def newest(office: Office) -> int:
    async with office.installation.database.read() as connection:
        return await connection.fetchval("SELECT max(id) FROM releases")


async def test_looking_again_makes_no_second_one(office: Office):
    definition = await office.define("ann", triggers=[nightly()])
    for minute in (1, 2, 59):
        await fire(office, definition.id, tomorrow_at(3, minute))
    assert await office.rows("releases") == 1
    await fire(office, definition.id, tomorrow_at(3, 1) + timedelta(days=1))
    assert await office.rows("releases") == 2


async def test_a_week_without_anybody_looking_makes_one(office: Office):
    definition = await office.define("ann", triggers=[nightly()])
    assert await fire(office, definition.id, tomorrow_at(3, 1) + timedelta(days=7)) == 1


async def test_only_with_changes_means_only_with_changes(office: Office):
    definition = await office.define("ann", triggers=[nightly(scheduleOnlyWithChanges=True)])
    assert await fire(office, definition.id, tomorrow_at(3, 1)) == 1
    assert await fire(office, definition.id, tomorrow_at(3, 1) + timedelta(days=1)) == 0


async def test_the_sweeper_hears_of_it_beforehand(office: Office):
    definition = await office.define("ann", triggers=[nightly()])
    before = Call(office.installation, now=tomorrow_at(3) + timedelta(days=0, seconds=-30))
    await fire(office, definition.id, before.now)
    [(number, after)] = await schedules.soon(before, timedelta(minutes=1))
    assert (number, after) == (definition.id, timedelta(seconds=30))


async def test_a_definition_without_schedules_is_not_looked_at(office: Office):
    await office.define("ann")
    assert await schedules.soon(Call(office.installation), timedelta(days=9)) == []


async def test_a_source_that_is_away_is_asked_again_until_the_next_occurrence(
    office: Office, tmp_path: Path
):
    repositories.made(tmp_path / "site")
    place = str(tmp_path / "site")
    artifact = documents.git_artifact("site", place, defaultVersionType="latestType")
    definition = await office.define("ann", artifacts=[artifact], triggers=[nightly()])
    (tmp_path / "site").rename(tmp_path / "away")
    assert await fire(office, definition.id, tomorrow_at(3, 1)) == 0
    (tmp_path / "away").rename(tmp_path / "site")
    assert await fire(office, definition.id, tomorrow_at(3, 2)) == 0  # its pause is not over
    async with office.installation.database.transaction() as connection:
        await connection.execute("UPDATE turns SET taken_until = taken_until - interval '1 hour'")
    assert [await fire(office, definition.id, tomorrow_at(5)) for _ in range(2)] == [1, 0]


async def test_a_schedule_without_any_version_is_given_up_with_its_reason(office: Office):
    weekly = nightly()
    weekly["schedule"]["daysToRelease"] = 1 << tomorrow_at(3).weekday()
    artifact = documents.git_artifact("site", "/nowhere", defaultVersionType="latestType")
    definition = await office.define("ann", artifacts=[artifact], triggers=[weekly])
    assert await fire(office, definition.id, tomorrow_at(4) + timedelta(days=1)) == 0
    async with office.installation.database.read() as connection:
        problem = await connection.fetchval("SELECT problem FROM firings")
    assert "/nowhere" in problem


async def test_a_definition_that_cannot_be_opened_keeps_no_other_from_its_time(office: Office):
    broken = await office.define("ann", name="A", triggers=[nightly()])
    whole = await office.define("ann", name="B", triggers=[nightly()])
    await office.spoil(broken.id)
    later = Call(office.installation, now=tomorrow_at(3, 1))
    soon = {one for one, _ in await schedules.soon(later, timedelta(minutes=1))}
    assert soon == {broken.id, whole.id}
    made = [await fire(office, one.id, tomorrow_at(3, 1)) for one in (broken, whole)]
    assert made == [0, 1]
