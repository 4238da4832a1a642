"""What a candidate brings beside the release before it: its pull requests (AVIATOR 1, 8)."""

import asyncio
from collections.abc import Sequence

import structlog

from quaymaster.actions.repositories import changelogs, commit_checks, pull_requests
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.pull_requests import PullRequest
from quaymaster.domain.release import ReleaseId
from quaymaster.store.candidates import pull_requests as rows
from quaymaster.store.postgres.database import Connection
from quaymaster.store.triggers import cut_schedules

PATIENCE_SECONDS = 20.0  # the copy goes on, and is there for the next candidate
Brought = Sequence[PullRequest]

_log = structlog.get_logger(__name__)


async def brought(found: Scene, version: str, commit: str) -> Brought:
    """The pull requests of the commits that the release before has not; nothing when the repository
    is connected to nothing, cannot be asked just now, or is being copied for the first time."""
    outside = found.call.installation.outside.repositories
    try:
        source = await commit_checks.source(found)
        if source is None or outside is None:
            return ()
        async with found.call.database.read() as connection:
            before = await cut_schedules.commit_before(
                connection, found.definition.definition_id, version
            )
        async with asyncio.timeout(PATIENCE_SECONDS):
            commits = await changelogs.touching(
                found, outside, source, before, commit, changelogs.MOST_LOOKED_THROUGH
            )
    except TimeoutError:
        _log.warning("a candidate's pull requests are not known yet", commit=commit)
        return ()
    except (Invalid, NotFound) as error:
        _log.warning("a candidate's pull requests are not known", reason=str(error))
        return ()
    return await pull_requests.of_commits(found, commits)


async def keep(connection: Connection, release: ReleaseId, found: Brought) -> None:
    """Remember what a candidate brings, so that lists ask no repository."""
    if found:
        await rows.keep(connection, release, found)
