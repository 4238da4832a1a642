"""`quaymaster up`: the whole product on one machine, from an empty folder to a running server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

import structlog

from quaymaster.server import first_start, http
from quaymaster.server.postgres.launcher import running
from quaymaster.server.postgres.lock import locked
from quaymaster.server.stopping import stop_signal
from quaymaster.server.worker_child import WorkerChild
from quaymaster.settings import Settings
from quaymaster.store import migrate

if TYPE_CHECKING:
    from litestar import Litestar

Say = Callable[[str], None]

_log = structlog.get_logger("quaymaster.up")


async def up(settings: Settings, say: Say) -> None:
    """Run everything until SIGTERM or SIGINT; `say` tells a person what happens.

    Raises PostgresUnavailableError, AddressInUseError, DatabaseUnavailable or SchemaTooNew, each
    with a sentence for people, when it cannot start.
    """
    started = time.monotonic()
    stopping = stop_signal()
    port = http.free_address(settings.host, settings.port)
    say(f"Quaymaster {version('quaymaster')}")
    loading = asyncio.create_task(_load_app())
    async with _database(settings, say) as dsn:
        await migrate.upgrade(dsn, migrate.script_beside)
        token = await first_start.administrator(dsn, settings.admin_token)
        async with _worker(settings, dsn, address(settings, port)):
            application = (await loading)(settings, dsn)

            def tell() -> None:
                say(f"Ready after {time.monotonic() - started:.1f} s: {address(settings, port)}")
                _say_token(token, say)

            await http.serve(application, settings.host, port, stopping, tell)
            say("Stopping …")
    say("Stopped.")


async def serve(settings: Settings, dsn: str, say: Say) -> None:
    """The APIs alone, on a database that is already migrated."""
    stopping = stop_signal()
    port = http.free_address(settings.host, settings.port)
    application = (await _load_app())(settings, dsn)

    def tell() -> None:
        say(f"Serving {address(settings, port)}")

    await http.serve(application, settings.host, port, stopping, tell)


async def _load_app() -> Callable[[Settings, str], "Litestar"]:
    """The app's `create`, loaded while PostgreSQL starts: a third of a second on a warm start."""
    module = await asyncio.to_thread(import_module, "quaymaster.server.app")
    return cast("Callable[[Settings, str], Litestar]", module.create)


def address(settings: Settings, port: int) -> str:
    """The address to give to a client on this machine, or the public one."""
    if settings.public_url:
        return settings.public_url
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return (
        f"http://[{host}]:{port}"
        if host.count(":") > 1 and host[0] != "["
        else f"http://{host}:{port}"
    )


@asynccontextmanager
async def _database(settings: Settings, say: Say) -> AsyncIterator[str]:
    if settings.database_url:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(settings.home):
            say("Using the database of QUAYMASTER_DATABASE_URL")
            yield settings.database_url
        return
    async with running(settings.home) as server:
        say(f"PostgreSQL {server.version} runs in {settings.home}")
        yield server.dsn


@asynccontextmanager
async def _worker(settings: Settings, dsn: str, url: str) -> AsyncIterator[None]:
    worker = WorkerChild(settings.home, dsn, url)
    await worker.start()
    watch = asyncio.create_task(worker.supervise(), name="worker")
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await worker.stop()


def _say_token(token: str | None, say: Say) -> None:
    if token:
        say("First start. Sign in with any user name and this administrator's token:")
        say(f"    {token}")
        say("It is stored only as a hash and is not shown again.")
