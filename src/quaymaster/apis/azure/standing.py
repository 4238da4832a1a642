"""Freezes, rollbacks, holds and quarantine of releases: beyond the published API."""

from datetime import timedelta
from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath

from quaymaster.actions.call import Call
from quaymaster.actions.deployments import freezing, quarantines
from quaymaster.actions.deployments.rollbacks import requests
from quaymaster.actions.deployments.rollbacks.rolling_back import RollbackRequest
from quaymaster.apis.azure.asked import AzureRequest, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.values import bool_in, date_in, date_out, number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.freezes import Freeze, FreezeKind, OnRunning
from quaymaster.domain.release import ReleaseId
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment

FREEZES = "/release/freezes"
ENVIRONMENT = "/release/definitions/{definition_id:str}/environments/{environment_id:str}"
QUARANTINE = "/release/releases/{release_id:str}/quarantine"
KNOWN = (
    "scope",
    "definitionId",
    "environmentId",
    "kind",
    "reason",
    "running",
    "from",
    "until",
    "cron",
    "durationInMinutes",
    "timeZone",
)
SCOPES = ("organization", "project", "definition", "environment")


@get(FREEZES, opt=needs(Scope.RELEASE))
async def list_freezes(request: AzureRequest) -> Response[bytes]:
    """The freezes and windows of the project and of the organization that are not over."""
    found = await freezing.listed(request.in_project())
    return request.collection("freeze", [_freeze(one) for one in found])


