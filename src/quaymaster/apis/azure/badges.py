"""Deployment badges: an SVG that anybody may fetch where a stage's options allow it (B.4)."""

from uuid import UUID
from xml.sax.saxutils import escape

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.announcements import badges
from quaymaster.actions.announcements.badges import Badge
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound
from quaymaster.domain.statuses import OperationStatus

PATH = "/public/release/badge/{project_id:str}/{definition_id:str}/{environment_id:str}"
GREEN, ORANGE, RED, BLUE, GREY = "#2f7d32", "#9a5b00", "#b3261e", "#005a9e", "#555555"
SHOWN = {
    None: ("never deployed", GREY),
    OperationStatus.APPROVED: ("succeeded", GREEN),
    OperationStatus.REJECTED: ("rejected", RED),
    OperationStatus.PHASE_FAILED: ("failed", RED),
    OperationStatus.GATE_FAILED: ("failed", RED),
    OperationStatus.CANCELED: ("canceled", ORANGE),
    OperationStatus.PHASE_CANCELED: ("canceled", ORANGE),
}
UNDER_WAY = ("in progress", BLUE)
LETTER, MARGIN, LONGEST = 7, 10, 60  # pixels and characters

SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{name}: {status}"><title>{name}: {status}</title>\
<rect width="{split}" height="20" fill="#333333"/>\
<rect x="{split}" width="{rest}" height="20" fill="{colour}"/>\
<g fill="#ffffff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" \
text-anchor="middle"><text x="{left}" y="14">{name}</text>\
<text x="{right}" y="14">{status}</text></g></svg>"""


@get([PATH, PATH + "/{branch:path}"], opt=needs(Scope.PUBLIC))
async def get_badge(
    request: AzureRequest,
    project_id: FromPath[str],
    definition_id: FromPath[str],
    environment_id: FromPath[str],
) -> Response[bytes]:
    """The badge of an environment, of its releases from one branch if the path names one."""
    badge = await badges.badge(
        request.asked.installation,
        _guid(project_id),
        number_in(definition_id, "releaseDefinitionId", lowest=1),
        number_in(environment_id, "environmentId", lowest=1),
        "/".join(request.asked.tail[6:]),
    )
    return request.text(drawn(badge).encode(), "image/svg+xml")


def drawn(badge: Badge) -> str:
    """The SVG of a stage."""
    return picture(badge.stage, *SHOWN.get(badge.operation, UNDER_WAY))


def picture(name: str, status: str, colour: str) -> str:
    """An SVG in which the name is text and never markup."""
    name = name[:LONGEST]
    split, rest = (LETTER * len(text) + 2 * MARGIN for text in (name, status))
    return SVG.format(
        name=escape(name, {'"': "&quot;"}),
        status=status,
        colour=colour,
        width=split + rest,
        split=split,
        rest=rest,
        left=split // 2,
        right=split + rest // 2,
    )


def _guid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("badge", text) from error


ROUTES = [get_badge]
