"""All routes of this contract in one Litestar app, and the edge in front of it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Stream
from litestar.types import ASGIApp, ControllerRouterHandler, Receive, Scope, Send

from quaymaster.actions.call import Installation
from quaymaster.apis.azure import (
    agents,
    approvals,
    artifact_inputs,
    artifact_types,
    artifact_versions,
    attachments,
    badges,
    call_backs,
    connections,
    definitions,
    deployment_groups,
    deployments,
    environment_templates,
    environments,
    errors,
    explaining,
    favorites,
    folders,
    handshake,
    interventions,
    locations,
    logs,
    overviews,
    pipeline_settings,
    projects,
    release_changes,
    release_history,
    release_mails,
    releases,
    secure_files,
    settings,
    standing,
    tags,
    task_groups,
    tasks,
    variable_groups,
    webhooks,
)
from quaymaster.apis.azure.asked import Asked, AzureRequest
from quaymaster.apis.azure.build import routes as build
from quaymaster.apis.azure.description import routes as description
from quaymaster.apis.azure.edge import Edge
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import admit, check, check_signed_in
from quaymaster.apis.azure.service_hooks import routes as service_hooks
from quaymaster.apis.shared.limiting import RequestLimits
from quaymaster.apis.shared.messages import answer
from quaymaster.apis.shared.refusals import NoSuchRoute, NotServed, NotSignedIn, Refusal
from quaymaster.domain.errors import DomainError
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.storage.object_storage import StorageUnavailable
from quaymaster.store.storage.vault import VaultError

_log = structlog.get_logger("quaymaster.apis.azure")

ROUTES: list[ControllerRouterHandler] = [
    *handshake.ROUTES,
    *description.ROUTES,
    *projects.ROUTES,
    *agents.ROUTES,
    *definitions.ROUTES,
    *releases.ROUTES,
    *release_history.ROUTES,
    *tags.ROUTES,
    *artifact_versions.ROUTES,
    *artifact_inputs.ROUTES,
    *artifact_types.ROUTES,
    *environment_templates.ROUTES,
    *favorites.ROUTES,
    *overviews.ROUTES,
    *pipeline_settings.ROUTES,
    *release_changes.ROUTES,
    *release_mails.ROUTES,
    *folders.ROUTES,
    *environments.ROUTES,
    *explaining.ROUTES,
    *standing.ROUTES,
    *approvals.ROUTES,
    *badges.ROUTES,
    *interventions.ROUTES,
    *deployments.ROUTES,
    *logs.ROUTES,
    *attachments.ROUTES,
    *tasks.ROUTES,
    *settings.ROUTES,
    *variable_groups.ROUTES,
    *connections.ROUTES,
    *call_backs.ROUTES,
    *secure_files.ROUTES,
    *webhooks.ROUTES,
    *task_groups.ROUTES,
    *service_hooks.ROUTES,
    *build.ROUTES,
    *deployment_groups.ROUTES,
]


# Frequent readings whose handlers take the request alone.
STRAIGHT = {("GET", "/release/releases"): releases.list_releases}


@lru_cache(maxsize=4)
def application(max_body_bytes: int) -> Litestar:
    """The routes below `_apis`, in lower case; only the edge may hand requests to it.

    It knows no installation, so one for each limit is enough: it takes a while to put together.
    """
    return Litestar(
        route_handlers=ROUTES,
        request_class=AzureRequest,
        guards=[admit],
        exception_handlers={
            DomainError: _refused,
            Refusal: _refused,
            Problem: _refused,
            DatabaseUnavailable: _away,
            StorageUnavailable: _unstored,
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
    routes = Straight(application(max_body_bytes))
    return Edge(rest, routes, installation, RequestLimits() if limits is None else limits)


class Straight:
    """ASGI: routes of STRAIGHT are served without Litestar's routing, a part of their time.

    The edge before them, the handler, what it needs of a caller and how its errors are told are
    the same; whatever else is asked for goes to the app.
    """

    def __init__(self, app: Litestar) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = STRAIGHT.get((scope["method"], scope["path"]))  # type: ignore[typeddict-item]
        if handler is None:
            await self._app(scope, receive, send)
            return
        request = AzureRequest(scope, receive, send)
        try:
            check(request.asked, handler.opt)
            response = await handler.fn(request)
        except (DomainError, Refusal, Problem) as error:
            response = _refused(request, error)
        except DatabaseUnavailable as error:
            response = _away(request, error)
        except Exception as error:  # noqa: BLE001 - logged and told, as Litestar does
            response = _broken(request, error)
        if isinstance(response, Stream):
            await response.to_asgi_response(None, request)(scope, receive, send)
        else:
            await _sent(response, send)


async def _sent(response: Response[bytes], send: Send) -> None:
    kind = str(response.media_type)
    kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    headers = {**response.headers, "content-type": kind}
    await answer(send, response.status_code or 200, headers, response.content)


def _asked(request: Request[Any, Any, Any]) -> Asked:
    asked: Asked = request.scope["state"]["asked"]
    return asked


def _refused(
    request: Request[Any, Any, Any], error: DomainError | Refusal | Problem
) -> Response[bytes]:
    problem = error if isinstance(error, Problem) else errors.problem_of(error)
    return _response(_asked(request), problem)


def _away(request: Request[Any, Any, Any], error: DatabaseUnavailable) -> Response[bytes]:
    _log.warning("request refused while the database is away", reason=str(error))
    return _response(_asked(request), errors.unavailable(str(error)))


def _unstored(request: Request[Any, Any, Any], error: StorageUnavailable) -> Response[bytes]:
    """The storage is away or full, or has lost something: the log says what the machine said."""
    said = error.__cause__.strerror if isinstance(error.__cause__, OSError) else None
    _log.error("request refused: the storage fails", reason=str(error), cause=said)
    return _response(_asked(request), errors.unavailable(str(error)))


def _sealed(request: Request[Any, Any, Any], error: VaultError) -> Response[bytes]:
    """A secret that this server cannot open: only its operator can put that right."""
    _log.error("a secret cannot be opened", reason=str(error))
    return _response(_asked(request), errors.unavailable(str(error)))


def _by_litestar(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar itself refuses: no such path or method, a body over the limit."""
    asked = _asked(request)
    try:
        check_signed_in(asked)
    except NotSignedIn as refusal:
        return _refused(request, refusal)
    return _response(asked, _problem(asked, request.method, error))


