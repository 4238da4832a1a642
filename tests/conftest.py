"""One real PostgreSQL for the whole session, and a database as new for each test.

`database` is one and the same for all tests, which share its connections too. Tests that start
processes on it, end its connections or look at the schema itself ask for one of their own
(`own_database`, `fresh_database_url`).
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from quaymaster.server.postgres.launcher import running
from quaymaster.store.postgres import database as databases
from quaymaster.store.postgres.database import Database
from tests.databases import Databases, in_database

# No test depends on how fast the machine is, nor on how much an example holds; a fixture serves all
# examples of its test.
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
settings.load_profile("any machine")

MEMORY = Path("/dev/shm")  # a file system in memory, where there is one
MEMORY_BYTES = 2**31


@pytest.fixture(scope="session")
def reachable_folder() -> Iterator[Path]:
    """A folder every user may pass through, as pytest's own are not when root runs the tests."""
    with _folder(None) as folder:
        yield folder


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="quaymaster-tests-", dir=parent))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def database_url() -> AsyncIterator[str]:
    """The address of the session's PostgreSQL: its maintenance database, empty and not migrated.

    Nothing of it outlives the session, so that it stays in memory where there is room for it.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES
    with _folder(MEMORY if has_room else None) as folder:
        async with running(folder) as server:
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
async def lent(database_url: str) -> Databases:
    """The migrated databases of the session's server."""
    made = Databases(database_url)
    await made.prepare()
    return made


@pytest.fixture
async def fresh_database_url(lent: Databases) -> AsyncIterator[str]:
    """The address of a migrated database that nobody else uses."""
    name = await lent.lend()
    yield in_database(lent.dsn, name)
    await lent.take_back(name)


@pytest.fixture(scope="session")
async def shared_database(lent: Databases) -> AsyncIterator[Database]:
    opened = await databases.connect(in_database(lent.dsn, await lent.lend()))
    yield opened
    await opened.close()


@pytest.fixture
async def database(lent: Databases, shared_database: Database) -> AsyncIterator[Database]:
    """A database as after its first migration."""
    yield shared_database
    async with shared_database.transaction() as connection:
        await connection.execute(lent.put_back)


@pytest.fixture
async def own_database(fresh_database_url: str) -> AsyncIterator[Database]:
    """A database whose connections the test may end."""
    opened = await databases.connect(fresh_database_url)
    yield opened
    await opened.close()
