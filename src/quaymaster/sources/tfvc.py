"""Changesets of Team Foundation Version Control on another server, and the files at one."""

import base64
import binascii
from typing import Any
from urllib.parse import quote, urlencode

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
from quaymaster.sources.moments import moment
from quaymaster.sources.versions import Checksum, Commit, RemoteFile, Version

API_VERSION = "1.0"


class ChangeSets:
    """Artifacts of the type TFVC: a version is a changeset that touched the artifact's folder."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """The newest changesets first."""
        at = _Folder(client, asked)
        parameters = {
            "searchCriteria.itemPath": at.path,
            "$orderby": "id desc",
            "$top": most,
            "api-version": API_VERSION,
        }
        listed = await at.questions.json(f"{at.url}/changesets", parameters)
        return [at.changeset(one) for one in objects(inside(listed, "value"))][:most]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The changeset with this number, written 17 or C17."""
        at = _Folder(client, asked)
        number = _number(asked, version)
        url = f"{at.url}/changesets/{number}"
        missing = f"Version {version!r} of artifact {asked.alias} is no changeset of its server."
        answer = await at.questions.of_one(url, missing, {"api-version": API_VERSION})
        return at.changeset(at.questions.read(answer, url))

    async def changes(
        self, client: WebClient, asked: Asked, older: str, newer: str, most: int
    ) -> list[Commit]:
        """The changesets of the folder after one and up to another."""
        at = _Folder(client, asked)
        last = _number(asked, newer)
        first = int(_number(asked, older)) + 1 if older else int(last)
        parameters = {
            "searchCriteria.itemPath": at.path,
            "searchCriteria.fromId": first,
            "searchCriteria.toId": last,
            "$orderby": "id desc",
            "$top": most,
            "api-version": API_VERSION,
        }
        listed = await at.questions.json(f"{at.url}/changesets", parameters)
        return [_change(one) for one in objects(inside(listed, "value"))][:most]

    async def files(self, client: WebClient, asked: Asked, version: str) -> list[RemoteFile]:
        """Every file below the folder as it was at the changeset, with its MD5."""
        at = _Folder(client, asked)
        wanted = {
            "versionDescriptor.versionType": "changeset",
            "versionDescriptor.version": _number(asked, version),
            "api-version": API_VERSION,
        }
        parameters = {"scopePath": at.path, "recursionLevel": "full", **wanted}
        listed = await at.questions.json(f"{at.url}/items", parameters)
        return [
            at.file(one, wanted)
            for one in objects(inside(listed, "value"))
            if not one.get("isFolder") and not one.get("isBranch")
        ]


class _Folder:
    """One folder of version control on the server of the artifact's connection."""

    def __init__(self, client: WebClient, asked: Asked) -> None:
        self._asked = asked
        named = asked.required("folder, such as $/Project/Main,", "definition")
        project = asked.text("project", "project.name")
        if not named.startswith("$/"):
            known = asked.text("definition.name")
            named = (
                known if known.startswith("$/") else f"$/{asked.text('project.name') or project}"
            )
        self.path = named.rstrip("/")
        middle = f"/{quote(project, safe='')}" if project else ""
        self.url = f"{asked.server()}{middle}/_apis/tfvc"
        self.questions = Questions(client, asked.alias, authorization(asked.connection), self.url)

    def changeset(self, found: Any) -> Version:
        number = text_in(found, "changesetId")
        return Version(
            id=number,
            name=number,
            branch=self.path,
            commit=number,
            message=text_in(found, "comment").partition("\n")[0],
            created_at=moment(inside(found, "createdDate")),
        )

    def file(self, found: Any, wanted: dict[str, str]) -> RemoteFile:
        path = text_in(found, "path")
        if not path.casefold().startswith(self.path.casefold() + "/"):
            raise SourceProblem(
                f"Artifact {self._asked.alias}: the server lists {path}, not of {self.path}."
            )
        query = urlencode({"path": path, "download": "true", **wanted})
        size = inside(found, "size")
        return RemoteFile(
            url=f"{self.url}/items?{query}",
            path=path[len(self.path) + 1 :],
            size=size if isinstance(size, int) else None,
            checksum=_checksum(text_in(found, "hashValue")),
            headers={**self.questions.headers, "Accept": "application/octet-stream"},
        )


def _change(found: Any) -> Commit:
    return Commit(
        id=text_in(found, "changesetId"),
        message=text_in(found, "comment"),
        author_name=text_in(found, "author", "displayName"),
        author_email=text_in(found, "author", "uniqueName"),
        authored_at=moment(inside(found, "createdDate")),
        at=moment(inside(found, "createdDate")),
    )


def _checksum(text: str) -> Checksum | None:
    try:
        digest = base64.b64decode(text, validate=True).hex()
    except binascii.Error:
        return None
    return Checksum("md5", digest) if len(digest) == 32 else None


def _number(asked: Asked, version: str) -> str:
    number = version.strip().removeprefix("C")
    if not (number.isascii() and number.isdigit()):
        raise SourceProblem(
            f"Version {version!r} of artifact {asked.alias} is not the number of a changeset."
        )
    return number
