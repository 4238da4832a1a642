"""A database is brought to the schema of this version once, whoever asks and how often."""

import asyncio
import sys
from collections.abc import AsyncIterator
from importlib.resources import files
from itertools import count

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from quaymaster.store import migrate
from tests.databases import in_database

_numbers = count(1)


@pytest.fixture
async def empty_url(database_url: str) -> AsyncIterator[str]:
    """The address of a database in which there is nothing yet."""
    name = f"empty_{next(_numbers)}"
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield in_database(database_url, name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def rows(dsn: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_an_empty_database_gets_the_defaults(empty_url):
    await migrate.upgrade(empty_url)
    assert await rows(empty_url, "SELECT name FROM organizations") == [("default",)]
    assert await rows(empty_url, "SELECT name FROM projects") == [("Default",)]
    assert await rows(empty_url, "SELECT id, name FROM pools") == [(1, "Default")]
    assert await rows(empty_url, "SELECT id, name, pool_id FROM queues") == [(1, "Default", 1)]
    groups = await rows(empty_url, "SELECT unique_name FROM identities ORDER BY unique_name")
    assert [name for (name,) in groups] == [
        r"[Default]\Contributors",
        r"[Default]\Project Administrators",
        r"[Default]\Readers",
        r"[Default]\Release Administrators",
        r"[default]\Project Collection Administrators",
    ]


async def test_readers_may_only_view(empty_url):
    await migrate.upgrade(empty_url)
    granted = await rows(
        empty_url,
        "SELECT g.allow FROM grants g JOIN identities i ON i.id = g.identity_id"
        r" WHERE g.namespace = 'release' AND i.unique_name LIKE '%Readers'",
    )
    assert granted == [(33,)]


async def test_several_processes_may_migrate_at_once_and_again(empty_url):
    await asyncio.gather(*(migrate.upgrade(empty_url) for _ in range(4)))
    await migrate.upgrade(empty_url)
    assert await rows(empty_url, "SELECT count(*) FROM organizations") == [(1,)]
    assert await rows(empty_url, "SELECT version_num FROM alembic_version") == [(migrate.HEAD,)]


async def test_a_current_database_is_left_alone_without_loading_the_tool(
    fresh_database_url, monkeypatch
):
    monkeypatch.setitem(sys.modules, "alembic", None)  # importing it would now fail
    await migrate.upgrade(fresh_database_url)


async def test_a_database_of_a_newer_version_is_refused(fresh_database_url):
    connection = await asyncpg.connect(fresh_database_url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    with pytest.raises(migrate.SchemaTooNew, match="9999"):
        await migrate.upgrade(fresh_database_url)


async def test_a_migration_that_fails_leaves_nothing_behind(empty_url, monkeypatch):
    complete = migrate.script(None)
    monkeypatch.setattr(migrate, "script", lambda _: f"{complete}\nSELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate.upgrade(empty_url)
    assert await rows(empty_url, "SELECT to_regclass('releases')") == [(None,)]


def test_the_step_named_head_is_the_last_there_is():
    steps = ScriptDirectory(str(files("quaymaster.store.migrations")))
    assert steps.get_current_head() == migrate.HEAD
