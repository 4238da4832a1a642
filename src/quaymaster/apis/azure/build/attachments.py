"""Files that the steps of a build have attached (CONTRACT B.1)."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from quaymaster.actions.builds.results import attachments
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.attachments import sent
from quaymaster.apis.azure.build.builds import ONE, build_number
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import guid_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound
from quaymaster.store.builds.views import BuildView
from quaymaster.store.jobs.attachments import Attachment


@get(f"{ONE}/attachments/{{kind:str}}", opt=needs(Scope.BUILD))
async def list_build_attachments(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """The attachments of a type that the tasks of a build have sent."""
    kind = request.asked.tail[-1]
    view, found = await attachments.listed(request.call, build_number(build_id), kind)
    return request.collection("attachment", [_shown(request, view, one) for one in found])


@get(
    f"{ONE}/{{timeline_id:str}}/{{record_id:str}}/attachments/{{kind:str}}/{{name:str}}",
    opt=needs(Scope.BUILD),
)
async def get_build_attachment(
    request: AzureRequest,
    build_id: FromPath[str],
    timeline_id: FromPath[str],
    record_id: FromPath[str],
) -> Stream:
    """The bytes of an attachment."""
    number, record = build_number(build_id), guid_in(record_id, "recordId")
    view, _ = await attachments.listed(request.call, number, "")
    if guid_in(timeline_id, "timelineId") != str(view.plan_id):
        raise NotFound("timeline", timeline_id, f"Build {number} has no timeline {timeline_id}.")
    kind, name = request.asked.tail[-2:]
    return await sent(*await attachments.content(request.call, number, record, kind, name))


def _shown(request: AzureRequest, view: BuildView, one: Attachment) -> dict[str, Any]:
    path = (
        f"build/builds/{view.id}/{view.plan_id}/{one.step}/attachments/"
        f"{quote(one.type, safe='')}/{quote(one.name, safe='')}"
    )
    address = request.links.apis(str(view.project_id), path)
    return {"name": one.name, "_links": {"self": {"href": address}}}


ROUTES = [list_build_attachments, get_build_attachment]
