"""Settings of all pipelines of a project or an organization (CONTRACT B.4).

There is one, which cannot be switched off here: the token of a job is always limited to the
project that the job runs in.
"""

from typing import Any

from litestar import Response, get, patch

from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import bool_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.access import Permission

OF_PROJECT = "/release/pipelinereleasesettings"
OF_ORGANIZATION = "/release/orgpipelinereleasesettings"


@get(OF_PROJECT, opt=needs(Scope.RELEASE))
async def get_project_settings(request: AzureRequest) -> Response[bytes]:
    """What holds for the pipelines of the project."""
    return request.answer("pipelineSettings", _of_project(request))


@patch(OF_PROJECT, opt=needs(Scope.RELEASE_MANAGE))
async def update_project_settings(request: AzureRequest) -> Response[bytes]:
    """Confirm what holds; job tokens cannot be given the other projects."""
    shown = _of_project(request)
    request.call.require(Permission.MANAGE_RELEASE_SETTINGS, _project(request), "the project")
    await _confirm(request, "enforceJobAuthScope")
    return request.answer("pipelineSettings", shown)


@get(OF_ORGANIZATION, opt=needs(Scope.RELEASE))
async def get_organization_settings(request: AzureRequest) -> Response[bytes]:
    """What holds for the pipelines of all projects."""
    return request.answer("organizationPipelineSettings", _of_organization(request))


@patch(OF_ORGANIZATION, opt=needs(Scope.RELEASE_MANAGE))
async def update_organization_settings(request: AzureRequest) -> Response[bytes]:
    """The same for all projects."""
    request.call.require(Permission.MANAGE_RELEASE_SETTINGS, "", "the organization")
    await _confirm(request, "orgEnforceJobAuthScope")
    return request.answer("organizationPipelineSettings", _of_organization(request))


def _of_project(request: AzureRequest) -> dict[str, Any]:
    may = request.call.may(Permission.MANAGE_RELEASE_SETTINGS, _project(request))
    return {
        "enforceJobAuthScope": True,
        "orgEnforceJobAuthScope": True,
        "hasManageSettingsPermission": may,
        "publicProject": False,
    }


def _of_organization(request: AzureRequest) -> dict[str, Any]:
    return {
        "orgEnforceJobAuthScope": True,
        "hasManagePipelinePoliciesPermission": request.call.may(
            Permission.MANAGE_RELEASE_SETTINGS, ""
        ),
    }


def _project(request: AzureRequest) -> str:
    project = str(request.in_project().project_id)
    request.call.require(Permission.VIEW_RELEASES, project, "the project's releases")
    return project


async def _confirm(request: AzureRequest, name: str) -> None:
    """Raises Problem when the body asks for what this server does not do."""
    given = (await request.properties("pipelineSettings", (name,))).get(name)
    if given is not None and not bool_in(given, name):
        raise Problem(
            400,
            "InvalidRequestException",
            f"{name} cannot be switched off: the token of a job is always limited to its project.",
        )


ROUTES = [
    get_project_settings,
    update_project_settings,
    get_organization_settings,
    update_organization_settings,
]
