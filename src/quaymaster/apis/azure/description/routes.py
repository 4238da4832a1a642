"""Hands out the description of the contract."""

import msgspec
from litestar import Response, get

from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.description import openapi
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared.scopes import Scope


@get("/openapi.json", opt=needs(Scope.ANY))
async def get_description(request: AzureRequest) -> Response[bytes]:
    """The OpenAPI 3.1 document of everything that is served here."""
    described = openapi.document(request.app.routes)
    return request.text(msgspec.json.encode(described), "application/json; charset=utf-8")


ROUTES = [get_description]
