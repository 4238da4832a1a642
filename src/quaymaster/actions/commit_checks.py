"""Whether a repository has a commit, asked of it where it is connected (AVIATOR 6)."""

from dataclasses import replace

from quaymaster.actions import repository_sources
from quaymaster.actions.call import Call
from quaymaster.actions.ports import CodeRepository
from quaymaster.actions.repository_definitions import Scene
from quaymaster.domain.errors import Invalid, NotFound

NO_COMMIT = "commit"


async def whole(call: Call, found: Scene, commit: str) -> str:
    """The full id of the commit; as it is where the repository is connected to nothing.

    Raises NotFound of the kind "repository" when that cannot be reached, "commit" when it has no
    such commit.
    """
    repositories = call.installation.outside.repositories
    repository = await source(found)
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


async def source(found: Scene) -> CodeRepository | None:
    """Where the repository is and what signs in to it; None where it is connected to nothing.

    Raises NotFound of the kind "repository" when what signs in is gone or cannot be opened.
    """
    settings = found.definition.settings
    address = str(settings.get(repository_sources.URL) or "")
    if not address:
        return None
    own = replace(found.call, caller=None)  # who set it was allowed to use it
    word = str(settings.get(repository_sources.CONNECTION) or "")
    try:
        return await repository_sources.opened(own, address, word)
    except Invalid as error:
        raise NotFound("repository", found.definition.repository) from error
