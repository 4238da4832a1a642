"""Telling a repository's server how a commit stands: GitHub, GitLab and Gitea."""

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from quaymaster.domain.commit_statuses import CommitState, CommitStatus
from quaymaster.outgoing.requests import WebAnswer, WebRequest
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.asking import Asked, SourceProblem, authorization, token_of
from quaymaster.sources.github import HEADERS, api_of

_GITHUB = {
    CommitState.PENDING: "pending",
    CommitState.SUCCEEDED: "success",
    CommitState.FAILED: "failure",
    CommitState.CANCELED: "error",
}
_GITLAB = {**_GITHUB, CommitState.FAILED: "failed", CommitState.CANCELED: "canceled"}


def request(told: CommitStatus, connection: Endpoint) -> WebRequest:
    """The request that posts a status. Raises SourceProblem for a connection to a server of
    another kind, and for a repository that has no owner and name."""
    kind = connection.type.casefold()
    made = next((make for name, make in _MADE.items() if kind.startswith(name)), None)
    if made is None:
        raise SourceProblem(
            f"The service connection {connection.name} is of the type {connection.type}; statuses "
            "are posted through connections of the types GitHub, GitLab and Gitea."
        )
    return made(told, connection)


def is_taken(answer: WebAnswer, connection: Endpoint) -> bool:
    """Whether the server has the status now; GitLab refuses to be told the same twice."""
    if 200 <= answer.status < 300:
        return True
    is_gitlab = connection.type.casefold().startswith("gitlab")
    return is_gitlab and answer.status == 400 and b"Cannot transition status" in answer.body


def _github(told: CommitStatus, connection: Endpoint) -> WebRequest:
    asked = Asked("", "GitHub", {"definition": told.url or told.repository}, connection)
    headers = {
        **HEADERS,
        "Content-Type": "application/json",
        **authorization(connection, bearer=True),
    }
    url = f"{api_of(asked)}/repos/{_name(told)}/statuses/{quote(told.commit, safe='')}"
    return WebRequest("POST", url, headers, _body(told))


def _gitea(told: CommitStatus, connection: Endpoint) -> WebRequest:
    token = token_of(connection, or_password=True)
    headers = {"Content-Type": "application/json", "Authorization": f"token {token}"}
    server = connection.url.rstrip("/").removesuffix("/api/v1")
    url = f"{server}/api/v1/repos/{_name(told)}/statuses/{quote(told.commit, safe='')}"
    return WebRequest("POST", url, headers, _body(told))


def _gitlab(told: CommitStatus, connection: Endpoint) -> WebRequest:
    said = {
        "state": _GITLAB[told.state],
        "name": told.context,
        "target_url": told.target_url,
        "description": told.description,
    }
    server = connection.url.rstrip("/").removesuffix("/api/v4")
    path = quote(_name(told, least=1), safe="")
    commit = quote(told.commit, safe="")
    url = f"{server}/api/v4/projects/{path}/statuses/{commit}?{urlencode(said)}"
    return WebRequest("POST", url, {"PRIVATE-TOKEN": token_of(connection, or_password=True)})


def _body(told: CommitStatus) -> bytes:
    return msgspec.json.encode(
        {
            "state": _GITHUB[told.state],
            "target_url": told.target_url,
            "description": told.description,
            "context": told.context,
        }
    )


def _name(told: CommitStatus, least: int = 0) -> str:
    """owner/name: as it is written, or the path of the address (of groups in groups at GitLab)."""
    for text in (told.repository, told.url):
        name = _path(text).strip("/").removesuffix(".git")
        if name.count("/") == 1 or (least and name.count("/") >= least):
            return quote(name, safe="/")
    raise SourceProblem(
        f"The repository {(told.repository or told.url)[:200]!r} is not named by owner and name."
    )


def _path(text: str) -> str:
    if "://" in text:
        return urlsplit(text).path
    return text.partition(":")[2] if ":" in text else text


_MADE: Mapping[str, Callable[[CommitStatus, Endpoint], WebRequest]] = {
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea,
}
