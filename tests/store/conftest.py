"""One database for all these tests, put back to how it was new after each of them.

Making a database costs more than most of the tests; those that end connections or look at the
schema itself ask for one of their own.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from quaymaster.store import database as databases
from quaymaster.store.database import Database
from tests.conftest import in_database

SHARED = "store_shared"


@pytest.fixture(scope="session")
async def shared_database(database_url: str, migrated_template: str) -> AsyncIterator[Database]:
    administrator = await asyncpg.connect(database_url)
    await administrator.execute(f"CREATE DATABASE {SHARED} TEMPLATE {migrated_template}")
    opened = await databases.connect(in_database(database_url, SHARED))
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
