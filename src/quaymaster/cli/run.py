"""Commands that run the product, whole or in parts."""

import asyncio

import uvloop

from quaymaster.cli import options
from quaymaster.cli.options import Home, Host, Port
from quaymaster.cli.printing import say
from quaymaster.server import access
from quaymaster.server import up as product
from quaymaster.store import migrate as migrations


def up(*, home: Home = None, host: Host = None, port: Port = None) -> None:
    """Start everything on this machine: database, migrations, APIs, and one worker."""
    settings = options.settings(home, host, port)
    uvloop.run(product.up(settings, say))


def serve(*, home: Home = None, host: Host = None, port: Port = None) -> None:
    """Start the APIs alone, for many machines on one PostgreSQL."""
    settings = options.settings(home, host, port)
    uvloop.run(product.serve(settings, access.dsn_of_running(settings), say))


def migrate(*, home: Home = None) -> None:
    """Bring the database to the schema of this version; does nothing when it is there."""
    asyncio.run(_migrate(home))


async def _migrate(home: Home) -> None:
    async with access.reached(options.settings(home)) as dsn:
        await migrations.upgrade(dsn)
    say("The database is at the schema of this version.")
