"""Opening draft pull requests at GitHub, GitLab and Gitea, each once however often it is asked for.

As docs.github.com/en/rest/pulls, docs.gitlab.com/api/merge_requests and Gitea's API describe it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from quaymaster.outgoing.requests import Unreachable, WebAnswer, WebClient, WebRequest
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.asking import SourceProblem, objects, page_in, place, text_in, token_of
from quaymaster.sources.commit_servers import SERVERS, server_of

EXISTS = (409, 422)  # or something else is wrong with it
ADVICE = {
    401: ": it does not accept the credentials of the service connection",
    403: ": the account of the service connection may not do this there",
    404: ": it does not have this, or does not show it to the service connection",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be merged into what, both as names of branches of `org/name`."""

    repository: str
    head: str
    base: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class _Words:
    """How one kind of server says it: where they are, what makes one a draft, and its keys."""

    place: str
    prefix: str
    head: str
    base: str
    text: str
    page: str
    more: Mapping[str, Any]


_WORDS = {
    "github": _Words("pulls", "", "head", "base", "body", "html_url", {"draft": True}),
    "gitlab": _Words(
        "merge_requests",
        "Draft: ",
        "source_branch",
        "target_branch",
        "description",
        "web_url",
        {},
    ),
    "gitea": _Words("pulls", "WIP: ", "head", "base", "body", "html_url", {}),
}


def can_open(connection: Endpoint | None) -> bool:
    """Whether a service connection leads to a server that takes pull requests from us."""
    return bool(server_of(connection) and connection and token_of(connection, or_password=True))


async def opened(client: WebClient, connection: Endpoint, draft: Draft) -> str:
    """The page of the draft pull request, which is opened unless it is there already.

    Raises SourceProblem, saying what the server does not do.
    """
    kind = connection.type.casefold()
    words, server = _WORDS[kind], SERVERS[kind]
    url = f"{server.api(connection)}/{server.repository(draft.repository)}/{words.place}"
    headers = {
        "Accept": "application/json",
        "User-Agent": "Quaymaster",
        "Content-Type": "application/json",
        **server.headers(token_of(connection, or_password=True)),
    }
    body = {
        words.head: draft.head,
        words.base: draft.base,
        "title": words.prefix + draft.title,
        words.text: draft.text,
        **words.more,
    }
    asked = WebRequest("POST", url, headers, msgspec.json.encode(body))
    answer = await _answer(client, asked)
    if answer.status in EXISTS:
        listed = await _answer(client, WebRequest("GET", _list(url, kind, draft), headers))
        found = [one for one in objects(_read(listed, url)) if _is(one, words, draft)]
        if found:
            return page_in(found[0], words.page)
    if answer.status != 201:
        advice = ADVICE.get(answer.status, "")
        raise SourceProblem(f"{place(url)} answered {answer.status}{advice}.")
    if page := page_in(_read(answer, url), words.page):
        return page
    raise SourceProblem(f"{place(url)} does not say where the pull request is that it has opened.")


def _list(url: str, kind: str, draft: Draft) -> str:
    """Those that are open, narrowed where the server can do that."""
    if kind == "gitlab":
        return f"{url}?state=opened&source_branch={quote(draft.head, safe='')}"
    if kind == "github":
        owner = draft.repository.partition("/")[0]
        return f"{url}?state=open&head={quote(f'{owner}:{draft.head}', safe='')}"
    return f"{url}?state=open&sort=recentupdate&limit=50"


def _is(one: Mapping[str, Any], words: _Words, draft: Draft) -> bool:
    def branch(key: str) -> str:
        return text_in(one, key) or text_in(one, key, "ref")

    return (branch(words.head), branch(words.base)) == (draft.head, draft.base)


async def _answer(client: WebClient, request: WebRequest) -> WebAnswer:
    try:
        return await client.ask(request)
    except Unreachable as error:
        raise SourceProblem(str(error), is_final=False) from error


def _read(answer: WebAnswer, url: str) -> Any:
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise SourceProblem(f"{place(url)} answered something that is not JSON.") from None
