"""All routes of this contract in one Litestar app, and the edge in front of it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, ControllerRouterHandler

from quaymaster.actions.call import Installation
from quaymaster.apis.aviator import (
    candidates,
    cherry_picks,
    deployments,
    metrics,
    projects,
    settings,
    verifications,
    versions,
    workflows,
)
from quaymaster.apis.aviator.asked import JSON, Asked, AviatorRequest
from quaymaster.apis.aviator.edge import Edge
from quaymaster.apis.aviator.errors import Problem, problem_of
from quaymaster.apis.aviator.graphql import routes as graphql
from quaymaster.apis.aviator.policy import admit
from quaymaster.apis.aviator.webhooks import routes as webhooks
from quaymaster.apis.shared.limiting import RequestLimits
from quaymaster.apis.shared.refusals import NotSignedIn, Refusal
from quaymaster.domain.errors import DomainError
from quaymaster.domain.schedules import UnknownTimeZone
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.storage.vault import VaultError

_log = structlog.get_logger("quaymaster.apis.aviator")

ROUTES: list[ControllerRouterHandler] = [
    *projects.ROUTES,
    *settings.ROUTES,
    *candidates.ROUTES,
    *versions.ROUTES,
    *cherry_picks.ROUTES,
    *verifications.ROUTES,
    *deployments.ROUTES,
    *metrics.ROUTES,
    *graphql.ROUTES,
    *webhooks.ROUTES,
    *workflows.ROUTES,
]
SAID = {404: "Not found", 405: "Method not allowed", 413: "The body is too large"}


@lru_cache(maxsize=4)
def application(max_body_bytes: int) -> Litestar:
    """The routes of this contract; only the edge may hand requests to it.

    It knows no installation, so one for each limit is enough: it takes a while to put together.
    """
    return Litestar(
        route_handlers=ROUTES,
        request_class=AviatorRequest,
        guards=[admit],
        exception_handlers={
            DomainError: _refused,
            Refusal: _refused,
            Problem: _refused,
            UnknownTimeZone: _refused,
            DatabaseUnavailable: _away,
            VaultError: _sealed,
            HTTPException: _by_litestar,
            Exception: _broken,
        },
        request_max_body_size=max_body_bytes,
        openapi_config=None,
        logging_config=None,
    )


def edge(
    rest: ASGIApp,
    installation: Callable[[], Installation],
    max_body_bytes: int,
    limits: RequestLimits | None = None,
) -> ASGIApp:
    """ASGI for the whole product: this contract's requests are served, others go to `rest`.

    `limits` count what everybody sends; contracts that share them have one limit together.
    """
    routes = application(max_body_bytes)
    return Edge(rest, routes, installation, RequestLimits() if limits is None else limits)


def _refused(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    return _response(problem_of(error))


def _away(_request: Request[Any, Any, Any], error: DatabaseUnavailable) -> Response[bytes]:
    _log.warning("request refused while the database is away", reason=str(error))
    return _response(Problem(503, "The database is not available", {"Retry-After": "1"}))


def _sealed(_request: Request[Any, Any, Any], error: VaultError) -> Response[bytes]:
    """A secret that this server cannot open: only its operator can put that right."""
    _log.error("a secret cannot be opened", reason=str(error))
    return _response(Problem(503, str(error)))


def _by_litestar(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar itself refuses: no such path or method, a body over the limit."""
    asked: Asked = request.scope["state"]["asked"]
    if asked.call is None:
        return _refused(request, NotSignedIn("Unauthorized"))
    said = SAID.get(error.status_code, error.detail)
    headers = dict(error.headers or {})
    return _response(Problem(error.status_code, said, headers))


def _broken(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("request failed", path=request.scope["path"][:200], exc_info=error)
    return _response(Problem(500, "Internal error; nothing was changed"))


def _response(problem: Problem) -> Response[bytes]:
    return Response(
        msgspec.json.encode({"error": problem.error}),
        status_code=problem.status,
        media_type=JSON,
        headers=problem.headers,
    )
