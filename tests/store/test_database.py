"""What a caller hears when the database is away, busy, or cannot hold a value."""

import asyncio

import asyncpg
import pytest

from quaymaster.domain.errors import Conflict, Invalid
from quaymaster.store.postgres import database as databases
from quaymaster.store.postgres import lending
from quaymaster.store.postgres.database import Database, DatabaseUnavailable
from tests.databases import in_database


async def end_all_connections(database_url: str, name: str) -> None:
    """As a restart of PostgreSQL does to everybody who is connected."""
    administrator = await asyncpg.connect(database_url)
    await administrator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    await administrator.close()


async def test_a_server_that_is_not_there(tmp_path):
    with pytest.raises(DatabaseUnavailable, match="not available"):
        await databases.connect(f"postgresql://nobody@/nothing?host={tmp_path}")


async def test_a_transaction_that_loses_its_connection_is_told_so(own_database, database_url):
    async with own_database.read() as connection:
        name = await connection.fetchval("SELECT current_database()")

    async def interrupted() -> None:
        async with own_database.transaction() as connection:
            await connection.execute("INSERT INTO settings (name, value) VALUES ('a', '1')")
            await end_all_connections(database_url, name)
            await connection.execute("INSERT INTO settings (name, value) VALUES ('b', '2')")

    with pytest.raises(DatabaseUnavailable):
        await interrupted()
    async with own_database.read() as connection:  # the pool has recovered by itself
        assert await connection.fetchval("SELECT count(*) FROM settings") == 0


async def test_a_commit_that_is_not_answered_leaves_it_open(own_database, database_url):
    async def interrupted() -> None:
        async with own_database.transaction() as connection:
            name = await connection.fetchval("SELECT current_database()")
            await connection.execute("INSERT INTO settings (name, value) VALUES ('a', '1')")
            await end_all_connections(database_url, name)

    with pytest.raises(DatabaseUnavailable, match="not known whether"):
        await interrupted()


async def test_idle_connections_that_were_ended_are_replaced(own_database, database_url):
    async with own_database.read() as connection:
        name = await connection.fetchval("SELECT current_database()")
    await end_all_connections(database_url, name)
    for _ in range(3):
        try:
            async with own_database.read() as connection:
                assert await connection.fetchval("SELECT 1") == 1
            break
        except DatabaseUnavailable:
            continue  # the driver had not noticed yet; the next one is new
    else:
        pytest.fail("the pool did not recover")


async def test_an_error_rolls_everything_back(database):
    async def failing() -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO settings (name, value) VALUES ('a', '1')")
            raise KeyError

    with pytest.raises(KeyError):
        await failing()
    async with database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM settings") == 0


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("SELECT $1::text", "NUL \0 inside"),
        ("SELECT $1::text", "half a pair \ud800"),
        ("SELECT $1::bigint", 2**80),
        ("SELECT x.a FROM json_to_record($1::json) AS x(a text)", '{"a": "\\u0000"}'),
    ],
)
async def test_what_cannot_be_stored_is_invalid(database, statement, value):
    with pytest.raises(Invalid, match="cannot be stored"):
        async with database.transaction() as connection:
            await connection.fetchval(statement, value)


async def test_a_deadlock_is_a_conflict_for_one_and_nothing_for_the_other(database):
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO settings (name, value) VALUES ('a', '1'), ('b', '2')")
    both_hold_one = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> str:
        take = "UPDATE settings SET value = '3' WHERE name = $1"
        try:
            async with database.transaction() as connection:
                await connection.execute(take, first)
                await both_hold_one.wait()
                await connection.execute(take, second)
        except Conflict:
            return "conflict"
        return "done"

    outcomes = await asyncio.gather(lock("a", "b"), lock("b", "a"))
    assert sorted(outcomes) == ["conflict", "done"]


async def test_more_callers_than_connections_take_turns(fresh_database_url):
    small = await databases.connect(fresh_database_url, max_size=2)

    async def ask(number: int) -> int:
        async with small.read() as connection:
            return await connection.fetchval("SELECT $1::integer", number)

    assert await asyncio.gather(*map(ask, range(20))) == list(range(20))
    await small.close()


async def test_who_gives_up_waiting_leaves_the_connection_to_the_next(fresh_database_url):
    only = await databases.connect(fresh_database_url, max_size=1)

    async def ask(sql: str) -> object:
        async with only.read() as connection:
            return await connection.fetchval(sql)

    async with only.read():
        waiting = [asyncio.create_task(ask(f"SELECT {number}")) for number in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [1, 2]
    await only.close()


async def test_who_gives_up_at_the_moment_of_the_turn_does_not_take_it_away(fresh_database_url):
    only = await databases.connect(fresh_database_url, max_size=1)

    async def ask() -> object:
        async with only.read() as connection:
            return await connection.fetchval("SELECT 1")

    async with only.read():
        waiting = asyncio.create_task(ask())
        await asyncio.sleep(0)
    waiting.cancel()  # it has been given the connection, and has not been told yet
    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], BaseException)
    assert await ask() == 1
    await only.close()


async def test_a_statement_that_was_given_up_does_not_disturb_the_next(fresh_database_url):
    only = await databases.connect(fresh_database_url, max_size=1)

    async def sleeping() -> None:
        async with only.read() as connection:
            await connection.execute("SELECT pg_sleep(3600)")

    given_up = asyncio.create_task(sleeping())
    watching = await databases.opened(fresh_database_url)
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)'"
    while not await watching.fetchval(running):  # noqa: ASYNC110 - only the server knows
        await asyncio.sleep(0)
    given_up.cancel()
    async with only.read() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await watching.close()
    await only.close()


async def test_a_transaction_that_was_left_open_is_rolled_back(fresh_database_url):
    only = await databases.connect(fresh_database_url, max_size=1)
    told: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context["message"]))
    async with only.read() as connection:
        await connection.execute("BEGIN; CREATE TABLE left_open ()")
    loop.set_exception_handler(None)
    async with only.read() as connection:
        assert await connection.fetchval("SELECT to_regclass('left_open')") is None
    assert told
    await only.close()


async def test_what_is_not_used_for_a_moment_goes_back_to_the_pool(fresh_database_url, monkeypatch):
    monkeypatch.setattr(lending, "KEPT_SECONDS", 0.0)
    pool = await asyncpg.create_pool(fresh_database_url, min_size=1, max_size=2)
    lent = lending.Lending(pool, 2)
    first, second = await lent.take(), await lent.take()
    await lent.give_back(first, is_clean=True)
    assert await lent.take() is first
    for connection in (first, second):
        await lent.give_back(connection, is_clean=True)
    while pool.get_idle_size() < 2:  # noqa: ASYNC110 - a timer of no seconds has to run
        await asyncio.sleep(0)
    await lent.close()
    await pool.close()


async def test_the_message_names_no_host_and_no_password(tmp_path):
    with pytest.raises(DatabaseUnavailable) as caught:
        await databases.opened(f"postgresql://me:hunter2@/x?host={tmp_path}")
    assert "hunter2" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


async def test_another_database_of_the_server_that_does_not_exist(database_url: str):
    with pytest.raises(DatabaseUnavailable):
        await databases.connect(in_database(database_url, "no_such_database"))


async def test_a_connection_leaves_nothing_behind_for_its_next_user(database: Database):
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL lock_timeout = '1s'")
    async with database.read() as connection:
        assert await connection.fetchval("SHOW lock_timeout") == "30s"
