"""Deliveries of GitHub: the events `push` and `pull_request`."""

from typing import Any

from quaymaster.domain.numbers import digits
from quaymaster.domain.pushes import Push, PushKind, repository_key
from quaymaster.sources.asking import inside, objects, text_in

MOST_COMMITS = 2048  # GitHub lists no more of a push
_OPENED = ("opened", "synchronize", "reopened", "ready_for_review")


def pushes(event: str, body: Any) -> list[Push]:
    """What an event tells; nothing for one that changes no code."""
    if event == "push":
        return [_push(body)]
    if event == "pull_request" and text_in(body, "action") in _OPENED:
        return [_pull_request(body)]
    return []


def names(body: Any) -> tuple[str, ...]:
    """What the repository of a delivery is called."""
    found = (text_in(body, "repository", key) for key in ("clone_url", "ssh_url", "html_url"))
    return tuple(dict.fromkeys(key for text in found if (key := repository_key(text))))


def _push(body: Any) -> Push:
    return Push(
        repositories=names(body),
        ref=text_in(body, "ref"),
        commit=text_in(body, "after"),
        before=text_in(body, "before"),
        paths=_paths(body),
        by=text_in(body, "pusher", "name") or text_in(body, "sender", "login"),
        message=text_in(body, "head_commit", "message"),
        default_branch=_default_branch(body),
    )


def _pull_request(body: Any) -> Push:
    number = text_in(body, "number")
    return Push(
        repositories=names(body),
        ref=f"refs/pull/{number}/merge",
        commit=text_in(body, "pull_request", "merge_commit_sha")
        or text_in(body, "pull_request", "head", "sha"),
        before=text_in(body, "before"),
        head=text_in(body, "pull_request", "head", "sha"),
        is_fork=text_in(body, "pull_request", "head", "repo", "id")
        != text_in(body, "pull_request", "base", "repo", "id"),
        kind=PushKind.PULL_REQUEST,
        target=f"refs/heads/{text_in(body, 'pull_request', 'base', 'ref')}",
        number=pull_request_number(number),
        by=text_in(body, "sender", "login"),
        message=text_in(body, "pull_request", "title"),
        default_branch=_default_branch(body),
    )


def pull_request_number(text: str) -> int:
    """The number that a delivery writes, of at most nine digits; 0 for anything else."""
    return digits(text, 9) or 0


def _default_branch(body: Any) -> str:
    name = text_in(body, "repository", "default_branch")
    return f"refs/heads/{name}" if name else ""


def _paths(body: Any) -> tuple[str, ...] | None:
    """The files of the listed commits; None when not all are listed."""
    commits = list(objects(inside(body, "commits")))
    if not commits or len(commits) >= MOST_COMMITS or inside(body, "forced") is True:
        return None
    return listed_paths(commits)


def listed_paths(commits: list[dict[str, Any]]) -> tuple[str, ...]:
    """What commits added, changed and removed, as GitHub and GitLab list it."""
    found: dict[str, None] = {}
    for commit in commits:
        for key in ("added", "modified", "removed"):
            listed = commit.get(key)
            texts = listed if isinstance(listed, list) else []
            found.update(dict.fromkeys(text for text in texts if isinstance(text, str)))
    return tuple(found)
