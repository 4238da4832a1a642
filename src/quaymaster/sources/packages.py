"""Packages of a feed that has several kinds of them: `packageType` says which."""

from quaymaster.outgoing.requests import WebClient
from quaymaster.sources.asking import Asked, SourceProblem
from quaymaster.sources.maven import Maven
from quaymaster.sources.npm import Npm
from quaymaster.sources.nuget import NuGet
from quaymaster.sources.versions import RemoteFile, Version

KINDS: dict[str, type[NuGet | Npm | Maven]] = {
    "": NuGet,
    "nuget": NuGet,
    "npm": Npm,
    "maven": Maven,
}


class Packages:
    """Artifacts of the type PackageManagement."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        return await _kind(asked).versions(client, asked, most)

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        return await _kind(asked).resolve(client, asked, version)

    async def files(self, client: WebClient, asked: Asked, version: str) -> list[RemoteFile]:
        return await _kind(asked).files(client, asked, version)


def _kind(asked: Asked) -> NuGet | Npm | Maven:
    kind = asked.text("packageType").casefold()
    if kind not in KINDS:
        raise SourceProblem(
            f"Artifact {asked.alias} is a package of the type {kind[:40]}; packages of NuGet, npm "
            "and Maven can be taken from a feed, others not."
        )
    return KINDS[kind]()
