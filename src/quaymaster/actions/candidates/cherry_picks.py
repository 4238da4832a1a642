"""Cherry-picks: commits put on releases as new candidates of them (AVIATOR 1, 7).

The commits are made and the branch is moved before the candidate is cut. Whoever dies in between
leaves a branch whose next look makes the very same commits and cuts the candidate.
"""

from dataclasses import dataclass

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import candidate_builds, candidates, conflict_drafts, news
from quaymaster.actions.candidates.candidates import Cut
from quaymaster.actions.decisions.follow_up import CHERRY_PICK
from quaymaster.actions.ports.outside import CodeRepository, Repositories
from quaymaster.actions.ports.picking import Pick
from quaymaster.actions.repositories import changelogs, pull_requests, repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.actions.storage.turns import alone_or_later, pause_after
from quaymaster.domain import release_versions
from quaymaster.domain.access import Permission
from quaymaster.domain.announcements import Happening
from quaymaster.domain.errors import Conflict, Invalid, NotFound, Refused
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.store.candidates import cherry_picks as rows
from quaymaster.store.candidates import repository_views
from quaymaster.store.candidates.cherry_picks import CherryPick, PickStatus
from quaymaster.store.candidates.repository_views import CandidateLine
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue

HEADS = "refs/heads/release/"
MOST_COMMITS, MOST_VERSIONS, MOST_TRIES = 50, 100, 6
LONGEST_PROBLEM = 1000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PickRequest:
    """Commits, oldest first, and pull requests to be put on a version; `newer`: and on every
    version that was cut after it, but those in `without`."""

    version: str
    commits: tuple[str, ...] = ()
    pull_requests: tuple[int, ...] = ()
    newer: bool = False
    without: tuple[str, ...] = ()


async def ask(call: Call, project: str, wanted: PickRequest) -> list[CherryPick]:
    """Begin the cherry-picks, all of them or none; they are done in the background.

    Raises NotFound (definition, release), Invalid for commits and pull requests that the
    repository has not, Conflict while one of a version is open, Forbidden (create releases).
    """
    found = await repositories.looked_up(call, project)
    found.call.require(Permission.CREATE_RELEASES, found.token, found.definition.definition_name)
    _check_branch(wanted.version)
    outside, source = await changelogs.connected(call, found)
    number = found.definition.definition_id
    async with call.database.read() as connection:
        bases = await _bases(connection, number, wanted)
    commits = await _commits(found, outside, source, wanted)
    async with call.database.transaction() as connection:
        made = []
        for version, base in bases:
            who = (call.by, call.now)
            added = await rows.add(
                connection, number, (version, base), commits, HEADS + version, who
            )
            if added is None:
                raise Conflict(f"A cherry-pick of {version} is under way. End that one first.")
            made.append(added)
        await enqueue(connection, [Wakeup(CHERRY_PICK, {"id": one}) for one in made])
        return await rows.by_ids(connection, made)


def _check_branch(version: str) -> None:
    """Raise Invalid for a version that no branch can be called by."""
    if ".." in version or version.endswith(".lock"):
        raise Invalid(f"{version} cannot be picked on: no branch can be called release/{version}.")


async def _bases(
    connection: Connection, definition: int, wanted: PickRequest
) -> list[tuple[str, int]]:
    """The versions to pick on, each with its newest candidate. Raises NotFound, Invalid."""
    key = (definition, wanted.version)
    known = (await repository_views.candidates_of(connection, [key])).get(key)
    if not known:
        raise NotFound("release", wanted.version)
    chosen = [(wanted.version, known[-1].id)]
    if wanted.newer:
        chosen += await _newer(connection, definition, known[0])
        for version, _ in chosen:
            _check_branch(version)
    chosen = [one for one in chosen if one[0] not in wanted.without]
    if not chosen:
        raise Invalid("Every release is left out: there is none to pick on.")
    return chosen


async def _newer(
    connection: Connection, definition: int, first: CandidateLine
) -> list[tuple[str, int]]:
    """The versions that were cut after this first candidate of one. Raises Invalid for too many."""
    found = await repository_views.versions(connection, [definition], MOST_VERSIONS + 1)
    listed = found.get(definition, [])
    if len(listed) > MOST_VERSIONS and listed[-1].newest > first.id:
        raise Invalid(
            f"Too many releases came after {first.version}, more than {MOST_VERSIONS}. "
            "Pick on those that need it one by one, without `newer`."
        )
    newer = [one for one in listed if one.created_at > first.created_at]
    newer = [one for one in newer if one.version != first.version]
    return [(one.version, one.newest) for one in sorted(newer, key=lambda one: one.created_at)]


