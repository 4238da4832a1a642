"""Vouching for pull requests, before what they brought is deployed (AVIATOR 1)."""

from quaymaster.actions.call import Call
from quaymaster.actions.repositories import pull_requests, repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import NotFound
from quaymaster.domain.record import Entry
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.store.candidates import pull_requests as rows
from quaymaster.store.candidates.pull_requests import CandidatePullRequest
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import history


async def listed(call: Call, project: str, version: CandidateVersion) -> list[CandidatePullRequest]:
    """The pull requests of a candidate by number. Raises NotFound, Forbidden (view releases)."""
    found = await repositories.looked_up(call, project)
    async with call.database.read() as connection:
        known = await repositories.candidate(connection, found, str(version))
        return (await rows.of_releases(connection, [known.release])).get(known.release, [])


async def verify(
    call: Call, project: str, version: CandidateVersion, number: int, comment: str = ""
) -> None:
    """Vouch for a pull request, whichever candidate brings it; doing so again changes nothing.

    Raises NotFound (definition, release, pull request), Forbidden (manage deployments).
    """
    async with call.database.read() as connection:
        found, release = await _opened(connection, call, project, version)
        is_known = await _is_known(connection, found, number)
    if not is_known and not await pull_requests.is_merged_in(found, version, number):
        raise NotFound("pull request", number)
    async with call.database.transaction() as connection:
        definition = found.definition.definition_id
        if await rows.verify(connection, definition, number, release, call.by, call.now):
            await _keep(connection, found, release, "PullRequestVerified", number, comment)


async def withdraw(call: Call, project: str, version: CandidateVersion, number: int) -> None:
    """Vouch for it no longer. Raises NotFound, also when nobody did; Forbidden."""
    async with call.database.transaction() as connection:
        found, release = await _opened(connection, call, project, version)
        if not await rows.withdraw(connection, found.definition.definition_id, number):
            raise NotFound("pull request", number)
        await _keep(connection, found, release, "PullRequestUnverified", number, "")


async def _opened(
    connection: Connection, call: Call, project: str, version: CandidateVersion
) -> tuple[Scene, ReleaseId]:
    found = await repositories.scene(connection, call, project)
    found.require(Permission.MANAGE_DEPLOYMENTS)
    known = await repositories.candidate(connection, found, str(version))
    return found, known.release


async def _is_known(connection: Connection, found: Scene, number: int) -> bool:
    """Whether a candidate brought the pull request, or its server told of it."""
    definition = found.definition
    if await rows.is_of_definition(connection, definition.definition_id, number):
        return True
    names = await pull_requests.names(connection, found)
    return bool(await rows.known(connection, definition.project_id, names, [number]))


async def _keep(
    connection: Connection, found: Scene, release: ReleaseId, kind: str, number: int, comment: str
) -> None:
    text = f"#{number} {comment}".strip()
    await history.append(
        connection, release, found.call.now, [Entry(kind, found.call.by, comment=text)]
    )
