"""Brings a database to the schema this version works with, and fills an empty one.

Alembic puts the steps in order and is only imported when one is due; it renders them to SQL,
which runs on our own connection in one transaction behind an advisory lock.
`python -m quaymaster.store.migrate STEP` prints the SQL of all steps after that one.
"""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from importlib.resources import files

import asyncpg
import structlog

from quaymaster.store.postgres import seed
from quaymaster.store.postgres.database import opened

HEAD = "0021"
LOCK = 0x51_75_61_79  # any number that no other program takes on the same database

# Read from the catalog's rows: to_regclass may answer from a cache that does not know yet what
# another process has committed while we waited for the lock.
HAS_VERSION = """
SELECT EXISTS (SELECT FROM pg_tables
  WHERE tablename = 'alembic_version' AND schemaname = ANY (current_schemas(false)))
"""

log = structlog.get_logger(__name__)


class SchemaTooNew(Exception):
    """A newer version of the product has already changed this database."""


async def upgrade(dsn: str, render: "Callable[[str | None], Awaitable[str]] | None" = None) -> None:
    """Run every step that is due; does nothing, quickly, when there is none.

    Safe to be called by several processes at once: one does the work, the others wait for it.
    `render` gives the SQL of the steps after one, in this process unless it says otherwise.
    Raises SchemaTooNew when the database was written by a newer version.
    """
    connection = await opened(dsn)
    try:
        if await current(connection) == HEAD:
            return
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = 0")  # a long step is waited for
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            await _run_due_steps(connection, render or _script_here)
    finally:
        await connection.close()


async def current(connection: asyncpg.Connection) -> str | None:
    """The step this database stands at; None for an empty one."""
    if not await connection.fetchval(HAS_VERSION):
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


async def _run_due_steps(
    connection: asyncpg.Connection, render: Callable[[str | None], Awaitable[str]]
) -> None:
    stand = await current(connection)
    if stand == HEAD:
        return
    await connection.execute(await render(stand))
    await seed.fill_if_empty(connection)
    log.info("database migrated", from_step=stand, to_step=HEAD)


async def _script_here(stand: str | None) -> str:
    return script(stand)


async def script_beside(stand: str | None) -> str:
    """The same as `script`, from a process of its own: Alembic would stay with the server, 20 MB
    of it, for as long as that runs. Raises SchemaTooNew."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__, stand or ""),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # what fails there fails here again, and is told
    )
    rendered, _ = await process.communicate()
    return rendered.decode() if process.returncode == 0 else script(stand)


def script(stand: str | None) -> str:
    """All steps after this one as SQL, with the bookkeeping of the version table."""
    from alembic import command  # noqa: PLC0415 - needs 0.3 s, and is needed once per upgrade
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    rendered = io.StringIO()
    config = Config(output_buffer=rendered, stdout=io.StringIO())
    config.set_main_option("script_location", str(files("quaymaster.store.migrations")))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, f"{stand}:head" if stand else "head", sql=True)
    except CommandError as error:
        raise SchemaTooNew(
            f"The database is at step {stand!r}, which this version does not know. "
            f"It was written by a newer version: install that one, or restore a backup."
        ) from error
    return rendered.getvalue()


if __name__ == "__main__":
    sys.stdout.write(script(sys.argv[1] or None))
