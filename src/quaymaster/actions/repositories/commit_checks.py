"""Whether a repository has a commit, asked of it where it is connected (AVIATOR 6)."""

from dataclasses import replace

from quaymaster.actions.call import Call
from quaymaster.actions.ports.outside import CodeRepository, WebClient
from quaymaster.actions.repositories import sources
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.protocol.job import Endpoint
from quaymaster.sources import commit_servers
from quaymaster.sources.asking import SourceProblem
from quaymaster.sources.commit_servers import NoCommit, NoRepository

NO_COMMIT = "commit"


async def whole(call: Call, found: Scene, commit: str) -> str:
    """The full id of the commit; as it is where the repository is connected to nothing.

    Raises NotFound of the kind "repository" when that cannot be reached, "commit" when it has no
    such commit.
    """
    repositories = call.installation.outside.repositories
    repository = await source(found)
    if repository is None:
        return commit
    web, connection = call.installation.outside.web, repository.connection
    is_named = bool(found.definition.settings.get(sources.URL))
    if web and connection and not is_named and commit_servers.server_of(connection):
        return await _asked_of_server(web, connection, found, commit)
    if repositories is None:
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


async def _asked_of_server(web: WebClient, connection: Endpoint, found: Scene, commit: str) -> str:
    """The same by one question to the API of GitHub, GitLab or Gitea."""
    name = found.definition.repository
    try:
        known = await commit_servers.whole(web, connection, name, commit)
    except (NoRepository, SourceProblem) as error:
        raise NotFound("repository", name) from error
    except NoCommit as error:
        raise NotFound(NO_COMMIT, commit) from error
    if not known.startswith(commit):
        raise NotFound(NO_COMMIT, commit)
    return known


async def source(found: Scene) -> CodeRepository | None:
    """Where the repository is and what signs in to it; None where it is connected to nothing.

    Raises NotFound of the kind "repository" when what signs in is gone or cannot be opened.
    """
    settings = found.definition.settings
    address = str(settings.get(sources.URL) or "")
    word = str(settings.get(sources.CONNECTION) or "")
    if not address and not word:
        return None
    own = replace(found.call, caller=None)  # who set it was allowed to use it
    try:
        opened = await sources.opened(own, address, word, found.definition.repository)
    except Invalid as error:
        raise NotFound("repository", found.definition.repository) from error
    return opened if opened.address else None
