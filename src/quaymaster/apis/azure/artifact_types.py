"""The kinds of artifacts that definitions can take here, and what each wants to know (B.4).

Only kinds that this installation can ask for versions are listed; another one can stand in a
definition, but its versions have to be named by whoever makes a release.
"""

from dataclasses import dataclass
from typing import Any

from litestar import Response, get

from quaymaster.actions.ports.outside import ArtifactSource, Outside, TracedSource
from quaymaster.actions.releases.release_changes import is_repository
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared.scopes import Scope
from quaymaster.plans.azure_artifacts import DEFAULT_VERSION_TYPES


@dataclass(frozen=True, slots=True)
class Input:
    """One key of an artifact's `definitionReference`."""

    id: str
    name: str
    description: str
    is_required: bool = False
    has_values: bool = False  # inputvaluesquery can tell which values there are


@dataclass(frozen=True, slots=True)
class Kind:
    """A published type with its inputs; `endpoint` is the type of the connection that it takes."""

    name: str
    shown: str
    inputs: tuple[Input, ...]
    endpoint: str = ""


def _definition(name: str, description: str) -> Input:
    return Input("definition", name, description, is_required=True)


CONNECTION = Input(
    "connection", "Service connection", "The id or the name of a service connection."
)
PROJECT = Input("project", "Project", "The project that the source belongs to.", is_required=True)
BRANCH = Input(
    "defaultVersionBranch", "Default branch", "The branch of the newest version.", has_values=True
)
TAGS = Input("defaultVersionTags", "Default tags", "Tags that the newest version must all have.")
SPECIFIC = Input(
    "defaultVersionSpecific", "Version", "The version that is always taken.", has_values=True
)
USUAL = (
    Input(
        "defaultVersionType",
        "Default version",
        "How the version is chosen when nobody names one.",
        is_required=True,
        has_values=True,
    ),
    BRANCH,
    TAGS,
    SPECIFIC,
)

KINDS = (
    Kind(
        "Build",
        "Build",
        (PROJECT, _definition("Build definition", "The id of a build definition."), *USUAL),
    ),
    Kind(
        "Git",
        "Git repository",
        (
            _definition("Repository", "A path on the server, or the URL of a repository."),
            Input("branches", "Branch", "The branch to take commits of.", has_values=True),
            *USUAL,
        ),
    ),
    Kind(
        "GitHub",
        "GitHub repository",
        (
            CONNECTION,
            _definition("Repository", "owner/name"),
            Input("branch", "Branch", "The branch to take commits of.", has_values=True),
            *USUAL,
        ),
        "github",
    ),
    Kind(
        "GitHubRelease",
        "GitHub release",
        (CONNECTION, _definition("Repository", "owner/name"), *USUAL),
        "github",
    ),
    Kind(
        "Jenkins",
        "Jenkins job",
        (CONNECTION, _definition("Job", "folder/name"), *USUAL),
        "jenkins",
    ),
    Kind(
        "Nuget",
        "NuGet package",
        (CONNECTION, _definition("Package", "The name of a package."), *USUAL),
        "externalnugetfeed",
    ),
    Kind(
        "npm",
        "npm package",
        (CONNECTION, _definition("Package", "name or @scope/name"), *USUAL),
        "externalnpmregistry",
    ),
    Kind(
        "Maven",
        "Maven package",
        (CONNECTION, _definition("Package", "group:artifact"), *USUAL),
        "generic",
    ),
    Kind(
        "PackageManagement",
        "Package of a feed",
        (
            CONNECTION,
            Input("packageType", "Package type", "nuget, npm or maven; nuget without a word."),
            _definition("Package", "The name of a package."),
            *USUAL,
        ),
        "externalnugetfeed",
    ),
    Kind(
        "ExternalTFSBuild",
        "Build of another server",
        (CONNECTION, PROJECT, _definition("Build definition", "Its id or its name."), *USUAL),
        "generic",
    ),
    Kind(
        "Team Build (external)",
        "Build of another server",
        (CONNECTION, PROJECT, _definition("Build definition", "Its id or its name."), *USUAL),
        "generic",
    ),
    Kind(
        "TFVC",
        "Team Foundation version control",
        (CONNECTION, PROJECT, _definition("Folder", "$/Project/Main"), *USUAL),
        "generic",
    ),
    Kind(
        "AzureContainerRepository",
        "Container image",
        (CONNECTION, _definition("Image", "The name of an image."), *USUAL),
        "dockerregistry",
    ),
    Kind(
        "DockerHub",
        "Docker Hub image",
        (
            CONNECTION,
            Input("namespaces", "Namespace", "Whom the image belongs to."),
            _definition("Image", "The name of an image."),
            *USUAL,
        ),
        "dockerregistry",
    ),
)


@get("/release/artifacts/types", opt=needs(Scope.RELEASE))
async def get_types(request: AzureRequest) -> Response[bytes]:
    """The kinds of artifacts whose versions this server can ask for, with their inputs."""
    outside = request.in_project().installation.outside
    found = ((kind, outside.artifact_source(kind.name)) for kind in KINDS)
    values = [
        _shown(kind, is_traced=_is_traced(kind, source, outside))
        for kind, source in found
        if source
    ]
    return request.collection("artifactTypeDefinition", values)


def _is_traced(kind: Kind, source: ArtifactSource, outside: Outside) -> bool:
    by_repository = outside.repositories is not None and is_repository(kind.name)
    return by_repository or isinstance(source, TracedSource)


def _shown(kind: Kind, *, is_traced: bool) -> dict[str, Any]:
    named = {one.id for one in kind.inputs}
    unique = [part for part in ("connection", "project", "definition") if part in named]
    return {
        "name": kind.name,
        "displayName": kind.shown,
        "artifactType": kind.name,
        "endpointTypeId": kind.endpoint or None,
        "uniqueSourceIdentifier": ":".join(f"{{{{{part}}}}}" for part in unique),
        "inputDescriptors": [_descriptor(one) for one in kind.inputs],
        "isCommitsTraceabilitySupported": is_traced,
        "isWorkitemsTraceabilitySupported": is_traced,
        "artifactTriggerConfiguration": {
            "isTriggerSupported": True,
            "isTriggerSupportedOnlyInHosted": False,
            "isWebhookSupportedAtServerLevel": False,
            "payloadHashHeaderName": None,
            "resources": {},
            "webhookPayloadMapping": {},
        },
    }


def _descriptor(one: Input) -> dict[str, Any]:
    """An InputDescriptor; texts are chosen from a list where one can be told."""
    allowed = list(DEFAULT_VERSION_TYPES) if one.id == "defaultVersionType" else []
    values = {
        "inputId": one.id,
        "defaultValue": DEFAULT_VERSION_TYPES[0] if allowed else "",
        "isDisabled": False,
        "isLimitedToPossibleValues": bool(allowed),
        "isReadOnly": False,
        "possibleValues": [
            {"value": value, "displayValue": value, "data": {}} for value in allowed
        ],
        "error": None,
    }
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "groupName": None,
        "valueHint": None,
        "inputMode": "combo" if one.has_values else "textBox",
        "isConfidential": False,
        "useInDefaultDescription": False,
        "hasDynamicValueInformation": one.has_values and not allowed,
        "dependencyInputIds": ["definition"] if one.has_values and not allowed else [],
        "validation": {"dataType": "string", "isRequired": one.is_required},
        "values": values,
    }


ROUTES = [get_types]
