"""Badges and status pictures of build definitions (SEMANTICS 24.1)."""

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.builds import reading
from quaymaster.actions.builds.reading import Badge
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.badges import GREEN, GREY, ORANGE, RED, picture
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared.scopes import Scope

SHOWN = {
    "": ("never built", GREY),
    "succeeded": ("succeeded", GREEN),
    "partiallySucceeded": ("partially succeeded", ORANGE),
    "failed": ("failed", RED),
    "canceled": ("canceled", ORANGE),
}
SVG = "image/svg+xml"


@get("/public/build/definitions/{project:str}/{definition_id:str}/badge", opt=needs(Scope.PUBLIC))
async def get_build_badge(
    request: AzureRequest, project: FromPath[str], definition_id: FromPath[str]
) -> Response[bytes]:
    """The badge of a definition that has one, for anybody."""
    branch = request.parameters.text("branchName")
    named = request.asked.tail[3] if len(request.asked.tail) > 3 else project
    badge = await reading.badge(request.asked.installation, named, definition_id, branch)
    return _picture(request, badge, "")


@get("/build/status/{definition:path}", opt=needs(Scope.BUILD))
async def get_build_status(request: AzureRequest) -> Response[bytes]:
    """The same for those who may view the definition, by its id or name; `label` names it."""
    query = request.parameters
    named = "/".join(request.asked.tail[2:])
    badge = await reading.status(request.call, named, query.text("branchName"))
    return _picture(request, badge, query.text("label"))


def _picture(request: AzureRequest, badge: Badge, label: str) -> Response[bytes]:
    word, colour = SHOWN.get(badge.result, SHOWN[""])
    return request.text(picture(label or badge.name, word, colour).encode(), SVG)


ROUTES = [get_build_badge, get_build_status]
