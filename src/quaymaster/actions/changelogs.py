"""What one candidate has that another has not, asked of the repository (AVIATOR 7)."""

from quaymaster.actions import commit_checks
from quaymaster.actions import repository_definitions as repositories
from quaymaster.actions.call import Call
from quaymaster.actions.ports import Commit
from quaymaster.actions.repository_definitions import Scene
from quaymaster.domain.errors import Invalid
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.store import release_snapshots

MOST_COMMITS = 500


async def between(
    call: Call, project: str, older: CandidateVersion | None, newer: CandidateVersion
) -> list[Commit]:
    """The commits, newest first; without an older candidate those of the newer one alone.

    Raises NotFound (definition, release, repository), Invalid when the repository is connected to
    nothing, Forbidden (view releases).
    """
    found = await repositories.looked_up(call, project)
    outside = call.installation.outside.repositories
    source = await commit_checks.source(found)
    if source is None or outside is None:
        raise Invalid("The repository is connected to nothing. Set source_url of the project.")
    to = await _commit(call, found, newer)
    since = await _commit(call, found, older) if older else ""
    return await outside.commits(source, since, to, MOST_COMMITS)


async def _commit(call: Call, found: Scene, version: CandidateVersion) -> str:
    async with call.database.read() as connection:
        known = await repositories.candidate(connection, found, str(version))
        artifacts = await release_snapshots.artifacts(connection, known.release)
    return artifacts[0].version_id if artifacts else ""
