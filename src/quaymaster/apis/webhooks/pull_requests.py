"""What deliveries of GitHub, Gitea and GitLab tell of pull requests, merged or not (AVIATOR 1)."""

from collections.abc import Mapping
from typing import Any

from quaymaster.apis.webhooks import github, gitlab
from quaymaster.domain.pull_requests import PullRequest
from quaymaster.sources.asking import inside, objects, text_in

MOST_LABELS, LONGEST = 100, 500


def told(headers: Mapping[str, str], body: Any) -> list[PullRequest]:
    """The pull request that a delivery is about; nothing for one about something else."""
    event = headers.get("x-github-event") or headers.get("x-gitea-event") or ""
    if event.startswith("pull_request") and isinstance(inside(body, "pull_request"), dict):
        found = _pull_request(body)
    elif text_in(body, "object_kind") == "merge_request":
        found = _merge_request(body)
    else:
        return []
    return [found] if found.number and any(found.repositories) else []


def _pull_request(body: Any) -> PullRequest:
    """As GitHub writes it, and Gitea after it."""
    about = inside(body, "pull_request")
    is_merged = inside(about, "merged") is True
    return PullRequest(
        repositories=github.names(body),
        number=github.pull_request_number(text_in(about, "number")),
        title=text_in(about, "title")[:LONGEST],
        author=text_in(about, "user", "login")[:LONGEST],
        url=text_in(about, "html_url")[:LONGEST],
        labels=_labels(inside(about, "labels"), "name"),
        is_merged=is_merged,
        merge_commit=text_in(about, "merge_commit_sha")[:64] if is_merged else "",
        by=text_in(body, "sender", "login")[:LONGEST],
    )


def _merge_request(body: Any) -> PullRequest:
    about = inside(body, "object_attributes")
    is_merged = text_in(about, "state") == "merged"
    return PullRequest(
        repositories=gitlab.names(body),
        number=github.pull_request_number(text_in(about, "iid")),
        title=text_in(about, "title")[:LONGEST],
        author=text_in(about, "last_commit", "author", "name")[:LONGEST],
        url=text_in(about, "url")[:LONGEST],
        labels=_labels(inside(body, "labels"), "title"),
        is_merged=is_merged,
        merge_commit=_merged_as(about) if is_merged else "",
        by=text_in(body, "user", "username")[:LONGEST],
    )


def _merged_as(about: Any) -> str:
    """The commit of the merge; one that was only moved forward has none of its own."""
    found = text_in(about, "merge_commit_sha") or text_in(about, "last_commit", "id")
    return found[:64]


def _labels(listed: Any, key: str) -> tuple[str, ...]:
    names = (text_in(one, key)[:LONGEST] for one in objects(listed))
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_LABELS]
