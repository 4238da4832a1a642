"""Sources on other servers, asked through the guarded client."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from quaymaster.actions.ports.outside import ArtifactSource, Commit, Version, WebClient
from quaymaster.domain.build_sources import OF_DEFAULT_BRANCH
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.asking import Asked, SourceProblem
from quaymaster.sources.source import Source, Traced, sources


class RemoteSource:
    """The `ArtifactSource` of one kind of server."""

    def __init__(self, source: Source, client: WebClient) -> None:
        self._source = source
        self._client = client

    async def versions(
        self, artifact: ArtifactPlan, most: int, connection: Endpoint | None
    ) -> list[Version]:
        """The newest versions first, as the source orders them."""
        with _told(artifact):
            return await self._source.versions(self._client, asked(artifact, connection), most)

    async def resolve(
        self, artifact: ArtifactPlan, version: str, connection: Endpoint | None
    ) -> Version:
        """The version behind its id or name."""
        with _told(artifact):
            return await self._source.resolve(self._client, asked(artifact, connection), version)


class TracedRemoteSource(RemoteSource):
    """One that also tells what went into a version."""

    def __init__(self, source: Source, traced: Traced, client: WebClient) -> None:
        super().__init__(source, client)
        self._traced = traced

    async def changes(
        self,
        artifact: ArtifactPlan,
        older: str,
        newer: str,
        most: int,
        connection: Endpoint | None,
    ) -> list[Commit]:
        """The commits that one version has and another has not, newest first."""
        with _told(artifact):
            return await self._traced.changes(
                self._client, asked(artifact, connection), older, newer, most
            )


@contextmanager
def _told(artifact: ArtifactPlan) -> Iterator[None]:
    """Whatever is wrong with a source becomes Invalid; an address that is none is a ValueError."""
    try:
        yield
    except SourceProblem as problem:
        raise Invalid(problem.message) from problem
    except ValueError as error:
        raise Invalid(
            f"Artifact {artifact.alias}: an address of its source is not a URL."
        ) from error


def asked(artifact: ArtifactPlan, connection: Endpoint | None) -> Asked:
    """An artifact as sources know it. Branch and tags count only where the way of choosing the
    default version says so (SEMANTICS 4.2)."""
    reference = dict(artifact.reference)
    kind = artifact.default_version_type.casefold()
    if kind == "latesttype":
        reference.pop("defaultVersionBranch", None)
        reference.pop("defaultVersionTags", None)
    is_of_default = kind == OF_DEFAULT_BRANCH
    return Asked(artifact.alias, artifact.type, reference, connection, is_of_default)


def remote_sources(client: WebClient) -> Mapping[str, ArtifactSource]:
    """All of them by the casefolded artifact type that they serve."""
    return {kind: _remote(source, client) for kind, source in sources().items()}


def _remote(source: Source, client: WebClient) -> ArtifactSource:
    if isinstance(source, Traced):
        return TracedRemoteSource(source, source, client)
    return RemoteSource(source, client)
