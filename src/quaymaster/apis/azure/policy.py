"""What each route needs of a caller's token, enforced in one place: nothing declared, nobody in."""

from collections.abc import Mapping
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from quaymaster.apis.azure.asked import Asked
from quaymaster.apis.shared.refusals import NotSignedIn, ScopeMissing
from quaymaster.apis.shared.scopes import Scope, allows

KEY = "needs"
ASK_FOR_CREDENTIALS = {"WWW-Authenticate": 'Bearer, Basic realm="Quaymaster"'}
NOBODY = "TF400813: The user '' is not authorized to access this resource."


def needs(scope: Scope) -> dict[str, Any]:
    """For a route's `opt`: the scope that a token must have to be used there."""
    return {KEY: scope}


async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar guard. Raises NotSignedIn without a caller, ScopeMissing for the wrong token.

    A route that declares nothing admits nobody (R-01).
    """
    check(connection.scope["state"]["asked"], handler.opt)


def check(asked: Asked, opt: Mapping[str, Any]) -> None:
    """The same, of the `opt` of a route."""
    needed = opt.get(KEY)
    if needed is Scope.PUBLIC:
        return
    check_signed_in(asked)
    if needed is None:
        raise ScopeMissing("Nobody may call this: it does not say what it needs.")
    held = asked.call.caller.scopes if asked.call and asked.call.caller else frozenset()
    if not allows(held, needed):
        raise ScopeMissing(
            f"VS402904: Access denied: the token does not have the scope {needed.value}. "
            "Make one that has it."
        )


def check_signed_in(asked: Asked) -> None:
    """Raises NotSignedIn, which names the ways to sign in and never redirects (CONTRACT A.7)."""
    if asked.call is None:
        raise NotSignedIn(NOBODY, ASK_FOR_CREDENTIALS)
