"""What a command does on a home: on its database, or on the whole installation."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from quaymaster.actions.call import Call
from quaymaster.cli import options
from quaymaster.server import access
from quaymaster.settings import Settings
from quaymaster.store import migrate
from quaymaster.store.postgres import database as databases
from quaymaster.store.postgres.database import Database

T = TypeVar("T")


def on_database(home: Path | None, act: Callable[[Database], Awaitable[T]]) -> T:
    """What `act` makes of the home's database, which is brought to this version first.

    Raises SettingError, PostgresUnavailableError, DatabaseUnavailable, SchemaTooNew.
    """

    async def opened(_settings: Settings, dsn: str) -> T:
        database = await databases.connect(dsn, max_size=1)
        try:
            return await act(database)
        finally:
            await database.close()

    return asyncio.run(_reached(home, opened))


def on_installation(home: Path | None, act: Callable[[Call], Awaitable[T]]) -> T:
    """The same for what also takes the vault, the storage or the connectors: a call of the
    operator, who may do anything. Raises VaultError, too.
    """
    from quaymaster.server import installation  # noqa: PLC0415 - half a command's time to load

    async def opened(settings: Settings, dsn: str) -> T:
        async with installation.opened(settings, dsn) as found:
            return await act(Call(found))

    return asyncio.run(_reached(home, opened))


async def _reached(home: Path | None, work: Callable[[Settings, str], Awaitable[T]]) -> T:
    settings = options.settings(home)
    async with access.reached(settings) as dsn:
        await migrate.upgrade(dsn)
        return await work(settings, dsn)
