"""Service hooks of Azure DevOps: `git.push` and `git.pullrequest.*`."""

from typing import Any

from quaymaster.apis.webhooks.github import pull_request_number
from quaymaster.domain.pushes import Push, PushKind, id_key, repository_key
from quaymaster.sources.asking import inside, objects, text_in

_OPENED = ("git.pullrequest.created", "git.pullrequest.updated")


def pushes(body: Any) -> list[Push]:
    """What an event tells; nothing for one that changes no code."""
    event = text_in(body, "eventType")
    resource = inside(body, "resource")
    if event == "git.push":
        return [_push(resource, update) for update in objects(inside(resource, "refUpdates"))]
    is_open = text_in(resource, "status") in ("active", "")
    return [_pull_request(resource)] if event in _OPENED and is_open else []


def _names(resource: Any) -> tuple[str, ...]:
    repository = inside(resource, "repository")
    found = (repository_key(text_in(repository, "remoteUrl")), id_key(text_in(repository, "id")))
    return tuple(key for key in found if key)


def _push(resource: Any, update: Any) -> Push:
    newest = next(objects(inside(resource, "commits")), {})
    return Push(
        repositories=_names(resource),
        ref=text_in(update, "name"),
        commit=text_in(update, "newObjectId"),
        before=text_in(update, "oldObjectId"),
        by=text_in(resource, "pushedBy", "uniqueName")
        or text_in(resource, "pushedBy", "displayName"),
        message=text_in(newest, "comment"),
        default_branch=text_in(resource, "repository", "defaultBranch"),
    )


def _pull_request(resource: Any) -> Push:
    number = text_in(resource, "pullRequestId")
    return Push(
        repositories=_names(resource),
        ref=f"refs/pull/{number}/merge",
        commit=text_in(resource, "lastMergeCommit", "commitId")
        or text_in(resource, "lastMergeSourceCommit", "commitId"),
        head=text_in(resource, "lastMergeSourceCommit", "commitId"),
        is_fork=bool(inside(resource, "forkSource")),
        kind=PushKind.PULL_REQUEST,
        target=text_in(resource, "targetRefName"),
        number=pull_request_number(number),
        by=text_in(resource, "createdBy", "uniqueName"),
        message=text_in(resource, "title"),
        default_branch=text_in(resource, "repository", "defaultBranch"),
    )
