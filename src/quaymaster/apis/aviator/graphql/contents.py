"""How what candidates are made of is read: commits, pull requests and cherry-picks (AVIATOR 8)."""

from collections.abc import Callable
from typing import Any

from quaymaster.actions.ports.outside import Commit
from quaymaster.actions.repositories import changelogs, pull_request_views, repositories
from quaymaster.actions.repositories.pull_request_views import PullRequestView
from quaymaster.apis.aviator import present, words
from quaymaster.apis.aviator.candidates import version_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.graphql.reading import Info, Shown, candidate
from quaymaster.store.candidates.cherry_picks import CherryPick
from quaymaster.store.candidates.pull_requests import CandidatePullRequest

MOST_CHANGELOGS = 10


def pull_request(found: PullRequestView) -> Shown:
    """A PullRequest."""
    about = found.about
    return {
        "number": about.number,
        "title": about.title,
        "author": about.author or None,
        "url": about.url or None,
        "labels": list(about.labels),
        "mergeCommitSha": about.merge_commit or None,
        "verified": found.verified_at is not None,
        "verifiedBy": found.verified_by,
        "verifiedAt": present.time(found.verified_at),
    }


def cherry_pick(found: CherryPick) -> Shown:
    """A CherryPick."""
    return {
        "id": str(found.id),
        "version": found.version,
        "status": words.PICKS[found.status].upper(),
        "commits": list(found.commits),
        "branch": found.branch.removeprefix("refs/heads/"),
        "conflicts": list(found.conflicts),
        "errorMessage": found.problem or None,
        "made": found.release_id,
    }


async def picked_candidate(of: Shown, info: Info) -> Shown | None:
    """What came of a cherry-pick."""
    found = await info.context.candidates.get(of["made"]) if of["made"] else None
    return candidate(found) if found else None


async def candidate_pull_requests(of: Shown, info: Info) -> list[Shown]:
    """Those that were found when the candidate was cut."""
    found = await info.context.pull_requests.get(of["line"].id) or []
    return [pull_request(_view(one)) for one in found]


def _view(found: CandidatePullRequest) -> PullRequestView:
    return PullRequestView(found.about, found.verified_by, found.verified_at)


async def repository_pull_request(of: Shown, info: Info, number: int) -> Shown | None:
    """One of a repository that the caller's projects release."""
    name = f"{of['owner']}/{of['name']}"
    found = await pull_request_views.one(info.context.call, name, number)
    return pull_request(found) if found else None


async def changelog(
    of: Shown, info: Info, to: str | None = None, **more: str | None
) -> list[Shown]:
    """The commits between two candidates."""
    info.context.changelogs += 1
    if info.context.changelogs > MOST_CHANGELOGS:
        raise Problem(400, f"Ask for at most {MOST_CHANGELOGS} changelogs at a time")
    older, call = more.get("from"), info.context.call
    found = await repositories.looked_up(call, of["name"])
    listed = await changelogs.of(
        call, found, version_in(older) if older else None, version_in(to) if to else None
    )
    known = await pull_request_views.of_commits(found, listed)
    return [_entry(one, known.get(one.id)) for one in listed]


def _entry(found: Commit, merged: PullRequestView | None) -> Shown:
    return {
        "commitSha": found.id,
        "message": found.message,
        "author": found.author_name,
        "committedAt": present.time(found.at),
        "pullRequest": pull_request(merged) if merged else None,
    }


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "ReleaseProject": {"changelog": changelog},
    "ReleaseCandidate": {"pullRequests": candidate_pull_requests},
    "GithubRepository": {"pullRequest": repository_pull_request},
    "CherryPick": {"candidate": picked_candidate},
}
