"""Candidates cut by the clock: one for each time, none when nothing changed (AVIATOR 1)."""

from datetime import UTC, timedelta

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import candidate_builds, candidates, deployment_checks
from quaymaster.actions.candidates.candidates import Cut
from quaymaster.actions.repositories import commit_checks, path_globs, repositories
from quaymaster.actions.repositories.cut_clocks import FILE_PATHS, following
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.actions.storage.turns import LONGEST_PAUSE, alone_or_later, pause_after
from quaymaster.domain import release_versions
from quaymaster.domain.errors import Conflict, Refused
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.release_versions import CandidateVersion, Numbering
from quaymaster.domain.schedules import time_zone
from quaymaster.domain.statuses import ReleaseReason
from quaymaster.store.postgres.database import Connection
from quaymaster.store.triggers import cut_schedules
from quaymaster.store.triggers.cut_schedules import CutSchedule

MOST_NAMES_TRIED = 5
LONGEST_PROBLEM = 500
NOTHING_NEW = "The newest candidate has every commit of the branch already."
NOT_OURS = "Nothing in file_paths has changed since the newest candidate."
SKIPS = (NOTHING_NEW, NOT_OURS)

_log = structlog.get_logger(__name__)


def is_skipped(one: CutSchedule) -> bool:
    """Whether the last time made no candidate because there was nothing to cut."""
    return one.problem in SKIPS


async def standing(call: Call, definition: int) -> CutSchedule | None:
    """When a definition that may be looked at cuts next, and what went wrong the last time."""
    async with call.database.read() as connection:
        return await cut_schedules.get(connection, definition)


async def soon(call: Call, within: timedelta) -> list[tuple[int, timedelta]]:
    """(definition id, when) of every definition whose time has come or comes within this."""
    async with call.database.read() as connection:
        found = await cut_schedules.due(connection, call.now + within)
    return [(one.definition_id, max(one.look_at - call.now, timedelta(0))) for one in found]


async def fire_due(call: Call, definition: int) -> ReleaseId | None:
    """Cut the candidate whose time has come; None when there is nothing to cut.

    Whatever number of times have passed meanwhile, one candidate is cut for them. What cannot be
    done now is tried again with growing pauses until the next time. One process at a time is at
    a definition.
    """

    async def put_off(reason: str) -> None:
        await _put_off(call, definition, reason)

    name = f"cut of definition {definition}"
    return await alone_or_later(call, name, lambda: _fired(call, definition), put_off)


async def _fired(call: Call, definition: int) -> ReleaseId | None:
    async with call.database.read() as connection:
        one = await cut_schedules.get(connection, definition)
    if one is None or one.look_at > call.now:
        return None
    try:
        made = await _cut(call, one)
    except Refused as refusal:
        await _over(call, one, str(refusal))
        return None
    if made is None:  # it was cut before
        await _over(call, one)
    return made


async def _over(call: Call, one: CutSchedule, problem: str = "") -> None:
    async with call.database.transaction() as connection:
        await _answered(connection, call, one, problem)


async def _answered(
    connection: Connection, call: Call, one: CutSchedule, problem: str = ""
) -> None:
    next_at = following(one.cron, one.time_zone, call.now)
    await cut_schedules.answered(connection, one, next_at, problem[:LONGEST_PROBLEM])


async def _put_off(call: Call, definition: int, problem: str) -> None:
    _log.warning("a cut has to wait", definition=definition, reason=problem)
    async with call.database.read() as connection:
        one = await cut_schedules.get(connection, definition)
    if one is None or one.look_at > call.now:
        return
    again = call.now + min(pause_after(one.tries), LONGEST_PAUSE)
    if again >= following(one.cron, one.time_zone, call.now):
        await _over(call, one, problem)
        return
    async with call.database.transaction() as connection:
        await cut_schedules.put_off(connection, one, again, problem[:LONGEST_PROBLEM])


async def _cut(call: Call, one: CutSchedule) -> ReleaseId | None:
    async with call.database.read() as connection:
        found = await repositories.numbered(connection, call, one.definition_id)
        last = await cut_schedules.newest_commit(connection, one.definition_id)
    commit = await _news(call, found, one, last)
    await deployment_checks.check_picks(found, commit)
    key = f"scheduled cut:{one.due_at.astimezone(UTC).isoformat()}"

    async def over(connection: Connection, _made: ReleaseId) -> None:
        await _answered(connection, call, one)

    for _ in range(MOST_NAMES_TRIED):
        version = await suggested(call, found, Numbering(one.numbering), one.time_zone)
        wanted = Cut(
            version,
            commit,
            found.definition.repository,
            reason=ReleaseReason.SCHEDULE,
            once=key,
            is_built=candidate_builds.is_configured(found.definition.settings),
        )
        try:
            return await candidates.make(found, wanted, over)
        except Conflict:
            continue  # somebody took the version meanwhile
    raise Conflict("Every version that was tried has been taken meanwhile.")


async def _news(call: Call, found: Scene, one: CutSchedule, last: str) -> str:
    """The commit to cut. Raises Refused when the last candidate has all there is, no path of ours
    changed, or there is nothing to ask; what asking raises."""
    repository = await commit_checks.source(found)
    outside = call.installation.outside.repositories
    if repository is None or outside is None:
        raise Refused("The repository is connected to nothing. Set source_url of the project.")
    newest = (await outside.commit(repository, one.branch)).id
    if newest == last:
        raise Refused(NOTHING_NEW)
    if last and not await outside.commits(repository, last, newest, 1):
        raise Refused(NOTHING_NEW)
    wanted = found.definition.settings.get(FILE_PATHS) or ()
    if last and wanted:
        is_ours = path_globs.matcher(list(wanted))
        if not any(map(is_ours, await outside.paths(repository, last, newest))):
            raise Refused(NOT_OURS)
    return newest


async def suggested(
    call: Call, found: Scene, numbering: Numbering, zone: str = "UTC"
) -> CandidateVersion:
    """The version that a candidate would be cut under now (AVIATOR 6)."""
    async with call.database.read() as connection:
        names = await cut_schedules.names(connection, found.definition.definition_id)
    today = call.now.astimezone(time_zone(zone)).date()
    return CandidateVersion(release_versions.following(numbering, names, today), 1)
