"""Pull requests as people look at them: what is known of one, and who vouches (AVIATOR 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quaymaster.actions.call import Call
from quaymaster.actions.ports.outside import Commit
from quaymaster.actions.repositories import pull_requests, repositories, views
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.pull_requests import PullRequest
from quaymaster.store.candidates import pull_requests as rows


@dataclass(frozen=True, slots=True)
class PullRequestView:
    """A pull request; `verified_at` None: nobody vouches for it."""

    about: PullRequest
    verified_by: str | None = None
    verified_at: datetime | None = None


async def one(call: Call, repository: str, number: int) -> PullRequestView | None:
    """A pull request of a repository, `org/name`, that the caller's definitions release."""
    for definition in await views.definitions(call):
        if definition.repository != repository:
            continue
        found = await repositories.looked_up(call, definition.definition_name)
        if known := await _known(found, [number]):
            return known[number]
    return None


async def of_commits(found: Scene, commits: Sequence[Commit]) -> dict[str, PullRequestView]:
    """The pull request of each commit that merged one, by the commit."""
    listed = await pull_requests.of_commits(found, commits)
    known = await _known(found, [one.number for one in listed])
    return {
        one.merge_commit: known.get(one.number, PullRequestView(one))
        for one in listed
        if one.merge_commit
    }


async def _known(found: Scene, numbers: Sequence[int]) -> dict[int, PullRequestView]:
    """What candidates brought and the repository told, by number."""
    definition = found.definition
    async with found.call.database.read() as connection:
        names = await pull_requests.names(connection, found)
        told = await rows.known(connection, definition.project_id, names, numbers)
        brought = await rows.brought(connection, definition.definition_id, numbers)
    views_by_number = {one.number: PullRequestView(one) for one in told}
    return views_by_number | {
        one.number: PullRequestView(one.about, one.verified_by, one.verified_at) for one in brought
    }
