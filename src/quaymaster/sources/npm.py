"""Packages of an npm registry."""

import base64
import binascii
from typing import Any
from urllib.parse import quote, urljoin

from quaymaster.outgoing.requests import WebClient
from quaymaster.sources.asking import (
    Asked,
    Questions,
    SourceProblem,
    authorization,
    inside,
    text_in,
)
from quaymaster.sources.moments import moment
from quaymaster.sources.package_versions import highest_first
from quaymaster.sources.versions import Checksum, RemoteFile, Version

ALGORITHMS = ("sha512", "sha384", "sha256")


class Npm:
    """A version is one of the package; a job downloads what its archive holds."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """The highest first, stable ones before all others."""
        package = await _Package.opened(client, asked)
        return [package.version(one) for one in highest_first(package.versions)[:most]]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The version of this number, or the one that a tag such as `latest` stands for."""
        package = await _Package.opened(client, asked)
        return package.version(package.found(version))

    async def files(self, client: WebClient, asked: Asked, version: str) -> list[RemoteFile]:
        """The package, unpacked: npm packs everything below the folder `package`."""
        package = await _Package.opened(client, asked)
        held = inside(package.versions[package.found(version)], "dist")
        address = urljoin(f"{package.url}/", text_in(held, "tarball"))
        return [
            RemoteFile(
                url=address,
                path="",
                checksum=_checksum(held),
                unpacked="tar",
                headers=package.questions.headers_for(address),
            )
        ]


class _Package:
    """One package whose document the registry gave."""

    def __init__(self, asked: Asked, url: str, questions: Questions, document: Any) -> None:
        self.asked = asked
        self.url = url
        self.questions = questions
        listed = inside(document, "versions")
        self.versions: dict[str, Any] = listed if isinstance(listed, dict) else {}
        self._document = document

    @staticmethod
    async def opened(client: WebClient, asked: Asked) -> "_Package":
        name = asked.required("package", "definition")
        url = f"{asked.server()}/{quote(name, safe='@')}"
        signs_in = authorization(asked.connection, bearer=True)
        questions = Questions(client, asked.alias, signs_in, url)
        missing = f"Artifact {asked.alias}: its registry has no package {name}."
        answer = await questions.of_one(url, missing)
        return _Package(asked, url, questions, questions.read(answer, url))

    def found(self, wanted: str) -> str:
        tagged = text_in(self._document, "dist-tags", wanted.strip())
        for one in (wanted.strip(), tagged):
            if one in self.versions:
                return one
        raise SourceProblem(
            f"Artifact {self.asked.alias}: its registry has no version {wanted!r} of the package "
            f"{self.asked.text('definition')}."
        )

    def version(self, number: str) -> Version:
        at = moment(inside(self._document, "time", number))
        return Version(id=number, name=number, created_at=at)


def _checksum(held: Any) -> Checksum | None:
    """The strongest sum that the registry tells: `sha512-…` in Base64, or SHA-1 in hex."""
    told = dict(one.partition("-")[::2] for one in text_in(held, "integrity").split())
    for algorithm in ALGORITHMS:
        try:
            digest = base64.b64decode(told.get(algorithm, ""), validate=True).hex()
        except binascii.Error:
            continue
        if digest:
            return Checksum(algorithm, digest)
    summed = text_in(held, "shasum")
    return Checksum("sha1", summed) if summed else None