@post(FREEZES, opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def create_freeze(request: AzureRequest) -> Response[bytes]:
    """Set a freeze or a window; from the answer on no deployment starts against it."""
    call = request.in_project()
    body = await request.properties("freeze", KNOWN)
    made = await freezing.create(call, _freeze_in(call, body))
    return request.answer("freeze", _freeze(made))


@delete(FREEZES + "/{freeze_id:str}", opt=needs(Scope.RELEASE_EXECUTE), status_code=204)
async def delete_freeze(request: AzureRequest, freeze_id: FromPath[str]) -> None:
    """Lift it; what waited for that starts by itself."""
    await freezing.lift(request.in_project(), number_in(freeze_id, "freezeId", lowest=1))


def _freeze_in(call: Call, body: dict[str, Any]) -> Freeze:
    scope = text_in(body.get("scope") or "project", "scope")
    kind = text_in(body.get("kind") or "deny", "kind")
    running = text_in(body.get("running") or "continue", "running")
    _check_word(scope, SCOPES, "scope")
    _check_word(kind, tuple(FreezeKind), "kind")
    _check_word(running, tuple(OnRunning), "running")
    narrow = scope in ("definition", "environment")
    minutes = number_in(str(body.get("durationInMinutes") or 0), "durationInMinutes")
    return Freeze(
        id=0,
        kind=FreezeKind(kind),
        reason=text_in(body.get("reason"), "reason"),
        running=OnRunning(running),
        starts_at=date_in(body.get("from"), "from"),
        ends_at=date_in(body.get("until"), "until"),
        cron=text_in(body.get("cron"), "cron"),
        duration=timedelta(minutes=min(minutes, 10**7)),
        time_zone=text_in(body.get("timeZone") or "UTC", "timeZone"),
        project_id=None if scope == "organization" else str(call.project_id),
        definition_id=_number(body, "definitionId") if narrow else None,
        environment_id=_number(body, "environmentId") if scope == "environment" else None,
    )


def _check_word(word: str, allowed: tuple[str, ...], where: str) -> None:
    if word not in allowed:
        raise Problem(400, "InvalidRequestException", f"{where} is one of {', '.join(allowed)}.")


def _number(body: dict[str, Any], name: str) -> int:
    return number_in(str(body.get(name) or ""), name, lowest=1)


def _freeze(found: Freeze) -> dict[str, Any]:
    return {
        "id": found.id,
        "scope": found.level,
        "definitionId": found.definition_id,
        "environmentId": found.environment_id,
        "kind": found.kind,
        "reason": found.reason,
        "running": found.running,
        "from": date_out(found.starts_at),
        "until": date_out(found.ends_at),
        "cron": found.cron,
        "durationInMinutes": int(found.duration.total_seconds() // 60),
        "timeZone": found.time_zone,
        "createdBy": found.created_by,
    }


# ---- rollback -------------------------------------------------------------------------------


def _numbers(definition_id: str, environment_id: str) -> tuple[int, int]:
    return (
        number_in(definition_id, "definitionId", lowest=1),
        number_in(environment_id, "environmentId", lowest=1),
    )


@get(ENVIRONMENT + "/rollback", opt=needs(Scope.RELEASE))
async def plan_rollback(
    request: AzureRequest, definition_id: FromPath[str], environment_id: FromPath[str]
) -> Response[bytes]:
    """Where a rollback would go now, for whoever is about to ask for one."""
    call = request.in_project()
    find = requests.numbered(call, *_numbers(definition_id, environment_id))
    plan, target = await requests.planned(call, find)
    answer = {
        "target": _deployment(target),
        "leavingReleaseId": plan.leaving.release,
        "canceledDeploymentIds": [row.id for row in plan.canceled],
    }
    return request.answer("rollbackPlan", answer)


@post(ENVIRONMENT + "/rollback", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def roll_back(
    request: AzureRequest, definition_id: FromPath[str], environment_id: FromPath[str]
) -> Response[bytes]:
    """Cancel what is under way, then deploy what ran before, or the release that is named."""
    call = request.in_project()
    body = await request.properties("rollback", ("releaseId", "overrideReason", "comment", "hold"))
    wanted = RollbackRequest(
        to=ReleaseId(_number(body, "releaseId")) if body.get("releaseId") else None,
        override=text_in(body.get("overrideReason"), "overrideReason"),
        comment=text_in(body.get("comment"), "comment"),
        holds=bool_in(body.get("hold", True), "hold"),
    )
    find = requests.numbered(call, *_numbers(definition_id, environment_id))
    made = await requests.roll_back(call, find, wanted)
    return request.answer("rollback", _deployment(made))


@delete(ENVIRONMENT + "/hold", opt=needs(Scope.RELEASE_EXECUTE), status_code=204)
async def resume(
    request: AzureRequest, definition_id: FromPath[str], environment_id: FromPath[str]
) -> None:
    """Let deployments start by themselves again after a rollback."""
    call = request.in_project()
    find = requests.numbered(call, *_numbers(definition_id, environment_id))
    await requests.resume(call, find)


def _deployment(found: EnvironmentDeployment) -> dict[str, Any]:
    return {
        "id": found.id,
        "releaseId": found.release_id,
        "releaseName": found.release_name,
        "releaseEnvironmentId": found.stage_id,
        "replacesRelease": found.from_name,
        "isRollback": found.rolls_back,
    }


# ---- quarantine -----------------------------------------------------------------------------


@put(QUARANTINE, opt=needs(Scope.RELEASE_MANAGE))
async def quarantine(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """Have the release deployed nowhere from now on; `reason` says why."""
    call = request.in_project()
    body = await request.properties("quarantine", ("reason",))
    number = release_number(release_id)
    reason = text_in(body.get("reason"), "reason")
    await quarantines.put(call, number, reason)
    return request.answer("quarantine", {"releaseId": number, "reason": reason})


@delete(QUARANTINE, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def lift_quarantine(request: AzureRequest, release_id: FromPath[str]) -> None:
    """Let the release be deployed again."""
    await quarantines.lift(request.in_project(), release_number(release_id))


ROUTES = [
    list_freezes,
    create_freeze,
    delete_freeze,
    plan_rollback,
    roll_back,
    resume,
    quarantine,
    lift_quarantine,
]
