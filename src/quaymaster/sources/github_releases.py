"""Releases of a repository on GitHub with the assets that were uploaded to them."""

from typing import Any
from urllib.parse import quote

from quaymaster.outgoing.requests import WebClient
from quaymaster.sources.asking import Asked, SourceProblem, inside, objects, text_in
from quaymaster.sources.github import MOST_A_PAGE, Repository, repository
from quaymaster.sources.moments import moment
from quaymaster.sources.versions import Checksum, RemoteFile, Version

MOST_PAGES = 10
ASSETS_A_PAGE = 100


class GitHubReleases:
    """Artifacts of the type GitHubRelease: a version is a published release, drafts are none."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """The newest releases; with tags in the artifact only those of one of these tags."""
        at = repository(client, asked)
        wanted = {tag.casefold() for tag in asked.tags}
        found: list[Version] = []
        for page in range(1, MOST_PAGES + 1):
            parameters = {
                "per_page": min(MOST_A_PAGE, most if not wanted else MOST_A_PAGE),
                "page": page,
            }
            listed = list(objects(await at.questions.json(f"{at.url}/releases", parameters)))
            found += [
                _release(one)
                for one in listed
                if not one.get("draft")
                if not wanted or text_in(one, "tag_name").casefold() in wanted
            ]
            if len(found) >= most or len(listed) < parameters["per_page"]:
                break
        return found[:most]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The release with this id or tag."""
        return _release(await _found(repository(client, asked), asked, version))

    async def files(self, client: WebClient, asked: Asked, version: str) -> list[RemoteFile]:
        """Every asset, with the checksum that GitHub has of it."""
        at = repository(client, asked)
        release = await _found(at, asked, version)
        url = f"{at.url}/releases/{text_in(release, 'id')}/assets"
        files: list[RemoteFile] = []
        for page in range(1, MOST_PAGES + 1):
            listed = list(
                objects(await at.questions.json(url, {"per_page": ASSETS_A_PAGE, "page": page}))
            )
            files += [_asset(at, one) for one in listed if one.get("state") != "starter"]
            if len(listed) < ASSETS_A_PAGE:
                break
        return files


async def _found(at: Repository, asked: Asked, version: str) -> Any:
    by_tag = f"{at.url}/releases/tags/{quote(version, safe='')}"
    places = [f"{at.url}/releases/{version}"] if version.isascii() and version.isdigit() else []
    for url in (*places, by_tag):
        answer = await at.questions.raw(url)
        if answer.status == 200:
            return at.questions.read(answer, url)
        if answer.status != 404:
            raise at.questions.refused(answer, url)
    raise SourceProblem(
        f"Version {version!r} of artifact {asked.alias} is neither the id nor the tag of a release "
        f"of {at.name}."
    )


def _release(found: Any) -> Version:
    tag = text_in(found, "tag_name")
    target = text_in(found, "target_commitish")
    is_commit = len(target) == 40 and all(letter in "0123456789abcdef" for letter in target)
    return Version(
        id=text_in(found, "id"),
        name=text_in(found, "name") or tag,
        branch="" if is_commit or not target else f"refs/heads/{target}",
        commit=target if is_commit else "",
        message=text_in(found, "body").strip().partition("\n")[0],
        tags=(tag,) if tag else (),
        created_at=moment(inside(found, "published_at")),
        reference={"tag": tag, "isPreRelease": str(bool(inside(found, "prerelease")))},
    )


def _asset(at: Repository, found: Any) -> RemoteFile:
    algorithm, _, digest = text_in(found, "digest").partition(":")
    size = inside(found, "size")
    return RemoteFile(
        url=f"{at.url}/releases/assets/{text_in(found, 'id')}",
        path=text_in(found, "name"),
        size=size if isinstance(size, int) else None,
        checksum=Checksum(algorithm, digest) if digest else None,
        headers={**at.questions.headers, "Accept": "application/octet-stream"},
    )
