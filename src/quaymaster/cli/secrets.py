"""Commands about the key that secrets are sealed with."""

import asyncio
from pathlib import Path

from quaymaster.cli import options
from quaymaster.cli.options import Home
from quaymaster.server import access
from quaymaster.store import migrate, resealing
from quaymaster.store.postgres import database as databases
from quaymaster.store.storage import vault
from quaymaster.store.storage.vault import open_vault


def rotate(*, home: Home = None) -> None:
    settings = options.settings(home)
    vault.add_key(settings.secret_key_file)
    done = asyncio.run(_resealed(home))
    print(f"Sealed anew with a new key: {done}. Restart what runs, then: quaymaster secrets forget")


def forget(*, home: Home = None) -> None:
    settings = options.settings(home)
    done = asyncio.run(_resealed(home))
    keys = vault.forget_older_keys(settings.secret_key_file)
    print(f"Sealed anew: {done}. Older keys forgotten: {keys}.")


async def _resealed(home: Path | None) -> int:
    settings = options.settings(home)
    async with access.reached(settings) as dsn:
        await migrate.upgrade(dsn)
        database = await databases.connect(dsn, max_size=1)
        try:
            return await resealing.reseal(database, open_vault(settings.secret_key_file))
        finally:
            await database.close()
