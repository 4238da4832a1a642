"""One real PostgreSQL for the whole session, and a database as new for each test.

`database` is one and the same, put back to its beginnings after each test, because making one
costs more than most tests. Tests that start processes on it, end its connections or look at the
schema itself ask for one of their own (`own_database`, `fresh_database_url`).
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from quaymaster.server.postgres.launcher import running
from quaymaster.store import database as databases
from quaymaster.store import migrate
from quaymaster.store.database import Database

_TEMPLATE = "migrated"
_SHARED = "shared"
_numbers = count(1)


def in_database(dsn: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def reachable_folder() -> Iterator[Path]:
    """A folder every user may pass through, as pytest's own are not when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="quaymaster-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def database_url(reachable_folder: Path) -> AsyncIterator[str]:
    """The address of the session's PostgreSQL: its maintenance database, empty and not migrated."""
    async with running(reachable_folder / "session") as server:
        await _hurry(server.dsn)
        yield server.dsn


async def _hurry(dsn: str) -> None:
    """What is in the session's database may be lost with the machine, so it need not be synced.

    Tests of durability start servers of their own.
    """
    connection = await asyncpg.connect(dsn)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        await connection.execute(f"ALTER SYSTEM SET {setting} = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


@pytest.fixture(scope="session")
async def migrated_template(database_url: str) -> str:
    """The name of a migrated database that nobody is connected to, to be cloned for each test."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    await connection.close()
    await migrate.upgrade(in_database(database_url, _TEMPLATE))
    return _TEMPLATE


@pytest.fixture
async def fresh_database_url(database_url: str, migrated_template: str) -> AsyncIterator[str]:
    """The address of a migrated database of this test's own, dropped afterwards."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(database_url)
    try:
        # FILE_COPY costs half of the default for a small template.
        await connection.execute(
            f"CREATE DATABASE {name} TEMPLATE {migrated_template} STRATEGY FILE_COPY"
        )
        yield in_database(database_url, name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def shared_database(database_url: str, migrated_template: str) -> AsyncIterator[Database]:
    administrator = await asyncpg.connect(database_url)
    await administrator.execute(f"CREATE DATABASE {_SHARED} TEMPLATE {migrated_template}")
    opened = await databases.connect(in_database(database_url, _SHARED))
    yield opened
    await opened.close()
    await administrator.close()


@pytest.fixture(scope="session")
async def as_new(shared_database: Database) -> str:
    """The statements that put every table and every sequence back to their beginnings."""
    async with shared_database.transaction() as connection:
        await connection.execute("CREATE SCHEMA kept")
        tables = [
            row[0]
            for row in await connection.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " AND tablename <> 'alembic_version'"
            )
        ]
        for table in tables:
            await connection.execute(f"CREATE TABLE kept.{table} AS TABLE public.{table}")
        sequences = await connection.fetch(
            "SELECT sequencename AS name, last_value FROM pg_sequences WHERE schemaname = 'public'"
        )
        filled = [
            table
            for table in tables
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM kept.{table})")
        ]
    return ";\n".join(
        [
            "SET LOCAL session_replication_role = replica",  # no triggers, no order among tables
            *(f"DELETE FROM public.{table}" for table in tables),
            *(f"INSERT INTO public.{table} SELECT * FROM kept.{table}" for table in filled),
            *(
                f"SELECT setval('{name}', {last or 1}, {last is not None})"
                for name, last in sequences
            ),
        ]
    )


@pytest.fixture
async def database(shared_database: Database, as_new: str) -> AsyncIterator[Database]:
    """A database as after its first migration."""
    yield shared_database
    async with shared_database.transaction() as connection:
        await connection.execute(as_new)


@pytest.fixture
async def own_database(fresh_database_url: str) -> AsyncIterator[Database]:
    """A database whose connections the test may end."""
    opened = await databases.connect(fresh_database_url)
    yield opened
    await opened.close()
