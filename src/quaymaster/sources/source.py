"""What every kind of source can be asked, and which kinds there are."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from quaymaster.outgoing.requests import WebClient
from quaymaster.sources.asking import Asked, SourceProblem
from quaymaster.sources.versions import Commit, RemoteFile, Version


class Source(Protocol):
    """The protocol of one kind of source. Everything raises SourceProblem."""

    async def versions(self, client: WebClient, asked: Asked, most: int, /) -> list[Version]:
        """The newest first, of those that the artifact's branch and tags admit."""

    async def resolve(self, client: WebClient, asked: Asked, version: str, /) -> Version:
        """The full version behind its id or name."""

    async def files(self, client: WebClient, asked: Asked, version: str, /) -> list[RemoteFile]:
        """What a job downloads of a version."""


@runtime_checkable
class Traced(Protocol):
    """A kind of source that can tell what went into a version."""

    async def changes(
        self, client: WebClient, asked: Asked, older: str, newer: str, most: int, /
    ) -> list[Commit]:
        """The commits that `newer` has and `older` has not, newest first, at most `most`; those
        of `newer` alone with `older` ""."""


def sources() -> Mapping[str, Source]:
    """Every kind by the casefolded artifact types that it serves (CONTRACT E 8)."""
    from quaymaster.sources.azure_builds import AzureBuilds  # noqa: PLC0415
    from quaymaster.sources.github import GitHubRepository  # noqa: PLC0415
    from quaymaster.sources.github_releases import GitHubReleases  # noqa: PLC0415
    from quaymaster.sources.images import Images  # noqa: PLC0415
    from quaymaster.sources.jenkins import Jenkins  # noqa: PLC0415
    from quaymaster.sources.maven import Maven  # noqa: PLC0415
    from quaymaster.sources.npm import Npm  # noqa: PLC0415
    from quaymaster.sources.nuget import NuGet  # noqa: PLC0415
    from quaymaster.sources.packages import Packages  # noqa: PLC0415
    from quaymaster.sources.tfvc import ChangeSets  # noqa: PLC0415

    builds, images = AzureBuilds(), Images()
    return {
        "github": GitHubRepository(),
        "githubrelease": GitHubReleases(),
        "jenkins": Jenkins(),
        "nuget": NuGet(),
        "npm": Npm(),
        "maven": Maven(),
        "packagemanagement": Packages(),
        "build": builds,
        "externaltfsbuild": builds,
        "team": builds,
        "team build (external)": builds,
        "tfvc": ChangeSets(),
        "azurecontainerrepository": images,
        "azurecontainerregistry": images,
        "dockerhub": images,
        "container": images,
    }


__all__ = ["Source", "SourceProblem", "Traced", "sources"]
