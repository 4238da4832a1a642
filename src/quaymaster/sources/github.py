"""Commits and tags of a repository on GitHub or GitHub Enterprise, over its REST API.

Jobs check such a repository out with git; its files are not listed here.
"""

from typing import Any
from urllib.parse import quote, urlsplit

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

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
PUBLIC_API = "https://api.github.com"
HEADS = "refs/heads/"
MOST_A_PAGE = 100
MOST_PAGES = 50


class GitHubRepository:
    """Artifacts of the type GitHub: a version is a commit of the artifact's branch."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """The newest commits of the branch, by default of the repository's default branch."""
        at = repository(client, asked)
        branch = asked.branch.removeprefix(HEADS) or await _default_branch(at)
        parameters = {"sha": branch, "per_page": min(most, MOST_A_PAGE)}
        listed = await at.questions.json(f"{at.url}/commits", parameters)
        tags = await _tags(at)
        return [_commit(one, branch, tags) for one in objects(listed)][:most]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The commit behind a commit id, a tag or a branch."""
        at = repository(client, asked)
        url = f"{at.url}/commits/{quote(version, safe='')}"
        answer = await at.questions.raw(url)
        if answer.status in (404, 422):
            raise SourceProblem(
                f"Version {version!r} of artifact {asked.alias} is neither a commit, a tag nor a "
                f"branch of {at.name}."
            )
        if answer.status != 200:
            raise at.questions.refused(answer, url)
        found = at.questions.read(answer, url)
        branch = asked.branch.removeprefix(HEADS)
        return _commit(
            found, branch, {text_in(found, "sha"): version} if "/" not in version else {}
        )

    async def changes(
        self, client: WebClient, asked: Asked, older: str, newer: str, most: int
    ) -> list[Commit]:
        """By comparing both, page by page: GitHub lists the oldest first."""
        at = repository(client, asked)
        if not older:
            return [_change(await at.questions.json(f"{at.url}/commits/{quote(newer, safe='')}"))]
        url = f"{at.url}/compare/{quote(older, safe='')}...{quote(newer, safe='')}"
        found: list[Any] = []
        for page in range(1, MOST_PAGES + 1):
            parameters = {"per_page": MOST_A_PAGE, "page": page}
            listed = list(objects(inside(await at.questions.json(url, parameters), "commits")))
            found += listed
            if len(listed) < MOST_A_PAGE:
                break
        return [_change(one) for one in found[::-1][:most]]

    async def files(self, _client: WebClient, asked: Asked, _version: str) -> list[RemoteFile]:
        """Nothing: git brings the files."""
        raise SourceProblem(f"Artifact {asked.alias} is a repository; it is checked out with git.")


class Repository:
    """Where the API of one repository is, and who is asked."""

    def __init__(self, url: str, name: str, questions: Questions) -> None:
        self.url = url
        self.name = name
        self.questions = questions


def repository(client: WebClient, asked: Asked) -> Repository:
    """The repository that an artifact names as owner/name or by its address."""
    named = asked.required("repository, such as owner/name,", "definition")
    parts = urlsplit(named)
    name = (parts.path if parts.scheme else named).strip("/").removesuffix(".git")
    if name.count("/") != 1:
        raise SourceProblem(
            f"Artifact {asked.alias} names {named!r}; repositories are called owner/name."
        )
    headers = {**HEADERS, **authorization(asked.connection, bearer=True)}
    api = api_of(asked)
    questions = Questions(client, asked.alias, headers, api)
    return Repository(f"{api}/repos/{name}", name, questions)


def api_of(asked: Asked) -> str:
    """The API of the server that the connection or the repository's address names."""
    named = asked.text("definition")
    address = asked.connection.url if asked.connection and asked.connection.url else ""
    if not address and urlsplit(named).scheme:
        parts = urlsplit(named)
        address = f"{parts.scheme}://{parts.netloc}"
    address = (address or PUBLIC_API).rstrip("/")
    host = (urlsplit(address).hostname or "").casefold()
    if host in ("github.com", "www.github.com", "api.github.com"):
        return PUBLIC_API
    return address if "/api/" in f"{address}/" else f"{address}/api/v3"


async def _default_branch(at: Repository) -> str:
    return text_in(await at.questions.json(at.url), "default_branch") or "main"


async def _tags(at: Repository) -> dict[str, str]:
    """The newest tags by the commit that they stand for."""
    listed = await at.questions.json(f"{at.url}/tags", {"per_page": MOST_A_PAGE})
    return {text_in(one, "commit", "sha"): text_in(one, "name") for one in objects(listed)}


def _change(found: Any) -> Commit:
    about = inside(found, "commit")
    return Commit(
        id=text_in(found, "sha"),
        message=text_in(about, "message"),
        author_name=text_in(about, "author", "name"),
        author_email=text_in(about, "author", "email"),
        authored_at=moment(inside(about, "author", "date")),
        at=moment(inside(about, "committer", "date")),
        parents=tuple(text_in(one, "sha") for one in objects(inside(found, "parents"))),
    )


def _commit(found: Any, branch: str, tags: dict[str, str]) -> Version:
    sha = text_in(found, "sha")
    return Version(
        id=sha,
        name=tags.get(sha) or sha[:8],
        branch=HEADS + branch if branch else "",
        commit=sha,
        message=text_in(found, "commit", "message").partition("\n")[0],
        created_at=moment(inside(found, "commit", "committer", "date")),
    )
