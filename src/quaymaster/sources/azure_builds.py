"""Completed builds of another server of the Azure DevOps Build API, and their artifacts."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

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
from quaymaster.sources.versions import Commit, RemoteFile, Version

API_VERSION = "2.0"  # the oldest that servers still answer, and the newest that old ones know
CHANGES_VERSION = "4.1-preview"


class AzureBuilds:
    """Artifacts of the types ExternalTFSBuild, Team Build (external), and Build with a connection.

    A version is a completed build that succeeded, also partially (SEMANTICS 4.2).
    """

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """The newest first; of the branch and with all the tags that the artifact wants."""
        builds = _Builds(client, asked)
        definition = await builds.definition()
        is_of_default = asked.of_default_branch
        branch = await builds.default_branch(definition) if is_of_default else asked.branch
        parameters = {
            "definitions": definition,
            "statusFilter": "completed",
            "resultFilter": "succeeded,partiallySucceeded",
            "branchName": _full(branch),
            "tagFilters": ",".join(asked.tags),
            "queryOrder": "finishTimeDescending",
            "$top": most,
            "api-version": API_VERSION,
        }
        listed = await builds.questions.json(f"{builds.url}/builds", parameters)
        return [_build(one) for one in objects(inside(listed, "value"))][:most]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The build with this id."""
        return _build(await _Builds(client, asked).found(version))

    async def changes(
        self, client: WebClient, asked: Asked, older: str, newer: str, most: int
    ) -> list[Commit]:
        """What the server itself tells of the builds between both."""
        builds = _Builds(client, asked)
        parameters: dict[str, object] = {"$top": most, "api-version": CHANGES_VERSION}
        url = f"{builds.url}/builds/{newer}/changes"
        if older:
            url = f"{builds.url}/changes"
            parameters |= {"fromBuildId": older, "toBuildId": newer}
        listed = await builds.questions.json(url, parameters)
        return [_change(one) for one in objects(inside(listed, "value"))][:most]

    async def files(self, client: WebClient, asked: Asked, version: str) -> list[RemoteFile]:
        """One zip for each artifact of the build; its entries begin with the artifact's name."""
        builds = _Builds(client, asked)
        await builds.found(version)
        url = f"{builds.url}/builds/{version}/artifacts"
        listed = await builds.questions.json(url, {"api-version": API_VERSION})
        return [builds.archive(one) for one in objects(inside(listed, "value"))]


class _Builds:
    """The builds of one project of the server that the artifact's connection names."""

    def __init__(self, client: WebClient, asked: Asked) -> None:
        self._asked = asked
        project = asked.required("project", "project", "project.name")
        self.url = f"{asked.server()}/{quote(project, safe='')}/_apis/build"
        self.questions = Questions(client, asked.alias, authorization(asked.connection), self.url)

    async def definition(self) -> str:
        """The id of the build definition; one that is named is looked up."""
        named = self._asked.required("build definition", "definition")
        if named.isascii() and named.isdigit():
            return named
        parameters = {"name": named, "api-version": API_VERSION}
        listed = await self.questions.json(f"{self.url}/definitions", parameters)
        for one in objects(inside(listed, "value")):
            return text_in(one, "id")
        raise SourceProblem(
            f"Artifact {self._asked.alias}: the server has no build definition {named!r}."
        )

    async def default_branch(self, definition: str) -> str:
        """The default branch of the definition's repository. Raises SourceProblem without one."""
        url = f"{self.url}/definitions/{definition}"
        missing = f"Artifact {self._asked.alias}: the server has no build definition {definition}."
        answer = await self.questions.of_one(url, missing, {"api-version": API_VERSION})
        branch = text_in(self.questions.read(answer, url), "repository", "defaultBranch").strip()
        if branch:
            return branch
        raise SourceProblem(
            f"Artifact {self._asked.alias}: build definition {definition} of its server has no "
            "default branch. Name the branch: latestWithBranchAndTagsType, with "
            "`defaultVersionBranch`."
        )

    async def found(self, version: str) -> Any:
        if not (version.isascii() and version.isdigit()):
            raise SourceProblem(
                f"Version {version!r} of artifact {self._asked.alias} is not the id of a build."
            )
        url = f"{self.url}/builds/{version}"
        missing = f"Version {version} of artifact {self._asked.alias} is no build of its server."
        answer = await self.questions.of_one(url, missing, {"api-version": API_VERSION})
        return self.questions.read(answer, url)

    def archive(self, found: Any) -> RemoteFile:
        name, url = text_in(found, "name"), text_in(found, "resource", "downloadUrl")
        if not url:
            kind = text_in(found, "resource", "type") or "unknown"
            raise SourceProblem(
                f"Artifact {self._asked.alias}: {name} is of the type {kind}, which its server "
                "does not give for download. Publish it to the server."
            )
        if "format" not in {key.casefold() for key, _ in parse_qsl(urlsplit(url).query)}:
            url += ("&" if "?" in url else "?") + "format=zip"
        return RemoteFile(url=url, path="", unpacked="zip", headers=self.questions.headers_for(url))


def _change(found: Any) -> Commit:
    return Commit(
        id=text_in(found, "id").removeprefix("C"),
        message=text_in(found, "message"),
        author_name=text_in(found, "author", "displayName"),
        author_email=text_in(found, "author", "uniqueName"),
        authored_at=moment(inside(found, "timestamp")),
        at=moment(inside(found, "timestamp")),
    )


def _full(branch: str) -> str:
    """The whole name of a branch; those of TFVC are paths."""
    is_whole = not branch or branch.startswith(("refs/", "$/"))
    return branch if is_whole else f"refs/heads/{branch}"


def _build(found: Any) -> Version:
    reference = {
        "buildUri": text_in(found, "uri"),
        "requestedFor": text_in(found, "requestedFor", "displayName"),
        "requestedFor.name": text_in(found, "requestedFor", "displayName"),
        "requestedForId": text_in(found, "requestedFor", "id"),
        "repository.provider": text_in(found, "repository", "type"),
        "repository.name": text_in(found, "repository", "name"),
    }
    tags = inside(found, "tags")
    return Version(
        id=text_in(found, "id"),
        name=text_in(found, "buildNumber"),
        branch=text_in(found, "sourceBranch"),
        commit=text_in(found, "sourceVersion"),
        tags=tuple(tag for tag in (tags or []) if isinstance(tag, str)),
        created_at=moment(inside(found, "finishTime")),
        reference={key: value for key, value in reference.items() if value},
    )
