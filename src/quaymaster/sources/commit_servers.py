"""Asking GitHub, GitLab and Gitea by their APIs whether a repository and a commit are there.

One question instead of a copy of the whole repository (AVIATOR 6).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from quaymaster.domain.pushes import github_address
from quaymaster.outgoing.requests import WebClient
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.asking import Asked, Questions, SourceProblem, text_in, token_of
from quaymaster.sources.github import HEADERS, api_of


class NoRepository(Exception):
    """The server has no such repository, or does not show it to the connection."""


class NoCommit(Exception):
    """The repository has no such commit."""


@dataclass(frozen=True, slots=True)
class Server:
    """How one kind of server is asked: where its API is, its addresses, and how it is signed in to.

    `key` is what it calls a commit's id.
    """

    api: Callable[[Endpoint], str]
    repository: Callable[[str], str]
    commit: Callable[[str, str], str]
    headers: Callable[[str], Mapping[str, str]]
    key: str


def server_of(connection: Endpoint | None) -> Server | None:
    """The server of a service connection, by its type; None where only git can be asked."""
    return SERVERS.get(connection.type.casefold()) if connection else None


async def whole(client: WebClient, connection: Endpoint, repository: str, commit: str) -> str:
    """The full id of a commit of `org/name`.

    Raises NoRepository, NoCommit, SourceProblem when the server cannot be asked.
    """
    server = SERVERS[connection.type.casefold()]
    questions = _questions(client, connection, repository)
    url = f"{server.api(connection)}/{server.commit(repository, commit)}"
    answer = await questions.raw(url)
    if answer.status == 200:
        return text_in(questions.read(answer, url), server.key)
    if answer.status not in (404, 409, 422):
        raise questions.refused(answer, url)
    await check_there(client, connection, repository)
    raise NoCommit(commit)


async def check_there(client: WebClient, connection: Endpoint, repository: str) -> None:
    """Raise NoRepository unless the server has `org/name`, SourceProblem when it does not say."""
    server = SERVERS[connection.type.casefold()]
    questions = _questions(client, connection, repository)
    url = f"{server.api(connection)}/{server.repository(repository)}"
    answer = await questions.raw(url)
    if answer.status == 404:
        raise NoRepository(repository)
    if answer.status != 200:
        raise questions.refused(answer, url)


def _questions(client: WebClient, connection: Endpoint, repository: str) -> Questions:
    token = token_of(connection, or_password=True)
    server = SERVERS[connection.type.casefold()]
    headers = server.headers(token) if token else {}
    return Questions(client, repository, headers, server.api(connection))


def address(connection: Endpoint, repository: str) -> str:
    """Where git finds a repository of the connection's server; "" when that is not known."""
    if connection.type.casefold() == "github":
        return github_address(f"{repository}.git", connection.url)
    return f"{connection.url.rstrip('/')}/{repository}.git" if connection.url else ""


def _github_api(connection: Endpoint) -> str:
    return api_of(Asked("", "GitHub", {}, connection))


def _below(path: str) -> Callable[[Endpoint], str]:
    def api(connection: Endpoint) -> str:
        if not connection.url:
            raise SourceProblem(f"The service connection {connection.name} has no address.")
        return connection.url.rstrip("/") + path

    return api


def _gitlab_project(repository: str) -> str:
    return f"projects/{quote(repository, safe='')}"


SERVERS: Mapping[str, Server] = {
    "github": Server(
        _github_api,
        lambda repository: f"repos/{repository}",
        lambda repository, commit: f"repos/{repository}/commits/{commit}",
        lambda token: {
            **HEADERS,
            "Authorization": f"Bearer {token}",
        },
        "sha",
    ),
    "gitlab": Server(
        _below("/api/v4"),
        _gitlab_project,
        lambda repository, commit: f"{_gitlab_project(repository)}/repository/commits/{commit}",
        lambda token: {"PRIVATE-TOKEN": token},
        "id",
    ),
    "gitea": Server(
        _below("/api/v1"),
        lambda repository: f"repos/{repository}",
        lambda repository, commit: f"repos/{repository}/git/commits/{commit}",
        lambda token: {"Authorization": f"token {token}"},
        "sha",
    ),
}
