"""Manual validations of a build, in the words of the releases' manual interventions.

The published API has no place for them; this one is ours.
"""

from typing import Any

from litestar import Response, get, patch
from litestar.params import FromPath

from quaymaster.actions.builds import validations
from quaymaster.actions.builds.validations import Validation
from quaymaster.apis.azure.asked import AzureRequest, text_in
from quaymaster.apis.azure.build.builds import ONE, build_number
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import date_out, number_in
from quaymaster.apis.azure.words import INTERVENTION_STATUS
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.builds.views import BuildView

ALL = f"{ONE}/manualvalidations"
VALIDATION = ALL + "/{validation_id:str}"
SHAPE = "manualValidation"


@get(ALL, opt=needs(Scope.BUILD))
async def list_build_validations(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Every manual validation of the build, oldest first."""
    view, found = await validations.listed(request.call, build_number(build_id))
    return request.collection(SHAPE, [_shown(request, view, one) for one in found])


@get(VALIDATION, opt=needs(Scope.BUILD))
async def get_build_validation(
    request: AzureRequest, build_id: FromPath[str], validation_id: FromPath[str]
) -> Response[bytes]:
    """One manual validation."""
    number = _number(validation_id)
    view, found = await validations.get(request.call, build_number(build_id), number)
    return request.answer(SHAPE, _shown(request, view, found))


@patch(VALIDATION, opt=needs(Scope.BUILD_EXECUTE))
async def update_build_validation(
    request: AzureRequest, build_id: FromPath[str], validation_id: FromPath[str]
) -> Response[bytes]:
    """`approved` lets the build go on, `rejected` fails its phase."""
    call, build, number = request.in_project(), build_number(build_id), _number(validation_id)
    body = await request.properties(SHAPE, ("status", "comment"))
    status = INTERVENTION_STATUS.read(body.get("status") or "", "status")
    if status not in ("approved", "rejected"):
        raise Problem(
            400,
            "InvalidRequestException",
            f"A manual validation cannot be set to '{status}'. Use approved or rejected.",
        )
    comment = text_in(body.get("comment"), "comment")
    await validations.answer(call, build, number, comment, resumes=status == "approved")
    view, found = await validations.get(call, build, number)
    return request.answer(SHAPE, _shown(request, view, found))


def _shown(request: AzureRequest, view: BuildView, found: Validation) -> dict[str, Any]:
    asked, by = found.asked, found.answered_by
    path = f"build/builds/{view.id}/manualvalidations/{found.id}"
    return {
        "id": found.id,
        "name": asked.name,
        "instructions": asked.instructions,
        "status": asked.status.value,
        "comments": asked.comment or None,
        "approver": {"id": by.id, "displayName": by.display_name} if by else None,
        "createdOn": date_out(asked.created_at),
        "modifiedOn": date_out(asked.modified_at),
        "dueOn": date_out(found.due_at),
        "build": {"id": view.id, "buildNumber": view.number},
        "url": request.links.apis(str(view.project_id), path),
    }


def _number(text: str) -> int:
    return number_in(text, "validationId", lowest=1, highest=2**53)


ROUTES = [list_build_validations, get_build_validation, update_build_validation]
