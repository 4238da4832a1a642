"""The one place where a build changes: lock, decide, save, follow up (as releases do, DESIGN 4)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from quaymaster.actions.builds import status_posting
from quaymaster.actions.call import Call
from quaymaster.actions.decisions.follow_up import DELIVERIES, PUSH, job_kind
from quaymaster.actions.definitions import own_builds
from quaymaster.actions.people import job_tokens
from quaymaster.actions.releases import artifact_events
from quaymaster.domain.announcements import Announcement, Happening
from quaymaster.domain.build import Build, BuildId
from quaymaster.domain.build_dependencies import STATUS_WORDS
from quaymaster.domain.build_events import BuildEvent
from quaymaster.domain.building import decide, due_at
from quaymaster.domain.changes import JobFinished
from quaymaster.domain.errors import NotFound
from quaymaster.domain.pushes import Push, PushKind
from quaymaster.domain.release import JobKind
from quaymaster.domain.statuses import JobStatus
from quaymaster.domain.triggers import ArtifactEvent, Occasion
from quaymaster.store.announcements import deliveries
from quaymaster.store.builds import builds, views
from quaymaster.store.builds.views import BuildView
from quaymaster.store.jobs import jobs, task_runs
from quaymaster.store.postgres import notify
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.triggers import build_triggers, pushes

BUILD = "build"  # look at a build: a deadline may have passed
PULL_REQUEST = "pullRequest"
ENDED = PushKind.COMPLETION  # other definitions may build now
Check = Callable[[Build], None]


async def happen(
    call: Call, build_id: BuildId, event: BuildEvent, check: Check | None = None
) -> Build:
    """Let an event happen to a build in a transaction of its own.

    `check` sees the locked build first and raises when this may not be. Raises NotFound, and
    whatever `decide` refuses with; nothing is changed then.
    """
    async with call.database.transaction() as connection:
        return await happen_within(connection, call, build_id, event, check)


async def happen_within(
    connection: Connection,
    call: Call,
    build_id: BuildId,
    event: BuildEvent,
    check: Check | None = None,
) -> Build:
    """The same inside a transaction that the caller opened."""
    before = await builds.locked(connection, build_id)
    if before is None:
        raise NotFound(BUILD, build_id)
    if check:
        check(before)
    after = decide(before, event, call.now)
    if after == before:
        return before
    view = await views.get(connection, None, build_id)
    priority = view.priority if view else ""
    after = await builds.save(connection, before, after, priority, call.by, call.now)
    await _end_steps(connection, call, before, after, event)
    await _follow_up(connection, call, before, after)
    if view:
        await status_posting.tell_of_build(connection, call, view, before, after)
    return after


async def _end_steps(
    connection: Connection, call: Call, before: Build, after: Build, event: BuildEvent
) -> None:
    """Steps of a job that ended without its worker's word will not be reported any more, and its
    token ends with it."""
    running = {job.id: job for job in before.jobs if job.status is JobStatus.RUNNING}
    for job in after.jobs:
        known = running.get(job.id)
        told = isinstance(event, JobFinished) and event.job == job.id
        if known is None or told or not job.status.is_ended:
            continue
        result = STATUS_WORDS[job.status]
        if known.kind is JobKind.CALL_BACK:
            await task_runs.conclude(connection, job.id, result, job.error, call.now)
        else:
            await task_runs.abandon(connection, job.id, result, call.now)
            await job_tokens.withdraw_of_build(connection, job.id, known.token)


async def _follow_up(connection: Connection, call: Call, before: Build, after: Build) -> None:
    """Wake whoever has something to do now, and tell those who watch."""
    waited = {job.id for job in before.jobs if job.status is JobStatus.WAITING}
    waiting = [
        job.id for job in after.jobs if job.status is JobStatus.WAITING and job.id not in waited
    ]
    pools = await jobs.pools_of(connection, waiting) if waiting else {}
    wakeups = [Wakeup(job_kind(pools[job]), {"id": job, "build": after.id}) for job in waiting]
    due = due_at(after)
    if due and due != due_at(before):
        wakeups.append(Wakeup(BUILD, {"id": after.id}, max(due - call.now, timedelta(0))))
    await enqueue(connection, wakeups)
    called = sorted(set(pools.values()))
    canceled = _to_cancel(before, after)
    await notify.build_changed(connection, after.id, canceled=canceled, pools=called)
    if after.finished_at and not before.finished_at:
        await _tell_completed(connection, call, after)


def _to_cancel(before: Build, after: Build) -> list[int]:
    """Running jobs of a build, or of a stage, that was just asked to stop."""
    if after.cancel_requested_at and not before.cancel_requested_at:
        return [job.id for job in after.jobs if job.status is JobStatus.RUNNING]
    asked = {job.id for job in before.jobs if job.is_stopping}
    return [job.id for job in after.jobs if job.is_stopping and job.id not in asked]


async def _tell_completed(connection: Connection, call: Call, build: Build) -> None:
    """Who listens hears of it, and releases are made of a build that is no draft's (23.9); told
    with its end."""
    news = Announcement(Happening.BUILD_COMPLETED, 0, build.result or "", build=build.id)
    if await deliveries.queue_for_build(connection, news, call.now):
        await enqueue(connection, [Wakeup(DELIVERIES, {"id": 0})])
    view = await views.get(connection, None, build.id)
    if view is None or view.definition_quality == "draft":
        return
    own = Call(call.installation, None, None, call.now)
    await artifact_events.happened_within(connection, own, await event_of(connection, view))
    if await build_triggers.after(connection, view.definition_id):
        told = Push((), view.source_branch, view.source_version, kind=ENDED, number=view.id)
        numbers = await pushes.tell(connection, None, [told], call.now)
        await enqueue(connection, [Wakeup(PUSH, {"id": number}) for number in numbers])


async def tell_tagged(connection: Connection, call: Call, view: BuildView) -> None:
    """A tag was added to a completed build: that may make a release (8.3)."""
    if view.definition_quality != "draft":
        own = Call(call.installation, None, None, call.now)
        event = replace(await event_of(connection, view), occasion=Occasion.TAGGED)
        await artifact_events.happened_within(connection, own, event)


async def event_of(connection: Connection, view: BuildView) -> ArtifactEvent:
    """A completed build as the new version of an artifact (4.1, 8.1)."""
    version = await own_builds.version_of(connection, view)
    return ArtifactEvent(
        type="Build",
        source_id=f"{view.project_id}:{view.definition_id}",
        version_id=version.id,
        branch=version.branch,
        tags=version.tags,
        default_branch=builds.branch_reference(view.repository.get("default_branch", "")),
        result=view.result or "",
        is_pull_request=view.reason == PULL_REQUEST,
        target_branch=version.reference.get("pullRequest.targetBranch", ""),
        version_name=version.name,
        commit=version.commit,
        requested_for=view.requested_for,
        reference=version.reference,
    )
