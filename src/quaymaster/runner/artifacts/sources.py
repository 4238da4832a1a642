"""Where an artifact comes from: the address and credentials in its flat reference."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from quaymaster.protocol.job import ArtifactDownload, Endpoint
from quaymaster.runner.artifacts.git import REQUEST_VARIABLE
from quaymaster.runner.workspace import Workspace

REPOSITORY_TYPES = ("Git", "GitHub", "TfsGit")
_ADDRESS_KEYS = ("url", "path", "repository.url", "artifactSourceDefinitionUrl")


class CannotDownload(Exception):
    """The artifact cannot be downloaded, however often it is tried; the text says why."""


@dataclass(frozen=True, slots=True)
class Repository:
    """An address that git understands, with what signs in to it."""

    address: str
    user: str = ""
    password: str = field(default="", repr=False)


def find_repository(artifact: ArtifactDownload, endpoints: Mapping[str, Endpoint]) -> Repository:
    """The repository of an artifact; raises CannotDownload when its type or address will not do."""
    if artifact.type.lower() not in map(str.lower, REPOSITORY_TYPES):
        raise CannotDownload(
            f"Artifact {artifact.alias} is of type {artifact.type}; this runner downloads "
            f"{', '.join(REPOSITORY_TYPES)}. Skip its download, or link a repository."
        )
    endpoint = endpoints.get(artifact.reference.get("connection", "").lower())
    address = _address(artifact, endpoint)
    if not address:
        raise CannotDownload(
            f"Artifact {artifact.alias} does not say where its repository is: its source needs a "
            "path or URL, or a connection that has one."
        )
    if not artifact.reference.get("version"):
        raise CannotDownload(f"Artifact {artifact.alias} has no version to check out.")
    user, password = _credentials(endpoint)
    return Repository(address, user, password)


def checkout_environment(
    artifact: ArtifactDownload, repository: Repository, workspace: Workspace, target: str
) -> dict[str, str]:
    """What the checkout program (artifacts/git.py) finds in its environment."""
    request = {
        "source": repository.address,
        "version": artifact.reference["version"],
        "target": target,
        "items": artifact.items,
        "mirrors": str(workspace.root / "_mirrors"),
        "user": repository.user,
        "password": repository.password,
    }
    return {REQUEST_VARIABLE: json.dumps(request)}


def _address(artifact: ArtifactDownload, endpoint: Endpoint | None) -> str:
    reference = artifact.reference
    named = next((reference[key] for key in _ADDRESS_KEYS if reference.get(key)), "")
    definition = reference.get("definition", "")
    if named or definition.startswith("/") or "://" in definition:
        return named or definition
    if artifact.type.lower() == "github" and definition.count("/") == 1:
        server = endpoint.url if endpoint and endpoint.url else "https://github.com"
        return f"{server.replace('//api.', '//').rstrip('/')}/{definition}"
    return endpoint.url if endpoint else ""


def _credentials(endpoint: Endpoint | None) -> tuple[str, str]:
    """User and password for Basic sign-in; a token is sent as the password."""
    if endpoint is None:
        return "", ""
    parameters = {name.lower(): value for name, value in endpoint.parameters.items()}
    for key in ("accesstoken", "apitoken", "pat"):
        if parameters.get(key):
            return "token", parameters[key]
    return parameters.get("username", ""), parameters.get("password", "")
