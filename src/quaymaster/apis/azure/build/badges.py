"""Badges and status pictures of build definitions (SEMANTICS 24.1)."""

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.builds import badges
from quaymaster.actions.builds.badges import Badge
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.badges import GREEN, GREY, ORANGE, RED, picture
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.build_parts import Part

SHOWN = {
    "": ("never built", GREY),
    "succeeded": ("succeeded", GREEN),
    "partiallySucceeded": ("partially succeeded", ORANGE),
    "failed": ("failed", RED),
    "canceled": ("canceled", ORANGE),
    "skipped": ("skipped", GREY),
}
SVG = "image/svg+xml"


@get("/public/build/definitions/{project:str}/{definition_id:str}/badge", opt=needs(Scope.PUBLIC))
async def get_build_badge(
    request: AzureRequest, project: FromPath[str], definition_id: FromPath[str]
) -> Response[bytes]:
    """The badge of a definition that has one, for anybody."""
    branch = request.parameters.text("branchName")
    named = request.asked.tail[3] if len(request.asked.tail) > 3 else project
    badge = await badges.public(request.asked.installation, named, definition_id, branch)
    return _picture(request, badge, "")


@get("/build/status/{definition:path}", opt=needs(Scope.BUILD))
async def get_build_status(request: AzureRequest) -> Response[bytes]:
    """The same for those who may view the definition, by its id or name; `label` names it.

    `stageName`, `jobName` and `configuration` choose a part of the build.
    """
    query = request.parameters
    named = "/".join(request.asked.tail[2:])
    part = Part(query.text("stageName"), query.text("jobName"), query.text("configuration"))
    badge = await badges.status(request.call, named, query.text("branchName"), part)
    return _picture(request, badge, query.text("label"))


def _picture(request: AzureRequest, badge: Badge, label: str) -> Response[bytes]:
    word, colour = SHOWN.get(badge.result, SHOWN[""])
    return request.text(picture(label or badge.name, word, colour).encode(), SVG)


ROUTES = [get_build_badge, get_build_status]
