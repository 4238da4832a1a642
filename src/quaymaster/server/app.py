"""The composition root: settings in, one ASGI app out."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.status_codes import HTTP_503_SERVICE_UNAVAILABLE

from quaymaster import settings as environment
from quaymaster.actions.ports import Outside
from quaymaster.server import health, logs
from quaymaster.server.access import dsn_of_running
from quaymaster.settings import Settings
from quaymaster.store import database as databases
from quaymaster.store.database import DatabaseUnavailable

_log = structlog.get_logger("quaymaster.server")


def create(settings: Settings | None = None, dsn: str | None = None) -> Litestar:
    """The whole product as one ASGI app.

    Called without arguments, as by `uvicorn --factory quaymaster.server.app:create`, it reads the
    settings from the environment and works on the database they name.
    """
    if settings is None:
        settings = environment.read(os.environ)
        logs.set_up(settings)
    return Litestar(
        route_handlers=[health.live, health.ready, *_routers()],
        lifespan=[_connected(dsn or dsn_of_running(settings))],
        exception_handlers={DatabaseUnavailable: _database_away},
        request_max_body_size=settings.max_body_bytes,
        openapi_config=None,  # each published contract has its own description
        logging_config=None,  # logs.set_up has been here
    )


def _routers() -> list[Any]:
    if find_spec("quaymaster.apis.azure.router") is None:
        return []
    return [import_module("quaymaster.apis.azure.router").router]


def _connected(dsn: str) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Opens the database when the app starts and closes it when the app ends."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.database = await databases.connect(dsn)
        app.state.outside = Outside()
        try:
            yield
        finally:
            await app.state.database.close()

    return lifespan


def _database_away(_request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, str]]:
    """For requests whose API has no body of its own for this: come back in a second."""
    _log.warning("request refused while the database is away", reason=str(error))
    return Response(
        {"message": "The database is not available. Nothing was changed; try again in a moment."},
        status_code=HTTP_503_SERVICE_UNAVAILABLE,
        headers={"Retry-After": "1"},
    )
