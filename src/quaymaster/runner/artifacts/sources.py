"""Where an artifact comes from: the address and credentials in its flat reference."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import msgspec

from quaymaster.domain.pushes import told_address
from quaymaster.protocol.job import ArtifactDownload, Endpoint, RunJob
from quaymaster.runner.artifacts import fetch, stored
from quaymaster.runner.repositories import export
from quaymaster.runner.repositories.addresses import private_key, repository_text, sign_in
from quaymaster.runner.workspace import Workspace
from quaymaster.sources.asking import connection_named
from quaymaster.sources.source import sources

REPOSITORY_TYPES = ("Git", "GitHub", "TfsGit", "Repository")


class CannotDownload(Exception):
    """The artifact cannot be downloaded, however often it is tried; the text says why."""


@dataclass(frozen=True, slots=True)
class Repository:
    """An address that git understands, with what signs in to it; `connection` is its id."""

    address: str
    user: str = ""
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    connection: str = ""


def is_repository(artifact: ArtifactDownload) -> bool:
    """Whether git brings this artifact."""
    return artifact.type.casefold() in map(str.casefold, REPOSITORY_TYPES)


def is_unconnected(artifact: ArtifactDownload, endpoints: Sequence[Endpoint]) -> bool:
    """Whether the artifact is a commit of a repository that is known by its name only."""
    if artifact.type.casefold() != "repository":
        return False
    return not _address(artifact, connection_of(artifact, endpoints))


def find_repository(artifact: ArtifactDownload, endpoints: Sequence[Endpoint]) -> Repository:
    """The repository of an artifact; raises CannotDownload when it has no address or version."""
    endpoint = connection_of(artifact, endpoints)
    address = _address(artifact, endpoint)
    if not address:
        raise CannotDownload(
            f"Artifact {artifact.alias} does not say where its repository is: its source needs a "
            "path or URL, or a connection that has one."
        )
    if not artifact.reference.get("version"):
        raise CannotDownload(f"Artifact {artifact.alias} has no version to check out.")
    number = endpoint.id if endpoint else ""
    return Repository(address, *sign_in(endpoint), private_key(endpoint), number)


def checkout_environment(
    artifact: ArtifactDownload, repository: Repository, job: RunJob, place: tuple[Workspace, str]
) -> dict[str, str]:
    """What the checkout program (repositories/export.py) finds in its environment."""
    workspace, target = place
    request = {
        "source": repository.address,
        "version": artifact.reference["version"],
        "target": target,
        "items": artifact.items,
        "mirrors": str(workspace.root / "_mirrors"),
        "user": repository.user,
        "password": repository.password,
        "private_key": repository.private_key,
        "connection": repository.connection,
        "allowed": job.allowed_addresses,
    }
    return {export.REQUEST_VARIABLE: json.dumps(request)}


def fetch_environment(
    artifact: ArtifactDownload, job: RunJob, workspace: Workspace, target: str
) -> dict[str, str]:
    """What the fetching program (artifacts/fetch.py) finds there. Raises CannotDownload for a type
    of artifact that it does not know or one without a version."""
    if artifact.type.casefold() not in sources():
        raise CannotDownload(
            f"Artifact {artifact.alias} is of type {artifact.type}, which this runner cannot "
            "download. Skip its download, or link a source of another type."
        )
    if not artifact.reference.get("version"):
        raise CannotDownload(f"Artifact {artifact.alias} has no version to download.")
    request = fetch.Download(
        alias=artifact.alias,
        type=artifact.type,
        version=artifact.reference["version"],
        target=target,
        aside=str(workspace.temp),
        reference=artifact.reference,
        items=artifact.items,
        connection=connection_of(artifact, job.source_endpoints),
        allowed=job.allowed_addresses,
    )
    return {fetch.REQUEST_VARIABLE: msgspec.json.encode(request).decode()}


def stored_environment(
    artifact: ArtifactDownload, job: RunJob, workspace: Workspace, target: str
) -> dict[str, str]:
    """What the program that copies from our own storage (artifacts/stored.py) finds there: the
    name of a file, which only this user may read."""
    request = stored.Copy(artifact.alias, job.storage, target, artifact.files or [], artifact.items)
    place = workspace.temp / f"artifact-{uuid4().hex}.json"
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(request))
    return {stored.REQUEST_VARIABLE: str(place)}


def connection_of(artifact: ArtifactDownload, endpoints: Sequence[Endpoint]) -> Endpoint | None:
    """The connection that an artifact names by id, or by name as definitions of old do."""
    return connection_named(endpoints, artifact.reference.get("connection", ""))


def _address(artifact: ArtifactDownload, endpoint: Endpoint | None) -> str:
    named = told_address(artifact.reference)
    name = artifact.reference.get("definition", "")
    return repository_text(artifact.type, name, named, endpoint)
