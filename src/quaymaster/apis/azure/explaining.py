"""Why an environment is not deploying, and what a release would do: beyond the published API."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from quaymaster.actions.deployments import explaining
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.environments import PATH, stage_number
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.releases import START_METADATA, release_number, request_in
from quaymaster.apis.azure.values import date_out, number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.preview import PhaseForesight, SideForesight, StageForesight
from quaymaster.domain.reasons import Freeze, Reason

DEFINITION = "/release/definitions/{definition_id:str}"


@get(PATH + "/explain", opt=needs(Scope.RELEASE))
async def explain_environment(
    request: AzureRequest, release_id: FromPath[str], stage_id: FromPath[str]
) -> Response[bytes]:
    """Every reason why the environment is not deploying, those that hold it up first."""
    release, stage = release_number(release_id), stage_number(stage_id)
    found = await explaining.reasons(request.call, release, stage)
    body = {
        "releaseId": release,
        "environmentId": stage,
        "environmentName": found.stage,
        "reasons": [reason(one, found.names) for one in found.reasons],
    }
    return request.answer("explanation", body)


@post(DEFINITION + "/preview", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def preview_release(request: AzureRequest, definition_id: FromPath[str]) -> Response[bytes]:
    """What POST releases with the same body would do; nothing is written."""
    request.in_project()
    body = await request.properties("releaseStartMetadata", START_METADATA)
    number = number_in(definition_id, "definitionId", lowest=1)
    found = await explaining.preview(request.call, request_in({**body, "definitionId": number}))
    answer = {
        "definitionId": number,
        "environments": [_stage(stage) for stage in found.stages],
        "canNeverFinish": list(found.never),
        "warnings": list(found.warnings),
    }
    return request.answer("preview", answer)


def reason(one: Reason, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A reason as it is answered, with what people know identities by."""
    known = names or {}
    return {
        "kind": one.kind,
        "text": one.text,
        "clearedBy": [known.get(who, who) for who in one.cleared_by],
        "clearsAt": date_out(one.clears_at),
        "isAhead": one.is_ahead,
        "details": dict(one.details),
    }


def _stage(stage: StageForesight) -> dict[str, Any]:
    return {
        "name": stage.name,
        "order": stage.order,
        "startsAt": date_out(stage.starts_at),
        "endsAt": date_out(stage.ends_at),
        "needs": list(stage.needs),
        "before": _side(stage.before),
        "after": _side(stage.after),
        "concurrencyLimit": stage.limit,
        "aheadInQueue": stage.ahead_in_queue,
        "freezes": [_freeze(one) for one in stage.freezes],
        "variables": dict(stage.variables),
        "phases": [_phase(phase) for phase in stage.phases],
    }


def _side(side: SideForesight) -> dict[str, Any]:
    return {
        "approvers": [approver.identity for approver in side.approvers],
        "approverNames": list(side.names),
        "requiredCount": side.required_count,
        "gates": list(side.gates),
    }


def _freeze(freeze: Freeze) -> dict[str, Any]:
    return {"name": freeze.name, "until": date_out(freeze.until)}


def _phase(phase: PhaseForesight) -> dict[str, Any]:
    return {
        "rank": phase.rank,
        "name": phase.name,
        "phaseType": phase.kind,
        "jobs": list(phase.jobs),
        "isSkipped": phase.is_skipped,
        "workers": list(phase.workers),
        "problems": list(phase.problems),
    }


ROUTES = [explain_environment, preview_release]
