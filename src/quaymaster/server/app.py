"""The composition root: settings in, one ASGI app out."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.status_codes import HTTP_503_SERVICE_UNAVAILABLE

from quaymaster import settings as environment
from quaymaster.apis.aviator import router as aviator
from quaymaster.apis.azure import router as azure
from quaymaster.apis.shared.limiting import RequestLimits
from quaymaster.server import health, installation, logs
from quaymaster.server.access import dsn_of_running
from quaymaster.settings import Settings
from quaymaster.store.postgres.database import DatabaseUnavailable

_log = structlog.get_logger("quaymaster.server")


def create(settings: Settings | None = None, dsn: str | None = None) -> Litestar:
    """The whole product as one ASGI app.

    Called without arguments, as by `uvicorn --factory quaymaster.server.app:create`, it reads the
    settings from the environment and works on the database they name.
    """
    if settings is None:
        settings = environment.read(os.environ)
        logs.set_up(settings)
    app = Litestar(
        route_handlers=[health.live, health.ready],
        lifespan=[_open(settings, dsn or dsn_of_running(settings))],
        exception_handlers={DatabaseUnavailable: _database_away},
        request_max_body_size=settings.max_body_bytes,
        openapi_config=None,  # each published contract has its own description
        logging_config=None,  # logs.set_up has been here
    )
    # In front of Litestar's own routing, which knows neither case-blind nor encoded paths.
    limits = RequestLimits()
    for api in (azure, aviator):
        app.asgi_handler = api.edge(
            app.asgi_handler, lambda: app.state.installation, settings.max_body_bytes, limits
        )
    return app


def _open(settings: Settings, dsn: str) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Opens what all requests share when the app starts, and closes it when the app ends."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with installation.opened(settings, dsn) as app.state.installation:
            yield

    return lifespan


def _database_away(_request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, str]]:
    """For requests whose API has no body of its own for this: come back in a second."""
    _log.warning("request refused while the database is away", reason=str(error))
    return Response(
        {"message": "The database is not available. Nothing was changed; try again in a moment."},
        status_code=HTTP_503_SERVICE_UNAVAILABLE,
        headers={"Retry-After": "1"},
    )
