"""Work that one process of all does, and what goes wrong with it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.storage import turns
from quaymaster.domain.errors import Conflict, Invalid
from quaymaster.store.postgres import turns as rows
from tests.actions.office import Office
from tests.server.waiting import eventually

NAME = "push 7"


async def passes(office: Office, time: timedelta) -> None:
    """Set every turn back, as if this time had passed."""
    async with office.installation.database.transaction() as connection:
        await connection.execute("UPDATE turns SET taken_until = taken_until - $1::interval", time)


async def taken_until(office: Office) -> datetime | None:
    async with office.installation.database.read() as connection:
        found: datetime | None = await connection.fetchval("SELECT taken_until FROM turns")
    return found


async def test_nobody_begins_what_somebody_is_at(office: Office) -> None:
    call = Call(office.installation)
    is_begun, goes_on = asyncio.Event(), asyncio.Event()

    async def work() -> int:
        is_begun.set()
        await goes_on.wait()
        return 1

    first = asyncio.ensure_future(turns.alone(call, NAME, work))
    await is_begun.wait()
    assert [await turns.alone(call, NAME, work) for _ in range(3)] == [None, None, None]
    goes_on.set()
    assert await first == 1
    assert await turns.alone(call, NAME, work) == 1
    assert await office.rows("turns") == 0


async def test_whoever_dies_is_followed_by_another_and_changes_nothing_after_that(
    office: Office,
) -> None:
    database = office.installation.database
    async with database.transaction() as connection:
        dead = await rows.hold(connection, NAME, turns.LEASE)
    assert dead is not None

    async def work() -> bool:
        async with database.transaction() as connection:
            late = await rows.go_on(connection, NAME, dead, turns.LEASE)
            await rows.end(connection, NAME, dead)
        assert late is None
        return await office.rows("turns") == 1

    assert await turns.alone(Call(office.installation), NAME, work) is None
    await passes(office, turns.LEASE)
    assert await turns.alone(Call(office.installation), NAME, work) is True


async def test_a_turn_is_renewed_for_as_long_as_the_work_takes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LEASE", timedelta(milliseconds=60))

    async def work() -> bool:
        began = await taken_until(office)

        async def is_renewed() -> bool:
            return await taken_until(office) != began

        await eventually(is_renewed, "the turn to be renewed")
        return True

    assert await turns.alone(Call(office.installation), NAME, work)


async def test_who_loses_the_turn_stops(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LEASE", timedelta(milliseconds=60))

    async def work() -> None:
        async with office.installation.database.transaction() as connection:
            await connection.execute("DELETE FROM turns")
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        with pytest.raises(Conflict, match="somebody else"):
            await turns.alone(Call(office.installation), NAME, work)


async def test_what_goes_wrong_is_put_off_with_its_reason(office: Office) -> None:
    reasons: list[str] = []

    async def put_off(reason: str) -> None:
        reasons.append(reason)

    async def refused() -> None:
        raise Invalid("It is away.")

    async def broken() -> None:
        raise KeyError("pack")

    call = Call(office.installation)
    await turns.alone_or_later(call, NAME, refused, put_off)
    with pytest.raises(KeyError):
        await turns.alone_or_later(call, NAME, broken, put_off)
    assert reasons == ["It is away.", turns.OURS]
    assert await office.rows("turns") == 0


async def test_what_hangs_is_ended_and_put_off(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST_WORK", timedelta(milliseconds=20))
    never, call = asyncio.Event(), Call(office.installation)

    async def hangs() -> str:
        await never.wait()
        return "done"

    async def put_off(reason: str) -> str:
        return reason

    assert "ended after" in (await turns.alone_or_later(call, NAME, hangs, put_off) or "")
    with pytest.raises(Conflict, match="ended after"):
        await turns.alone(call, NAME, hangs)
    assert await office.rows("turns") == 0


async def test_what_no_row_puts_off_is_tried_with_growing_pauses(office: Office) -> None:
    due_at = datetime.now(UTC)

    async def tried(after: timedelta) -> bool:
        call = Call(office.installation, now=due_at + after)
        return await turns.is_to_be_tried(call, NAME, due_at)

    assert [await tried(timedelta(0)) for _ in range(2)] == [True, False]
    await passes(office, turns.FIRST_PAUSE)
    assert await tried(timedelta(minutes=4))
    await passes(office, turns.FIRST_PAUSE)
    assert not await tried(timedelta(minutes=4))
    await passes(office, timedelta(minutes=4))
    assert await tried(timedelta(hours=9))
    await passes(office, turns.LONGEST_PAUSE)
    assert await tried(timedelta(hours=9))
