"""Environment templates: keep, list, look at, delete and bring back (CONTRACT B.4)."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post

from quaymaster.actions.definitions import environment_templates
from quaymaster.actions.definitions.environment_templates import EMPTY
from quaymaster.actions.releases import reading
from quaymaster.apis.azure.asked import AzureRequest, nothing
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown, with_people
from quaymaster.apis.azure.values import bool_in, guid_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.definitions.environment_templates import EnvironmentTemplate

PATH = "/release/definitions/environmenttemplates"
RESOURCE = "environmentTemplate"
KNOWN = (
    "name",
    "description",
    "category",
    "iconTaskId",
    "iconUri",
    "environment",
    "id",
    "canDelete",
    "isDeleted",
)


@get(PATH, opt=needs(Scope.RELEASE))
async def get_templates(request: AzureRequest) -> Response[bytes]:
    """The project's templates without their environments; one as a whole with `templateId`."""
    call, query = request.in_project(), request.parameters
    if query.has("templateId"):
        number = _number(request)
        if number == EMPTY:
            return request.answer(RESOURCE, _empty(whole=True))
        found = await environment_templates.get(call, number)
        return request.answer(RESOURCE, await _whole(request, found))
    deleted = bool_in(query.text("isDeleted") or "false", "isDeleted")
    listed = await environment_templates.listed(call, deleted=deleted)
    values = [_light(found) for found in listed]
    return request.collection(RESOURCE, values if deleted else [_empty(), *values])


@post(PATH, opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def create_template(request: AzureRequest) -> Response[bytes]:
    """Keep an environment as a template; secrets are left out of it."""
    call = request.in_project()
    document = await request.properties(RESOURCE, KNOWN)
    made = await environment_templates.create(call, document)
    return request.answer(RESOURCE, await _whole(request, made))


@delete(PATH, opt=needs(Scope.RELEASE_EXECUTE), status_code=204)
async def delete_template(request: AzureRequest) -> Response[None]:
    """Delete the template `templateId` softly."""
    await environment_templates.set_deleted(request.in_project(), _number(request), deleted=True)
    return nothing()


@patch(PATH, opt=needs(Scope.RELEASE_EXECUTE))
async def undelete_template(request: AzureRequest) -> Response[bytes]:
    """Bring the deleted template `templateId` back."""
    number = _number(request)
    found = await environment_templates.set_deleted(request.in_project(), number, deleted=False)
    return request.answer(RESOURCE, await _whole(request, found))


def _number(request: AzureRequest) -> UUID:
    named = request.parameters.text("templateId")
    if not named:
        raise Problem(
            400, "ArgumentNullException", "Value cannot be null. Parameter name: templateId"
        )
    return UUID(guid_in(named, "templateId"))


def _light(found: EnvironmentTemplate) -> dict[str, Any]:
    document = msgspec.json.decode(found.document)
    return {
        **document,
        "environment": None,
        "id": str(found.id),
        "name": found.name,
        "canDelete": True,
        "isDeleted": found.is_deleted,
    }


async def _whole(request: AzureRequest, found: EnvironmentTemplate) -> dict[str, Any]:
    environment = msgspec.json.decode(found.document)["environment"]
    people = await reading.mentioned(request.call, reading.ids_in(environment))
    shown = with_people(Shown(request.links, people), environment)
    return {**_light(found), "environment": shown}


def _empty(*, whole: bool = False) -> dict[str, Any]:
    """The template that is always there: an environment with one job and nothing in it."""
    phase = {
        "name": "Agent job",
        "phaseType": "agentBasedDeployment",
        "rank": 1,
        "deploymentInput": {"condition": "succeeded()"},
        "workflowTasks": [],
    }
    nobody = {"approvals": [{"rank": 1, "isAutomated": True, "isNotificationOn": False}]}
    environment = {
        "id": 0,
        "name": "Stage",
        "rank": 1,
        "variables": {},
        "preDeployApprovals": nobody,
        "postDeployApprovals": nobody,
        "deployPhases": [phase],
        "conditions": [],
        "retentionPolicy": {"daysToKeep": 30, "releasesToKeep": 3, "retainBuild": True},
    }
    return {
        "id": str(EMPTY),
        "name": "Empty job",
        "description": "A stage with one job that has no tasks yet.",
        "category": "Deployment",
        "iconTaskId": None,
        "iconUri": None,
        "environment": environment if whole else None,
        "canDelete": False,
        "isDeleted": False,
    }


ROUTES = [get_templates, create_template, delete_template, undelete_template]
