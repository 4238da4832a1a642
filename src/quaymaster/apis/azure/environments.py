"""Environments of a release: look at one, start, schedule or cancel it (CONTRACT B 21, 22)."""

from litestar import Response, get, patch
from litestar.params import FromPath

from quaymaster.actions.deployments import stages
from quaymaster.actions.deployments.stages import StartRequest
from quaymaster.actions.jobs.steps import Timeline
from quaymaster.actions.releases import reading
from quaymaster.apis.azure.asked import AzureRequest, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.overrides import overrides_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import release as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.values import bool_in, date_in, guid_in, number_in
from quaymaster.apis.azure.words import ENVIRONMENT_EXPANDS, ENVIRONMENT_STATUS
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.domain.statuses import Priority, StageStatus

# The last three are ours: the published client has no word for what the product's page offers.
KNOWN = (
    "status",
    "comment",
    "scheduledDeploymentTime",
    "variables",
    "redeployFailedTargets",
    "priority",
    "freezeOverrideReason",
    "verificationBypassReason",
)
PRIORITIES = {
    "low": Priority.LOW,
    "belownormal": Priority.BELOW_NORMAL,
    "normal": Priority.NORMAL,
    "abovenormal": Priority.ABOVE_NORMAL,
    "high": Priority.HIGH,
}
PATH = "/release/releases/{release_id:str}/environments/{stage_id:str}"


@get(PATH, opt=needs(Scope.RELEASE))
async def get_environment(
    request: AzureRequest, release_id: FromPath[str], stage_id: FromPath[str]
) -> Response[bytes]:
    """One environment of a release with all its attempts."""
    ENVIRONMENT_EXPANDS.read(request.parameters.text("expand") or "none", "$expand")
    return await _shown(request, release_number(release_id), stage_number(stage_id))


@patch(PATH, opt=needs(Scope.RELEASE_EXECUTE))
async def update_environment(
    request: AzureRequest, release_id: FromPath[str], stage_id: FromPath[str]
) -> Response[bytes]:
    """`inProgress` starts a deployment, `scheduled` one at a time, `canceled` stops it.

    With `redeployFailedTargets` deployment groups run on those targets only on which the last
    attempt has not succeeded.

    `priority` lets a deployment that waits for its turn go before others, or after them.

    A time without a status defers a deployment that has not begun its work (SEMANTICS 9.13).
    """
    call = request.in_project()
    release, stage = release_number(release_id), stage_number(stage_id)
    body = await request.properties("releaseEnvironmentUpdateMetadata", KNOWN)
    status = ENVIRONMENT_STATUS.read(body.get("status") or "undefined", "status")
    comment = text_in(body.get("comment"), "comment")
    at = date_in(body.get("scheduledDeploymentTime"), "scheduledDeploymentTime")
    if status == "scheduled" and at is None:
        raise Problem(
            400,
            "InvalidRequestException",
            "VS402964: A stage is scheduled for a time; give scheduledDeploymentTime.",
        )
    match status:
        case "inProgress" | "scheduled":
            variables = overrides_in(body.get("variables"), "variables")
            failed = bool_in(body.get("redeployFailedTargets") or False, "redeployFailedTargets")
            why = text_in(body.get("freezeOverrideReason"), "freezeOverrideReason")
            bypass = text_in(body.get("verificationBypassReason"), "verificationBypassReason")
            wanted = StartRequest(comment, at, variables, failed, why, bypass)
            await stages.start(call, release, stage, wanted)
        case "canceled":
            await stages.cancel(call, release, stage, comment)
        case "undefined" if at:
            await stages.defer(call, release, stage, at)
        case "undefined" if body.get("priority") is not None:
            await stages.prioritise(call, release, stage, priority_in(body["priority"]))
        case _:
            raise Problem(
                400,
                "InvalidRequestException",
                f"VS402964: A stage cannot be set to '{status}'. Use inProgress to deploy, "
                "scheduled with a scheduledDeploymentTime, or canceled.",
            )
    return await _shown(request, release, stage, just_asked=status == "inProgress")


async def _shown(
    request: AzureRequest, release: ReleaseId, stage_id: StageId, *, just_asked: bool = False
) -> Response[bytes]:
    found = await reading.release(request.call, release)
    stage = next((stage for stage in found.view.stages if stage.id == stage_id), None)
    if stage is None:
        raise NotFound("stage", stage_id)
    shown = Shown(request.links, found.people, found.groups)
    body = present.environment(shown, found.view, stage, found.document)
    if just_asked and stage.status is StageStatus.IN_PROGRESS:
        body["status"] = "queued"  # what the service answers to the start itself (7.4)
    return request.answer("releaseEnvironment", body)


def priority_in(value: object) -> Priority:
    """The words that builds have for it (QueuePriority)."""
    found = PRIORITIES.get(text_in(value, "priority").lower())
    if found is None:
        words = "low, belowNormal, normal, aboveNormal or high"
        raise Problem(400, "InvalidRequestException", f"priority is none; use {words}.")
    return found


def stage_number(text: str) -> StageId:
    return StageId(number_in(text, "environmentId", lowest=1))


def timeline_in(release_id: str, stage_id: str, attempt_id: str, plan_id: str) -> Timeline:
    """The timeline that a path names. Raises Problem for what cannot be one."""
    return Timeline(
        release_number(release_id),
        stage_number(stage_id),
        number_in(attempt_id, "attemptId", lowest=1),
        guid_in(plan_id, "timelineId"),
    )


ROUTES = [get_environment, update_environment]
