"""Whether a repository has a commit, asked of it where it is connected (AVIATOR 6)."""

from quaymaster.actions import artifact_access
from quaymaster.actions.call import Call
from quaymaster.actions.ports import CodeRepository
from quaymaster.actions.repository_definitions import Scene
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.store.vault import VaultError

NO_COMMIT = "commit"


async def whole(call: Call, found: Scene, commit: str) -> str:
    """The full id of the commit; as it is where the repository is connected to nothing.

    Raises NotFound of the kind "repository" when that cannot be reached, "commit" when it has no
    such commit.
    """
    repositories = call.installation.outside.repositories
    repository = await source(call, found)
    if repository is None or repositories is None:
        return commit
    try:
        await repositories.heads(repository)
    except Invalid as error:
        raise NotFound("repository", found.definition.repository) from error
    try:
        known = (await repositories.commit(repository, commit)).id
    except Invalid as error:
        raise NotFound(NO_COMMIT, commit) from error
    if not known.startswith(commit):
        raise NotFound(NO_COMMIT, commit)  # a branch or a tag that is called like a commit
    return known


async def source(call: Call, found: Scene) -> CodeRepository | None:
    """Where the repository is and what signs in to it; None where it is connected to nothing."""
    address = str(found.definition.settings.get("source_url") or "")
    return await _connected(call, found, address) if address else None


async def _connected(call: Call, found: Scene, address: str) -> CodeRepository:
    """The repository with the service connection that signs in to it, when one is named."""
    word = str(found.definition.settings.get("source_connection") or "")
    if not word:
        return CodeRepository(address)
    try:
        async with call.database.read() as connection:
            opened = await artifact_access.opened(
                connection, call, found.definition.project_id, [{"connection": word}]
            )
    except VaultError as error:
        raise NotFound("repository", found.definition.repository) from error
    if word.casefold() not in opened:
        raise NotFound("repository", found.definition.repository)
    return CodeRepository(address, opened[word.casefold()])
