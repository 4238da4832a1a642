"""What one candidate has that another has not, asked of the repository (AVIATOR 7)."""

from quaymaster.actions.call import Call
from quaymaster.actions.ports.outside import CodeRepository, Commit, Repositories
from quaymaster.actions.repositories import commit_checks, path_globs, repositories
from quaymaster.actions.repositories.cut_clocks import FILE_PATHS
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.errors import Invalid, Refused
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.store.releases.writing import snapshots

MOST_COMMITS = 500
MOST_LOOKED_THROUGH = 5000  # where none may be left out
FULL_ID = 40
NOT_CONNECTED = "The repository is connected to nothing. Set source_url of the project."


async def between(
    call: Call, project: str, older: CandidateVersion | None, newer: CandidateVersion | None
) -> list[Commit]:
    """The commits, newest first, that touch the definition's paths; without a newer candidate up
    to the newest of the default branch, without an older one those of the newer one alone.

    Raises NotFound (definition, release, repository), Invalid when the repository is connected to
    nothing, Forbidden (view releases).
    """
    return await of(call, await repositories.looked_up(call, project), older, newer)


async def of(
    call: Call, found: Scene, older: CandidateVersion | None, newer: CandidateVersion | None
) -> list[Commit]:
    """The same for a definition that was looked up."""
    outside, source = await connected(call, found)
    to = await commit_of(call, found, newer) if newer else (await outside.commit(source, "")).id
    since = await commit_of(call, found, older) if older else ""
    return await touching(found, outside, source, since, to)


async def connected(call: Call, found: Scene) -> tuple[Repositories, CodeRepository]:
    """What reads repositories, and which one. Raises Invalid where there is none, NotFound."""
    outside = call.installation.outside.repositories
    source = await commit_checks.source(found)
    if source is None or outside is None:
        raise Invalid(NOT_CONNECTED)
    return outside, source


async def touching(
    found: Scene,
    outside: Repositories,
    source: CodeRepository,
    older: str,
    newer: str,
    most: int = MOST_COMMITS,
) -> list[Commit]:
    """The commits of `newer` that `older` has not and that touch the definition's paths, among the
    newest of them."""
    return (await _looked_through(found, outside, source, (older, newer), most))[0]


async def all_touching(
    found: Scene, outside: Repositories, source: CodeRepository, older: str, newer: str
) -> list[Commit]:
    """The same among all of them. Raises Invalid when they are too many to look through."""
    span = (older, newer)
    ours, looked_at = await _looked_through(found, outside, source, span, MOST_LOOKED_THROUGH + 1)
    if looked_at > MOST_LOOKED_THROUGH:
        raise Invalid(
            f"{newer[:12]} has more than {MOST_LOOKED_THROUGH} commits that {older[:12]} has not."
        )
    return ours


async def _looked_through(
    found: Scene,
    outside: Repositories,
    source: CodeRepository,
    span: tuple[str, str],
    most: int,
) -> tuple[list[Commit], int]:
    """The commits that touch the definition's paths, and among how many."""
    patterns = found.definition.settings.get(FILE_PATHS) or ()
    if not patterns:
        commits = await outside.commits(source, *span, most)
        return commits, len(commits)
    is_ours = path_globs.matcher(patterns)
    changed = await outside.changes(source, *span, most)
    return [commit for commit, paths in changed if any(map(is_ours, paths))], len(changed)


async def known_commit(outside: Repositories, source: CodeRepository, commit: str) -> str:
    """The full id of a commit as it was cut. Raises Invalid when the repository has it not."""
    if len(commit) >= FULL_ID:
        return (await outside.history(source, commit, 1))[0].id
    known = (await outside.commit(source, commit)).id
    if not commit or not known.startswith(commit):
        raise Invalid(f"The repository has no commit {commit or 'of the release'}.")
    return known


async def commit_of(call: Call, found: Scene, version: CandidateVersion) -> str:
    """The commit that a version was cut from. Raises NotFound (release), Refused without one."""
    async with call.database.read() as connection:
        known = await repositories.candidate(connection, found, str(version))
        artifacts = await snapshots.artifacts(connection, known.release)
    if not artifacts:
        raise Refused(f"{version} has no commit.")
    return artifacts[0].version_id
