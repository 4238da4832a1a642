"""Which pull requests commits came from, by messages and the repository's server (AVIATOR 1)."""

from collections.abc import Sequence

from quaymaster.actions.ports.outside import CodeRepository, Commit, Repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.actions.repositories.sources import URL
from quaymaster.domain.errors import Invalid
from quaymaster.domain.pull_requests import PullRequest, number_in
from quaymaster.domain.pushes import repository_key
from quaymaster.store.candidates import pull_requests as rows

MOST_LOOKED_AT = 2000
SERVERS = ("github.com", "gitlab.com")


def names(found: Scene) -> list[str]:
    """The names by which deliveries may call the definition's repository."""
    address = repository_key(str(found.definition.settings.get(URL) or ""))
    repository = found.definition.repository.casefold()
    usual = [f"{server}/{repository}" for server in SERVERS] if repository else []
    return [*([address] if address else []), *usual]


async def of_commits(found: Scene, commits: Sequence[Commit]) -> list[PullRequest]:
    """The pull requests of these commits by number: as the server told of them, or else by the
    message of the commit that merged them."""
    said = {one.id: number_in(one.message) for one in commits}
    async with found.call.database.read() as connection:
        told = await rows.known(
            connection,
            found.definition.project_id,
            names(found),
            [number for number in said.values() if number],
            list(said),
        )
    known = {one.number: one for one in told}
    for commit in commits:
        number = said[commit.id]
        if number and number not in known:
            title = commit.message.partition("\n")[0][:300]
            known[number] = PullRequest(
                (), number, title, commit.author_name, is_merged=True, merge_commit=commit.id
            )
    return [known[number] for number in sorted(known)]


async def commits(
    found: Scene, outside: Repositories, source: CodeRepository, numbers: Sequence[int]
) -> list[str]:
    """The commits as which these pull requests were merged, in their order. Raises Invalid."""
    if not numbers:
        return []
    async with found.call.database.read() as connection:
        told = await rows.known(connection, found.definition.project_id, names(found), numbers)
    known = {one.number: one.merge_commit for one in told if one.is_merged and one.merge_commit}
    if set(numbers) - set(known):
        head = (await outside.commit(source, "")).id
        for commit in await outside.history(source, head, MOST_LOOKED_AT):
            number = number_in(commit.message)
            if number and number not in known:
                known[number] = commit.id
    if missing := [f"#{number}" for number in numbers if number not in known]:
        raise Invalid(
            f"Invalid pull_requests: {', '.join(missing)} is not known to be merged. Name its "
            "commit instead, or have the repository tell of pull requests by a webhook."
        )
    return [known[number] for number in numbers]
