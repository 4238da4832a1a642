"""Files that tasks attached: those of a type, and one file's bytes (CONTRACT B 23-26)."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from quaymaster.actions.jobs import attachments
from quaymaster.actions.jobs.steps import Timeline
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.environments import PATH as ENVIRONMENT
from quaymaster.apis.azure.environments import timeline_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import SYSTEM
from quaymaster.apis.azure.streaming import streamed
from quaymaster.apis.azure.values import date_out, guid_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound
from quaymaster.store.jobs.attachments import Attachment

ATTEMPT = ENVIRONMENT + "/attempts/{attempt_id:str}"
ONE = "/records/{record_id:str}/attachments/{kind:str}/{name:str}"


@get(ATTEMPT + "/plan/{plan_id:str}/attachments/{kind:str}", opt=needs(Scope.RELEASE))
async def get_release_task_attachments(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    attempt_id: FromPath[str],
    plan_id: FromPath[str],
) -> Response[bytes]:
    """The attachments of a type that the tasks of a run plan have sent."""
    where = timeline_in(release_id, stage_id, attempt_id, plan_id)
    return await _listed(request, where)


@get(ATTEMPT + "/timelines/{plan_id:str}/attachments/{kind:str}", opt=needs(Scope.RELEASE))
async def get_task_attachments(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    attempt_id: FromPath[str],
    plan_id: FromPath[str],
) -> Response[bytes]:
    """The same by the older route, which names the timeline only."""
    where = timeline_in(release_id, stage_id, attempt_id, plan_id)
    return await _listed(request, where)


@get(ATTEMPT + "/plan/{plan_id:str}/timelines/{timeline_id:str}" + ONE, opt=needs(Scope.RELEASE))
async def get_release_task_attachment_content(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    attempt_id: FromPath[str],
    plan_id: FromPath[str],
    timeline_id: FromPath[str],
    record_id: FromPath[str],
) -> Stream:
    """The bytes of an attachment."""
    where = timeline_in(release_id, stage_id, attempt_id, plan_id)
    if guid_in(timeline_id, "timelineId") != where.plan:
        raise NotFound(
            "timeline", timeline_id, f"The run plan {where.plan} has no timeline {timeline_id}."
        )
    return await _content(request, where, record_id)


@get(ATTEMPT + "/timelines/{timeline_id:str}" + ONE, opt=needs(Scope.RELEASE))
async def get_task_attachment_content(
    request: AzureRequest,
    release_id: FromPath[str],
    stage_id: FromPath[str],
    attempt_id: FromPath[str],
    timeline_id: FromPath[str],
    record_id: FromPath[str],
) -> Stream:
    """The same by the older route, which names the timeline only."""
    where = timeline_in(release_id, stage_id, attempt_id, timeline_id)
    return await _content(request, where, record_id)


async def _listed(request: AzureRequest, where: Timeline) -> Response[bytes]:
    found = await attachments.listed(request.call, where, request.asked.tail[-1])
    values = [_shown(request, found.project, where, file) for file in found.files]
    return request.collection("releaseTaskAttachment", values)


async def _content(request: AzureRequest, where: Timeline, record_id: str) -> Stream:
    """Always as bytes to be saved: what a task wrote is never shown by a browser as our page."""
    record = guid_in(record_id, "recordId")
    kind, name = request.asked.tail[-2:]
    return await sent(*await attachments.content(request.call, where, record, kind, name))


async def sent(file: Attachment, pieces: AsyncIterator[bytes]) -> Stream:
    """The bytes of an attachment under its name, to be saved."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Length": str(file.byte_count),
    }
    return await streamed(pieces, "application/octet-stream", headers)


def _shown(
    request: AzureRequest, project: str, where: Timeline, file: Attachment
) -> dict[str, Any]:
    release = request.links.environment(project, where.release, where.stage)
    path = (
        f"/attempts/{where.attempt}/plan/{where.plan}/timelines/{where.plan}/records/{file.step}"
        f"/attachments/{quote(file.type, safe='')}/{quote(file.name, safe='')}"
    )
    return {
        "type": file.type,
        "name": file.name,
        "createdOn": date_out(file.created_at),
        "modifiedOn": date_out(file.modified_at),
        "modifiedBy": dict(SYSTEM),
        "timelineId": where.plan,
        "recordId": str(file.step),
        "_links": {"self": {"href": release + path}},
    }


ROUTES = [
    get_release_task_attachments,
    get_task_attachments,
    get_release_task_attachment_content,
    get_task_attachment_content,
]
