"""Published operations that are not served and whose paths would be taken for something else.

All others are recognised by their published location when no route fits (see `router`).
"""

from litestar import Response, route

from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.policy import UNSERVED, needs
from quaymaster.apis.shared.refusals import NotServed
from quaymaster.apis.shared.scopes import Scope


@route(
    "/release/definitions/environmenttemplates",
    http_method=["GET", "POST", "PATCH", "DELETE"],
    opt={**needs(Scope.RELEASE), UNSERVED: True},
    status_code=200,
)
async def environment_templates(request: AzureRequest) -> Response[bytes]:
    """Environment templates, which would be taken for a definition's id; always 501."""
    raise NotServed(
        f"{request.asked.shown_path[:200]} is published, but this server does not serve it yet."
    )


ROUTES = [environment_templates]