def _problem(asked: Asked, method: str, error: HTTPException) -> Problem:
    if error.status_code == 404:
        in_project = asked.call is not None and asked.call.project is not None
        if locations.is_published(asked.tail, in_project=in_project):
            return errors.problem_of(_unserved(asked.shown_path))
        return errors.problem_of(NoSuchRoute(error.detail))
    if error.status_code == 405:
        message = f"The requested resource does not support http method '{method}'."
        return Problem(405, "VssRequestInvalidException", message, dict(error.headers or {}))
    if error.status_code == 413:
        message = "The body is larger than this server accepts (QUAYMASTER_MAX_BODY_BYTES)."
        return Problem(413, "VssRequestEntityTooLargeException", message)
    return Problem(error.status_code, "VssRequestInvalidException", error.detail)


def _unserved(path: str) -> NotServed:
    return NotServed(
        f"{path[:200]} is a published address, but this server has no operation there. See "
        "docs/reference/operations.md for those that it has."
    )


def _broken(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours: logged under the activity id that the client is told."""
    activity = _asked(request).activity
    _log.error("request failed", activity=activity, path=_asked(request).shown_path, exc_info=error)
    message = (
        "An internal error occurred; nothing was changed by this request. The server's log has "
        f"it under the activity id {activity}."
    )
    return _response(_asked(request), Problem(500, "VssServiceException", message))


def _response(asked: Asked, problem: Problem) -> Response[Any]:
    status, headers, body = errors.answer(problem, asked.activity, shown_path=asked.shown_path)
    kind = headers.pop("Content-Type")
    if kind.startswith("text/"):
        kind = kind.partition(";")[0]  # Litestar adds the charset to texts itself
    return Response(body, status_code=status, media_type=kind, headers=headers)