async def _commits(
    found: Scene, outside: Repositories, source: CodeRepository, wanted: PickRequest
) -> list[str]:
    """The full ids of the commits, each once. Raises Invalid for what is none."""
    if not wanted.commits and not wanted.pull_requests:
        raise Invalid("Name the commits or the pull_requests to pick.")
    if len(wanted.commits) + len(wanted.pull_requests) > MOST_COMMITS:
        raise Invalid(f"Pick at most {MOST_COMMITS} commits at a time.")
    merged = await pull_requests.commits(found, outside, source, wanted.pull_requests)
    commits = []
    for text in wanted.commits:
        short = release_versions.commit(text)
        known = (await outside.commit(source, short)).id if short else ""
        if not short or not known.startswith(short):
            raise NotFound("commit", str(text)[:100])
        commits.append(known)
    return list(dict.fromkeys([*merged, *commits]))


# ---- done in the background -----------------------------------------------------------------


async def work(call: Call, number: int) -> PickStatus | None:
    """Do one cherry-pick, or find out why it cannot be done; how it stands then.

    None for one that is not there, and while somebody else is at it.
    """

    async def put_off(reason: str) -> PickStatus | None:
        return await _again(call, number, reason)

    name = f"cherry-pick {number}"
    return await alone_or_later(call, name, lambda: _worked(call, number), put_off)


async def _worked(call: Call, number: int) -> PickStatus | None:
    async with call.database.read() as connection:
        pick = await rows.get(connection, number)
    if pick is None or pick.status is not PickStatus.IN_PROGRESS:
        return pick.status if pick else None
    try:
        async with call.database.read() as connection:
            found = await repositories.numbered(connection, call, pick.definition_id)
        return await _done(call, found, pick)
    except Refused as error:
        await _ended(call, pick, PickStatus.FAILED, str(error))
        return PickStatus.FAILED


async def _done(call: Call, found: Scene, pick: CherryPick) -> PickStatus:
    outside, source = await changelogs.connected(call, found)
    version = await _next(call, pick)
    asked = Pick(pick.base_commit, pick.commits, pick.branch, pick.asked_at)
    picked = await outside.picked(source, asked)
    if picked.conflicts:
        advice = await conflict_drafts.advice(found, outside, source, pick, picked)
        async with call.database.transaction() as connection:
            await rows.conflict(connection, pick.id, picked.conflicts, advice[:LONGEST_PROBLEM])
        return PickStatus.CONFLICT
    if picked.commit == pick.base_commit:
        await _ended(call, pick, PickStatus.SKIPPED)
        return PickStatus.SKIPPED
    await _cut(call, found, pick, version, picked.commit)
    return PickStatus.SUCCEEDED


async def _again(call: Call, number: int, problem: str) -> PickStatus | None:
    async with call.database.read() as connection:
        pick = await rows.get(connection, number)
    if pick is None or pick.status is not PickStatus.IN_PROGRESS:
        return pick.status if pick else None
    _log.warning("a cherry-pick has to wait", pick=pick.id, reason=problem)
    if pick.tries + 1 >= MOST_TRIES:
        await _ended(call, pick, PickStatus.FAILED, problem)
        return PickStatus.FAILED
    pause = pause_after(pick.tries)
    async with call.database.transaction() as connection:
        await rows.put_off(connection, pick.id, call.now + pause, problem[:LONGEST_PROBLEM])
        await enqueue(connection, [Wakeup(CHERRY_PICK, {"id": pick.id}, pause)])
    return PickStatus.IN_PROGRESS


async def _next(call: Call, pick: CherryPick) -> CandidateVersion:
    """The version of the candidate that comes of it.

    Raises Refused when another one was cut since it was asked for: that would lose what is new.
    """
    async with call.database.read() as connection:
        key = (pick.definition_id, pick.version)
        known = (await repository_views.candidates_of(connection, [key])).get(key, [])
    if not known or known[-1].id != pick.base_release_id:
        raise Refused(f"{pick.base_name} is not the newest candidate any more. Ask again.")
    read = [release_versions.read(one.name) for one in known]
    return CandidateVersion(pick.version, max((one.number for one in read if one), default=0) + 1)


