"""Freezes set by whoever runs the installation, and who may set which."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.deployments import freezing
from quaymaster.domain.errors import Forbidden, Invalid, NotFound
from quaymaster.domain.freezes import Freeze, FreezeKind
from quaymaster.domain.statuses import StageStatus
from quaymaster.store.deployments import freezes
from tests.actions.office import Office
from tests.server.waiting import eventually

FREEZE = Freeze(0, FreezeKind.DENY, "Christmas")


async def test_the_command_line_freezes_everything_and_lifts_it(office: Office):
    definition = await office.define("ann")
    call = Call(office.installation)
    made = await freezing.create_for(call, FREEZE, None)
    assert [one.reason for one in await freezing.all_listed(call)] == ["Christmas"]
    release = await office.release("dora", definition)
    assert (await office.seen("ann", release)).view.stages[0].status is StageStatus.SCHEDULED
    await freezing.lift_any(Call(office.installation), made.id)
    assert await freezing.all_listed(call) == []
    with pytest.raises(NotFound):
        await freezing.lift_any(call, made.id)


async def test_the_whole_organization_is_for_its_administrators(office: Office):
    with pytest.raises(Forbidden):
        await freezing.create(await office.call("bob"), FREEZE)
    with pytest.raises(Forbidden):
        await freezing.create(await office.call("ann"), FREEZE)


async def test_a_freeze_of_another_project_does_not_exist(office: Office):
    ann = await office.call("ann")
    made = await freezing.create(
        ann, Freeze(0, FreezeKind.DENY, "Here only", project_id=str(ann.project_id))
    )
    with pytest.raises(NotFound):
        await freezing.lift(Call(office.installation), made.id)
    await freezing.lift(ann, made.id)


async def test_a_freeze_must_not_be_over_already(office: Office):
    call = Call(office.installation)
    for kind in FreezeKind:
        with pytest.raises(Invalid, match="lies in the past"):
            await freezing.create_for(call, Freeze(0, kind, "Late", ends_at=call.now), None)
    assert await freezing.all_listed(call) == []
    later = Freeze(0, FreezeKind.DENY, "Soon", ends_at=call.now + timedelta(seconds=1))
    assert (await freezing.create_for(call, later, None)).id


async def test_bounds_that_hold_nothing_are_refused_and_decades_are_not(office: Office):
    call = Call(office.installation)
    day = call.now + timedelta(days=1)
    for ends in (day, day - timedelta(hours=1)):
        nothing = Freeze(0, FreezeKind.DENY, "None", starts_at=day, ends_at=ends)
        with pytest.raises(Invalid, match="would end before it begins"):
            await freezing.create_for(call, nothing, None)
    never = Freeze(
        0, FreezeKind.DENY, "30 February", cron="0 0 30 2 *", duration=timedelta(hours=1)
    )
    with pytest.raises(Invalid, match="no cron expression"):
        await freezing.create_for(call, never, None)
    assert await freezing.all_listed(call) == []
    decades = Freeze(0, FreezeKind.DENY, "Long", ends_at=call.now + timedelta(days=30 * 365))
    assert (await freezing.create_for(call, decades, None)).id


async def test_a_time_zone_that_nobody_knows_and_a_field_for_seconds_are_refused(office: Office):
    call, hour = Call(office.installation), timedelta(hours=1)
    daily = Freeze(0, FreezeKind.DENY, "Nightly", cron="0 0 * * *", duration=hour)
    with pytest.raises(Invalid, match="There is no time zone 'Mars'"):
        await freezing.create_for(call, replace(daily, time_zone="Mars"), None)
    with pytest.raises(Invalid, match="five fields are wanted"):
        await freezing.create_for(call, replace(daily, cron="* * * * * *"), None)
    assert await freezing.all_listed(call) == []


async def test_a_window_that_has_ended_stops_nothing_and_reaches_nothing(office: Office):
    definition = await office.define("ann")
    call = Call(office.installation)
    ends = call.now + timedelta(minutes=1)
    window = Freeze(
        0, FreezeKind.ALLOW, "Until Sunday", ends_at=ends, starts_at=call.now - timedelta(days=2)
    )
    made = await freezing.create_for(call, window, None)
    async with office.installation.database.transaction() as connection:
        await connection.execute(
            "UPDATE freezes SET ends_at = now() - interval '1 hour' WHERE id = $1", made.id
        )
    release = await office.release("dora", definition)
    assert (await office.seen("ann", release)).view.stages[0].status is not (StageStatus.SCHEDULED)
    async with office.installation.database.transaction() as connection:
        stage = (await office.seen("ann", release)).view.stages[0].definition_stage_id
        assert await freezes.reaching(connection, stage)
        await connection.execute(
            "UPDATE freezes SET ends_at = now() - interval '2 days' WHERE id = $1", made.id
        )
        assert await freezes.reaching(connection, stage) == []


async def test_of_two_that_set_an_environments_freeze_at_once_one_counts(office: Office):
    definition = await office.define("ann")
    call = await office.call("ann")
    seen = await office.seen("ann", await office.release("dora", definition))
    mine = Freeze(
        0,
        FreezeKind.DENY,
        "Mine",
        project_id=str(call.project_id),
        definition_id=seen.view.head.definition_id,
        environment_id=seen.view.stages[0].definition_stage_id,
    )
    theirs = replace(mine, reason="Theirs")
    token = str(call.project_id)

    async def set_theirs() -> None:
        async with call.database.transaction() as connection:
            await freezing.set_for_environment(connection, call, theirs, token)

    async with call.database.transaction() as connection:
        await freezing.set_for_environment(connection, call, mine, token)
        other = asyncio.create_task(set_theirs())
        await eventually(lambda: is_waited_for(call), "the other waits")
    await other
    listed = [one.reason for one in await freezing.listed(call)]
    assert listed == ["Theirs"]


async def is_waited_for(call: Call) -> bool:
    async with call.database.read() as connection:
        found: bool = await connection.fetchval(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
    return found
