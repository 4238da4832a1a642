"""Answering a push: builds that it queues, releases that want its commit (issue 4.3, 8.1)."""

from datetime import timedelta

import structlog

from quaymaster.actions.call import Call, Project
from quaymaster.actions.decisions.follow_up import PUSH
from quaymaster.actions.releases import artifact_events
from quaymaster.actions.storage.turns import alone_or_later, pause_after
from quaymaster.actions.triggers import build_triggering
from quaymaster.actions.triggers.build_triggering import Later
from quaymaster.domain.pushes import Push, PushKind
from quaymaster.domain.triggers import ArtifactEvent
from quaymaster.store.people import projects
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.triggers import pushes
from quaymaster.store.triggers.pushes import ToldPush

BATCH_PAUSE = timedelta(seconds=10)  # until a build that a batch waits for is looked at again
MOST_TRIES = 9  # with doubled pauses: more than an hour for a repository to come back

_log = structlog.get_logger(__name__)


async def answer(call: Call, number: int) -> bool:
    """Queue the builds and tell of the versions that a push means; whether it is done with.

    What cannot be done now, because a repository does not answer, is tried again with growing
    pauses; what was done already is not done twice. One process at a time is at a push.
    """

    async def put_off(reason: str) -> bool:
        return await _put_off(call, number, reason)

    return bool(await alone_or_later(call, f"push {number}", lambda: _done(call, number), put_off))


async def _done(call: Call, number: int) -> bool:
    async with call.database.read() as connection:
        told = await pushes.get(connection, number)
        project = None
        if told is not None and told.project_id is not None:
            project = await projects.get(connection, told.project_id)
    if told is None:
        return True
    here = Project(str(project.id), project.name, project.organization) if project else None
    own = Call(call.installation, None, here, call.now)
    try:
        await _answered(own, told)
    except Later:
        await _look_again(call, told, BATCH_PAUSE, counts=False)
        return False
    return await _end(call, number)


async def _answered(call: Call, told: ToldPush) -> None:
    if told.push.kind is PushKind.COMPLETION:
        await build_triggering.completed(call, told.push.number)
    elif not told.push.is_removal:
        await _tell_releases(call, told)
        await build_triggering.pushed(call, told.push)


async def _tell_releases(call: Call, told: ToldPush) -> None:
    """A new version of every artifact that is this repository."""
    async with call.database.read() as connection:
        sources = await pushes.sources(connection, call.project_id, told.push.repositories)
    for kind, source_id in sources:
        await artifact_events.happened(call, event(told.push, kind, source_id))


def event(push: Push, kind: str, source_id: str) -> ArtifactEvent:
    """A push as a new version of an artifact."""
    return ArtifactEvent(
        type=kind,
        source_id=source_id,
        version_id=push.commit,
        version_name=push.commit[:8],
        branch=push.ref,
        default_branch=push.default_branch,
        is_pull_request=push.kind is PushKind.PULL_REQUEST,
        target_branch=push.target,
        commit=push.commit,
        reference={"pullRequest.sourceVersion": push.head} if push.head else {},
    )


async def _put_off(call: Call, number: int, reason: str) -> bool:
    async with call.database.read() as connection:
        told = await pushes.get(connection, number)
    if told is None:
        return True
    about = {"ref": told.push.ref, "commit": told.push.commit, "reason": reason}
    if told.tries + 1 >= MOST_TRIES:
        _log.error("a push could not be answered", **about)
        return await _end(call, told.id)
    _log.warning("a push has to wait", **about)
    await _look_again(call, told, pause_after(told.tries), counts=True)
    return False


async def _look_again(call: Call, told: ToldPush, pause: timedelta, *, counts: bool) -> None:
    async with call.database.transaction() as connection:
        await pushes.put_off(connection, told.id, call.now + pause, counts=counts)
        await enqueue(connection, [Wakeup(PUSH, {"id": told.id}, pause)])


async def _end(call: Call, number: int) -> bool:
    async with call.database.transaction() as connection:
        await pushes.answered(connection, number)
    return True
