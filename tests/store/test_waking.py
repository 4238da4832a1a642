"""Wake-ups and notices: sent by the commit, and by nothing else."""

import asyncio
from datetime import timedelta

import pytest
from pgqueuer.adapters.persistence.qb import QueryQueueBuilder

from quaymaster.domain.record import Entry
from quaymaster.store.postgres import due, notify
from quaymaster.store.postgres.database import Database, DatabaseUnavailable
from quaymaster.store.postgres.queue import Wakeup, enqueue, read_payload
from quaymaster.store.releases import history
from tests import make

QUEUED = "SELECT entrypoint, payload, execute_after > now() AS later FROM pgqueuer ORDER BY id"


class Undone(Exception):
    """Rolls a transaction back."""


async def queued(database: Database) -> list[tuple[str, dict[str, int | str], bool]]:
    async with database.read() as connection:
        rows = await connection.fetch(QUEUED)
    return [(row["entrypoint"], read_payload(row["payload"]), row["later"]) for row in rows]


async def test_wakeups_are_there_after_the_commit(database):
    async with database.transaction() as connection:
        await enqueue(
            connection,
            [Wakeup("release", {"id": 7}), Wakeup("job:1", {"id": 8}, timedelta(hours=1))],
        )
    assert await queued(database) == [("release", {"id": 7}, False), ("job:1", {"id": 8}, True)]


async def test_a_rolled_back_transaction_wakes_nobody(database):
    async def undone() -> None:
        async with database.transaction() as connection:
            await enqueue(connection, [Wakeup("release", {"id": 7})])
            raise Undone

    with pytest.raises(Undone):
        await undone()
    assert await queued(database) == []


async def test_equal_wakeups_are_not_dropped(database):
    async with database.transaction() as connection:
        await enqueue(connection, [Wakeup("release", {"id": 7})] * 2)
    assert len(await queued(database)) == 2


async def test_a_wakeup_in_the_past_is_for_now(database):
    async with database.transaction() as connection:
        await enqueue(connection, [Wakeup("release", {"id": 7}, timedelta(days=-1))])
    assert await queued(database) == [("release", {"id": 7}, False)]


@pytest.mark.parametrize("payload", [None, b"", b"{}", b'{"v":2,"id":1}', b"[1]", b"\xff"])
def test_a_payload_that_is_not_ours_is_refused(payload):
    with pytest.raises(ValueError, match="payload"):
        read_payload(payload)


ALL_ROWS = """
SELECT to_jsonb(q) - 'id' AS queued, to_jsonb(l) - '{id,job_id}'::text[] AS logged
FROM pgqueuer q LEFT JOIN pgqueuer_log l ON l.job_id = q.id ORDER BY q.id
"""


async def test_the_queue_is_written_as_the_installed_library_writes_it(database):
    theirs = QueryQueueBuilder().build_enqueue_query()
    later = timedelta(hours=1)
    async with database.transaction() as connection:
        await enqueue(connection, [Wakeup("release", {"id": 7}, later), Wakeup("gates")])
        rows = await connection.fetch("SELECT * FROM pgqueuer ORDER BY id")
        kinds, payloads = zip(*((row["entrypoint"], row["payload"]) for row in rows), strict=True)
        times = [later, timedelta(0)]
        await connection.execute(theirs, [0, 0], kinds, payloads, times, [None] * 2, ["{}"] * 2)
        ours_and_theirs = [tuple(row) for row in await connection.fetch(ALL_ROWS)]
    assert len(ours_and_theirs) == 4
    assert ours_and_theirs[:2] == ours_and_theirs[2:]


# ---- notices --------------------------------------------------------------------------------


async def test_a_committed_change_is_heard(database):
    async with notify.heard(database) as notices:
        async with database.transaction() as connection:
            await notify.changed(connection, 7)
            await notify.changed(connection, 7)
            await notify.changed(connection, 8, canceled=[3, 4])
        assert await anext(notices) == notify.Notice(7)
        assert await anext(notices) == notify.Notice(8, (3, 4))


async def test_a_rolled_back_change_is_not_heard(database):
    async def undone() -> None:
        async with database.transaction() as connection:
            await notify.changed(connection, 7)
            raise Undone

    async with notify.heard(database) as notices:
        with pytest.raises(Undone):
            await undone()
        async with database.transaction() as connection:
            await notify.changed(connection, 8)
        assert await anext(notices) == notify.Notice(8)


async def test_many_canceled_jobs_fit_into_notices(database):
    jobs = list(range(10**15, 10**15 + 1000))
    async with notify.heard(database) as notices:
        async with database.transaction() as connection:
            await notify.changed(connection, 7, canceled=jobs)
        heard: list[int] = []
        while len(heard) < len(jobs):
            heard += (await anext(notices)).canceled
    assert heard == jobs


async def test_a_message_that_is_not_ours_means_look_at_everything(database):
    async with notify.heard(database) as notices:
        async with database.transaction() as connection:
            await connection.execute("SELECT pg_notify($1, 'gibberish')", notify.CHANNEL)
        assert await anext(notices) == notify.MISSED


async def test_notices_end_when_the_connection_is_lost(own_database):
    async with notify.heard(own_database) as notices:
        async with own_database.transaction() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(StopAsyncIteration):
            await anext(notices)


async def test_a_slow_reader_is_told_that_it_missed_something(database, monkeypatch):
    monkeypatch.setattr(notify, "BACKLOG", 3)
    async with notify.heard(database) as notices:
        async with database.transaction() as connection:
            for number in range(1, 6):
                await notify.changed(connection, number)
        heard = [await anext(notices)]
        while heard[-1] != notify.Notice(5):
            heard.append(await anext(notices))
    assert notify.MISSED in heard


async def test_nobody_can_listen_to_a_database_that_is_away(tmp_path):
    away = Database(None, f"postgresql://nobody@/nothing?host={tmp_path}", 1)
    with pytest.raises(DatabaseUnavailable):
        async with notify.heard(away):
            pass


# ---- what waits in rows ---------------------------------------------------------------------


async def test_nothing_is_due_in_an_empty_installation(database):
    async with database.read() as connection:
        assert await due.releases_due(connection, make.NOW) == []


async def test_history_comes_back_in_its_order(database):
    entries = [Entry("A", make.CREATOR, 1, 2, "why", {"k": "v"}), Entry("B"), Entry("C")]
    async with database.transaction() as connection:
        await history.append(connection, 7, make.NOW, entries)
        await history.append(connection, 8, make.NOW, [Entry("X")])
        await history.append(connection, 7, make.NOW, [])
        lines = await history.of_release(connection, 7)
        rest = await history.of_release(connection, 7, after=lines[0].id, limit=1)
    assert [line.kind for line in lines] == ["A", "B", "C"]
    first = lines[0]
    assert (first.by, first.stage_id, first.attempt) == (make.CREATOR, 1, 2)
    assert (first.comment, first.details, first.at) == ("why", {"k": "v"}, make.NOW)
    assert [line.kind for line in rest] == ["B"]


async def test_appending_from_many_sides_loses_nothing(database):
    async def write(number: int) -> None:
        async with database.transaction() as connection:
            await history.append(connection, 7, make.NOW, [Entry(str(number))])

    await asyncio.gather(*map(write, range(20)))
    async with database.read() as connection:
        lines = await history.of_release(connection, 7)
    assert sorted(int(line.kind) for line in lines) == list(range(20))