async def _cut(
    call: Call, found: Scene, pick: CherryPick, version: CandidateVersion, commit: str
) -> ReleaseId | None:
    """Cut the candidate of the version at this commit, and end the cherry-pick with it."""

    async def end(connection: Connection, made: ReleaseId) -> None:
        if not await rows.end(
            connection, pick.id, PickStatus.SUCCEEDED, call.now, commit=commit, release=made
        ):
            raise Conflict(f"Cherry-pick {pick.id} has ended already.")
        await _tell(connection, call, made, PickStatus.SUCCEEDED)

    wanted = Cut(
        version,
        commit,
        found.definition.repository,
        once=f"cherry-pick:{pick.id}",
        is_built=candidate_builds.is_configured(found.definition.settings),
    )
    return await candidates.make(found, wanted, end)


async def _ended(call: Call, pick: CherryPick, status: PickStatus, problem: str = "") -> None:
    """The end of one that made no candidate."""
    async with call.database.transaction() as connection:
        if await rows.end(connection, pick.id, status, call.now, problem=problem[:LONGEST_PROBLEM]):
            await _tell(connection, call, pick.base_release_id, status)


async def _tell(
    connection: Connection, call: Call, release: int | None, status: PickStatus
) -> None:
    if release is not None:
        await news.tell(connection, Happening.CHERRY_PICK_FINISHED, release, status, call.now)


# ---- what somebody decides ------------------------------------------------------------------


async def listed(call: Call, project: str, version: str) -> list[CherryPick]:
    """The cherry-picks of a version, the newest first. Raises NotFound, Forbidden."""
    found = await repositories.looked_up(call, project)
    async with call.database.read() as connection:
        return await rows.listed(connection, found.definition.definition_id, version)


async def one(call: Call, project: str, version: str, number: int) -> CherryPick:
    """One of them. Raises NotFound, Forbidden (view releases)."""
    return (await _opened(call, project, version, number))[1]


async def accept(
    call: Call, project: str, version: str, number: int, commit: str | None = None
) -> CherryPick:
    """Cut the candidate from what somebody made of a conflict: the newest commit of the release's
    branch, or the one named, which has the base's commit in it.

    Raises NotFound, Conflict for one that has no conflict, Invalid for a commit that does not
    come after the base or still holds marks of the conflict, Forbidden (create releases).
    """
    found, pick = await _opened(call, project, version, number, Permission.CREATE_RELEASES)
    if pick.status is not PickStatus.CONFLICT:
        raise Conflict(f"Cherry-pick {number} has no conflict that could be resolved.")
    outside, source = await changelogs.connected(call, found)
    resolved = (await outside.commit(source, commit or pick.branch)).id
    if commit and not resolved.startswith(commit):
        raise NotFound("commit", commit)
    if resolved == pick.base_commit or pick.base_commit not in await outside.contained(
        source, resolved, [pick.base_commit]
    ):
        raise Invalid(
            f"{resolved[:12]} does not come after {pick.base_name} ({pick.base_commit[:12]}). "
            f"Push the resolution to {pick.branch}."
        )
    await conflict_drafts.check_resolved(outside, source, pick, resolved)
    await _cut(found.call, found, pick, await _next(call, pick), resolved)
    return await one(call, project, version, number)


async def give_up(call: Call, project: str, version: str, number: int) -> None:
    """End one without a candidate. Raises NotFound, Conflict for one that has ended, Forbidden."""
    found, pick = await _opened(call, project, version, number, Permission.CREATE_RELEASES)
    if not pick.status.is_open:
        raise Conflict(f"Cherry-pick {number} has ended already.")
    await _ended(found.call, pick, PickStatus.FAILED, "It was given up.")


async def _opened(
    call: Call, project: str, version: str, number: int, needed: Permission | None = None
) -> tuple[Scene, CherryPick]:
    found = await repositories.looked_up(call, project)
    if needed:
        found.call.require(needed, found.token, found.definition.definition_name)
    async with call.database.read() as connection:
        pick = await rows.get(connection, number, found.definition.definition_id)
    if pick is None or pick.version != version:
        raise NotFound("cherry-pick", number)
    return found, pick
