"""Which pull requests commits came from, by messages and the repository's server (AVIATOR 1)."""

from collections.abc import Sequence

from quaymaster.actions.ports.outside import CodeRepository, Commit, Repositories
from quaymaster.actions.repositories import changelogs
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.actions.repositories.sources import said
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.domain.pull_requests import PullRequest, number_in
from quaymaster.domain.pushes import repository_key
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.plans.endpoints import endpoint
from quaymaster.sources import commit_servers
from quaymaster.store.candidates import pull_requests as rows
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import connections

MOST_LOOKED_AT = 2000
SERVERS = ("github.com", "gitlab.com")


async def names(connection: Connection, found: Scene) -> list[str]:
    """The names by which deliveries may call the definition's repository: those of its address and
    of its name at the server that it is connected to, or else at the usual ones."""
    address, word = said(found.definition.settings)
    repository = found.definition.repository.casefold()
    usual = [f"{server}/{repository}" for server in SERVERS] if repository else []
    server = None
    if word:
        kept = await connections.named(connection, found.definition.project_id, [word])
        server = next((endpoint(one.connection) for one in kept.values()), None)
    if server and commit_servers.server_of(server):
        there = repository_key(commit_servers.address(server, repository))
        usual = [there] if there else usual
    return [name for name in (repository_key(address), *usual) if name]


async def of_commits(found: Scene, commits: Sequence[Commit]) -> list[PullRequest]:
    """The pull requests of these commits by number: as the server told of them, or else by the
    message of the commit that merged them."""
    numbers = {one.id: number_in(one.message) for one in commits}
    async with found.call.database.read() as connection:
        told = await rows.known(
            connection,
            found.definition.project_id,
            await names(connection, found),
            [number for number in numbers.values() if number],
            list(numbers),
        )
    known = {one.number: one for one in told}
    for commit in commits:
        number = numbers[commit.id]
        if number and number not in known:
            title = commit.message.partition("\n")[0][:300]
            known[number] = PullRequest(
                (), number, title, commit.author_name, is_merged=True, merge_commit=commit.id
            )
    return [known[number] for number in sorted(known)]


async def is_merged_in(found: Scene, version: CandidateVersion, number: int) -> bool:
    """Whether a commit of the candidate, or one before it, says that it merged the pull request;
    False when the repository cannot be asked."""
    try:
        outside, source = await changelogs.connected(found.call, found)
        cut = await changelogs.commit_of(found.call, found, version)
        commit = await changelogs.known_commit(outside, source, cut)
        listed = await outside.history(source, commit, changelogs.MOST_LOOKED_THROUGH)
    except (Invalid, NotFound, Refused):
        return False
    return any(number_in(one.message) == number for one in listed)


async def commits(
    found: Scene, outside: Repositories, source: CodeRepository, numbers: Sequence[int]
) -> list[str]:
    """The commits as which these pull requests were merged, in their order. Raises Invalid."""
    if not numbers:
        return []
    async with found.call.database.read() as connection:
        called = await names(connection, found)
        told = await rows.known(connection, found.definition.project_id, called, numbers)
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
