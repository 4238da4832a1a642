"""The versions that a release could be made from, and the tags in use (CONTRACT B.4)."""

from typing import Any

from litestar import Response, get

from quaymaster.actions.ports.outside import Version
from quaymaster.actions.releases import artifact_versions, edits
from quaymaster.actions.releases.artifact_versions import Available
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.scopes import Scope


@get("/release/artifacts/versions", opt=needs(Scope.RELEASE))
async def get_artifact_versions(request: AzureRequest) -> Response[bytes]:
    """The versions of each artifact of a definition, newest first, asked of the sources now."""
    call = request.in_project()
    named = request.parameters.text("releaseDefinitionId")
    if not named:
        raise Problem(
            400,
            "ArgumentNullException",
            "Value cannot be null. Parameter name: releaseDefinitionId",
        )
    found = await artifact_versions.of_definition(
        call, number_in(named, "releaseDefinitionId", lowest=1)
    )
    return request.answer("artifactVersionQueryResult", shown(found))


@get("/release/tags", opt=needs(Scope.RELEASE))
async def get_tags(request: AzureRequest) -> Response[bytes]:
    """Every tag that a release of the project has, by name."""
    return request.collection("tag", await edits.tags_in_use(request.in_project()))


def shown(found: list[Available]) -> dict[str, Any]:
    """An ArtifactVersionQueryResult."""
    return {"artifactVersions": [_available(one) for one in found]}


def _available(found: Available) -> dict[str, Any]:
    versions = [_version(version) for version in found.versions]
    return {
        "alias": found.artifact.alias,
        "sourceId": found.artifact.source_id,
        "versions": versions,
        "defaultVersion": _version(found.default) if found.default else None,
        "errorMessage": found.problem or None,
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "id": version.id,
        "name": version.name,
        "sourceBranch": version.branch or None,
        "sourceVersion": version.commit or None,
        "commitMessage": version.message or None,
        "isMultiDefinitionType": False,
    }


ROUTES = [get_artifact_versions, get_tags]
