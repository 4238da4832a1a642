"""Packages of a NuGet v3 feed."""

import base64
import binascii
from typing import Any
from urllib.parse import quote

from quaymaster.outgoing.requests import WebClient
from quaymaster.sources.asking import (
    Asked,
    Questions,
    SourceProblem,
    authorization,
    inside,
    objects,
    text_in,
)
from quaymaster.sources.package_versions import highest_first, precedence
from quaymaster.sources.versions import Checksum, RemoteFile, Version

PACKAGES = "PackageBaseAddress/3.0.0"
# The registrations that are not packed with gzip.
REGISTRATIONS = ("RegistrationsBaseUrl", "RegistrationsBaseUrl/3.0.0-beta")
_ALGORITHMS = {"SHA512": "sha512", "SHA256": "sha256"}


class NuGet:
    """Artifacts of the types NuGet and PackageManagement: a version is one of the package."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """The highest first. Versions before a release (`-beta`) come after all others, so that
        the default is a stable one as long as there is any."""
        feed = await _Feed.opened(client, asked)
        listed = highest_first(await feed.versions())
        return [Version(id=one, name=one) for one in listed[:most]]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The version of this number, however it is padded or written."""
        feed = await _Feed.opened(client, asked)
        found = await feed.version(version)
        return Version(id=found, name=found)

    async def files(self, client: WebClient, asked: Asked, version: str) -> list[RemoteFile]:
        """The package, unpacked; its hash where the feed's registrations tell it."""
        feed = await _Feed.opened(client, asked)
        found = await feed.version(version)
        name = f"{feed.package}.{found.lower()}.nupkg"
        url = f"{feed.folder}/{found.lower()}/{name}"
        return [
            RemoteFile(
                url=url,
                path="",
                checksum=await feed.checksum(found),
                unpacked="zip",
                headers=feed.questions.headers_for(url),
            )
        ]


class _Feed:
    """One package of a feed whose service index has been read."""

    def __init__(self, asked: Asked, questions: Questions, index: Any) -> None:
        self.asked = asked
        self.questions = questions
        self.package = asked.required("package", "definition").lower()
        self._index = index
        self.folder = f"{self._resource(PACKAGES)}/{quote(self.package, safe='')}"

    @staticmethod
    async def opened(client: WebClient, asked: Asked) -> "_Feed":
        server = asked.server()
        url = server if server.endswith(".json") else f"{server}/index.json"
        questions = Questions(client, asked.alias, authorization(asked.connection), url)
        return _Feed(asked, questions, await questions.json(url))

    def _resource(self, *types: str) -> str:
        """The address of the first resource of one of these types."""
        for kind in types:
            for one in objects(inside(self._index, "resources")):
                held = one.get("@type")
                if kind == held or (isinstance(held, list) and kind in held):
                    return text_in(one, "@id").rstrip("/")
        if types == (PACKAGES,):
            raise SourceProblem(
                f"Artifact {self.asked.alias}: its feed has no {PACKAGES}. The connection's "
                "address must be that of a NuGet v3 index, such as https://host/v3/index.json."
            )
        return ""

    async def versions(self) -> list[str]:
        url = f"{self.folder}/index.json"
        package = self.asked.text("definition")
        missing = f"Artifact {self.asked.alias}: its feed has no package {package}."
        answer = await self.questions.of_one(url, missing)
        listed = inside(self.questions.read(answer, url), "versions")
        return [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, str)]

    async def version(self, wanted: str) -> str:
        listed = await self.versions()
        for one in listed:
            if one.lower() == wanted.strip().lower() or precedence(one) == precedence(wanted):
                return one
        raise SourceProblem(
            f"Artifact {self.asked.alias}: its feed has no version {wanted!r} of the package "
            f"{self.asked.text('definition')}."
        )

    async def checksum(self, version: str) -> Checksum | None:
        registrations = self._resource(*REGISTRATIONS)
        if not registrations:
            return None
        leaf_url = f"{registrations}/{quote(self.package, safe='')}/{version.lower()}.json"
        answer = await self.questions.raw(leaf_url)
        if answer.status != 200:
            return None  # feeds may leave SemVer 2 versions out of these registrations
        entry = inside(self.questions.read(answer, leaf_url), "catalogEntry")
        if isinstance(entry, str):
            entry = await self.questions.json(entry)
        algorithm = _ALGORITHMS.get(text_in(entry, "packageHashAlgorithm").upper().replace("-", ""))
        try:
            digest = base64.b64decode(text_in(entry, "packageHash"), validate=True).hex()
        except binascii.Error:
            return None
        return Checksum(algorithm, digest) if algorithm and digest else None
