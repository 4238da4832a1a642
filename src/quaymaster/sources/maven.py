"""Packages of a Maven repository."""

import re
from urllib.parse import quote
from xml.etree import ElementTree as ET

from quaymaster.outgoing.requests import WebClient
from quaymaster.sources.asking import Asked, Questions, SourceProblem, authorization, place
from quaymaster.sources.package_versions import highest_first
from quaymaster.sources.versions import Checksum, RemoteFile, Version

SUMS = ("sha256", "sha1")
SNAPSHOT = "-SNAPSHOT"
JAR_LIKE = ("bundle", "maven-plugin", "ejb")  # packed as a jar under another word
_HEX = re.compile(r"[0-9a-fA-F]{40,128}")
_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,200}", re.ASCII)


class Maven:
    """`definition` is `group:artifact`; a version is one of its metadata that is no snapshot."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """The highest first, stable ones before all others."""
        listed = highest_first(await _Package(client, asked).versions())
        return [Version(id=one, name=one) for one in listed[:most]]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The version that is written so."""
        found = await _Package(client, asked).found(version)
        return Version(id=found, name=found)

    async def files(self, client: WebClient, asked: Asked, version: str) -> list[RemoteFile]:
        """Its project description, and the file that this says it is packed as; with the sums that
        stand beside them."""
        package = _Package(client, asked)
        found = await package.found(version)
        packed = await package.packaging(found)
        endings = ["pom"] if packed == "pom" else ["pom", packed]
        return [await package.file(found, ending) for ending in endings]


class _Package:
    """One artifact of a group in a repository."""

    def __init__(self, client: WebClient, asked: Asked) -> None:
        self.asked = asked
        named = asked.required("package (group:artifact)", "definition")
        group, _, self.artifact = named.partition(":")
        if not _NAME.fullmatch(group) or not _NAME.fullmatch(self.artifact):
            raise SourceProblem(
                f"Artifact {asked.alias}: {named[:100]!r} is not a group and an artifact, such as "
                "com.example:shop."
            )
        folder = "/".join((*group.split("."), self.artifact))
        self.url = f"{asked.server()}/{quote(folder)}"
        self.questions = Questions(client, asked.alias, authorization(asked.connection), self.url)

    async def versions(self) -> list[str]:
        url = f"{self.url}/maven-metadata.xml"
        package = self.asked.text("definition")
        missing = f"Artifact {self.asked.alias}: its repository has no package {package}."
        answer = await self.questions.of_one(url, missing)
        listed = self._read(answer.body, url, "metadata").iterfind("versioning/versions/version")
        words = [(one.text or "").strip() for one in listed]
        return [one for one in words if _NAME.fullmatch(one) and not one.endswith(SNAPSHOT)]

    async def found(self, wanted: str) -> str:
        if wanted.strip() in await self.versions():
            return wanted.strip()
        raise SourceProblem(
            f"Artifact {self.asked.alias}: its repository has no version {wanted!r} of the package "
            f"{self.asked.text('definition')}; snapshots are not taken."
        )

    async def packaging(self, version: str) -> str:
        """The ending of what is packed, as the project description says; a jar without a word."""
        url = self._address(version, "pom")
        root = self._read((await self.questions.answer(url)).body, url, "project")
        told = next((one.text or "" for one in root if one.tag.endswith("packaging")), "").strip()
        packed = "jar" if not told or told in JAR_LIKE else told
        if not _NAME.fullmatch(packed):
            raise SourceProblem(f"Artifact {self.asked.alias}: {place(url)} cannot be understood.")
        return packed

    async def file(self, version: str, ending: str) -> RemoteFile:
        url = self._address(version, ending)
        return RemoteFile(
            url=url,
            path=f"{self.artifact}-{version}.{ending}",
            checksum=await self._sum(url),
            headers=self.questions.headers_for(url),
        )

    def _address(self, version: str, ending: str) -> str:
        return f"{self.url}/{quote(version)}/{quote(f'{self.artifact}-{version}.{ending}')}"

    async def _sum(self, url: str) -> Checksum | None:
        for algorithm in SUMS:
            answer = await self.questions.raw(f"{url}.{algorithm}")
            if answer.status != 200:
                continue
            told, *_ = [*answer.body.decode("ascii", "replace").split(), ""]
            if not _HEX.fullmatch(told):
                raise SourceProblem(
                    f"Artifact {self.asked.alias}: {place(url)}.{algorithm} is no checksum."
                )
            return Checksum(algorithm, told)
        return None

    def _read(self, body: bytes, url: str, root: str) -> ET.Element:
        """An XML document with this root; one with definitions of its own, which can grow without
        end, is none."""
        try:
            has_definitions = any(sign in body for sign in (b"<!DOCTYPE", b"<!ENTITY", b"\0"))
            found = None if has_definitions else ET.fromstring(body)  # noqa: S314 - none inside
        except ET.ParseError:
            found = None
        if found is None or found.tag.rpartition("}")[2] != root:
            raise SourceProblem(
                f"Artifact {self.asked.alias}: {place(url)} answered something that is not XML of "
                "Maven. Is the address of its connection right, and does its sign-in still work?"
            )
        return found
