"""Deliveries of GitLab: push, tag push and merge request events."""

from typing import Any

from quaymaster.apis.webhooks.github import listed_paths, pull_request_number
from quaymaster.domain.pushes import Push, PushKind, repository_key
from quaymaster.sources.asking import inside, objects, text_in

_OPENED = ("open", "reopen", "update")


def pushes(body: Any) -> list[Push]:
    """What a delivery tells; nothing for one that changes no code."""
    kind = text_in(body, "object_kind")
    if kind in ("push", "tag_push"):
        return [_push(body)]
    changes_code = text_in(body, "object_attributes", "action") in _OPENED
    return [_merge_request(body)] if kind == "merge_request" and changes_code else []


def names(body: Any) -> tuple[str, ...]:
    """What the repository of a delivery is called."""
    keys = ("git_http_url", "git_ssh_url", "web_url")
    found = (text_in(body, "project", key) for key in keys)
    return tuple(dict.fromkeys(key for text in found if (key := repository_key(text))))


def _push(body: Any) -> Push:
    commits = list(objects(inside(body, "commits")))
    is_whole = bool(commits) and text_in(body, "total_commits_count") == str(len(commits))
    return Push(
        repositories=names(body),
        ref=text_in(body, "ref"),
        commit=text_in(body, "after"),
        before=text_in(body, "before"),
        paths=listed_paths(commits) if is_whole else None,
        by=text_in(body, "user_username") or text_in(body, "user_name"),
        message=text_in(commits[-1], "message") if commits else "",
        default_branch=_default_branch(body),
    )


def _merge_request(body: Any) -> Push:
    about = inside(body, "object_attributes")
    number = text_in(about, "iid")
    return Push(
        repositories=names(body),
        ref=f"refs/merge-requests/{number}/head",
        commit=text_in(about, "last_commit", "id"),
        before=text_in(about, "oldrev"),
        head=text_in(about, "last_commit", "id"),
        is_fork=text_in(about, "source_project_id") != text_in(about, "target_project_id"),
        kind=PushKind.PULL_REQUEST,
        target=f"refs/heads/{text_in(about, 'target_branch')}",
        number=pull_request_number(number),
        by=text_in(body, "user", "username"),
        message=text_in(about, "title"),
        default_branch=_default_branch(body),
    )


def _default_branch(body: Any) -> str:
    name = text_in(body, "project", "default_branch")
    return f"refs/heads/{name}" if name else ""
