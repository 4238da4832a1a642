"""What each route needs of a caller's token: nothing declared, nobody in."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from quaymaster.apis.aviator.asked import Asked
from quaymaster.apis.shared.refusals import NotSignedIn, ScopeMissing
from quaymaster.apis.shared.scopes import Scope, allows

KEY = "needs"


def needs(scope: Scope) -> dict[str, Any]:
    """For a route's `opt`: the scope that a token must have to be used there."""
    return {KEY: scope}


async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar guard. Raises NotSignedIn without a caller, ScopeMissing for the wrong token."""
    asked: Asked = connection.scope["state"]["asked"]
    needed = handler.opt.get(KEY)
    if needed is Scope.PUBLIC:
        return
    if asked.call is None or asked.call.caller is None:
        raise NotSignedIn("Unauthorized")
    if needed is None or not allows(asked.call.caller.scopes, needed):
        raise ScopeMissing("Forbidden")
