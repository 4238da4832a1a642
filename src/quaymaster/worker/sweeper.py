"""Finds again whatever waits in rows, so that a lost wake-up costs a moment and nothing else."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from quaymaster.actions.announcements import deliveries
from quaymaster.actions.builds import status_posting
from quaymaster.actions.builds.happening import BUILD
from quaymaster.actions.builds.results import artifacts
from quaymaster.actions.builds.results import retention as build_retention
from quaymaster.actions.call import Call, Installation
from quaymaster.actions.decisions.follow_up import (
    AHEAD,
    ARTIFACT_EVENT,
    BUILD_SCHEDULE,
    CHERRY_PICK,
    CUT,
    DEPLOYMENTS,
    ENVIRONMENT,
    GATES,
    PUSH,
    RELEASE,
    ROLLBACK,
    SCHEDULE,
    WORKFLOW,
    job_kind,
)
from quaymaster.actions.jobs import jobs as job_actions
from quaymaster.actions.releases import retention
from quaymaster.actions.storage import leftovers
from quaymaster.actions.triggers import (
    build_schedules,
    scheduled_cuts,
    schedules,
    target_watch,
    watched_repositories,
    watched_sources,
    webhooks,
)
from quaymaster.store.builds import builds
from quaymaster.store.candidates import cherry_picks, workflow_runs
from quaymaster.store.deployments import queueing
from quaymaster.store.postgres import due, sweeping, turns
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.triggers import artifact_events, cut_schedules, firing, pushes
from quaymaster.worker.leases import Lease

KEPT_QUEUE_LOG = timedelta(hours=1)
KEPT_TURNS = timedelta(days=1)
FORGOTTEN_AFTER = timedelta(seconds=5)
UNANSWERED_AFTER = timedelta(seconds=60)  # longer than a gate may take to answer
EVERY_DAY = timedelta(days=1)
SCHEDULES_AHEAD = timedelta(minutes=1)  # longer than the time between two sweeps

_log = structlog.get_logger(__name__)


async def sweep_again_and_again(installation: Installation, every: timedelta) -> None:
    """Sweep until canceled, at once and then about as often as told."""
    while True:
        for part in (
            sweep,
            wake_schedules,
            watch_targets,
            retention_when_due,
            deliveries.forget_old,
            status_posting.forget_old,
            forget_webhooks,
            forget_unfinished_uploads,
            build_retention_when_due,
            sweep_leftovers_when_due,
        ):
            await _tried(part, installation)
        await asyncio.sleep(every.total_seconds() * random.uniform(0.8, 1.2))  # noqa: S311 - jitter


async def _tried(
    part: Callable[[Installation], Awaitable[int]], installation: Installation
) -> None:
    """One part of a sweep; what fails here must not keep the other parts from their work."""
    try:
        found = await part(installation)
        if found:
            _log.info("swept", part=part.__name__, found=found)
    except DatabaseUnavailable as error:
        _log.warning("a sweep has to wait", part=part.__name__, reason=str(error))
    except Exception:  # noqa: BLE001 - what is broken now may be whole at the next sweep
        _log.exception("a sweep failed", part=part.__name__)


async def forget_unfinished_uploads(installation: Installation) -> int:
    """Remove the pieces of files that were never uploaded as a whole; how many."""
    return await artifacts.forget_unfinished(Call(installation))


async def retention_when_due(installation: Installation) -> int:
    """Delete the releases whose time is over; how many."""
    return await retention.run_if_due(Call(installation))


async def build_retention_when_due(installation: Installation) -> int:
    """Delete the builds whose time is over; how many."""
    return await build_retention.run_if_due(Call(installation))


async def sweep_leftovers_when_due(installation: Installation) -> int:
    """Remove the objects that no row knows; how many."""
    return await leftovers.sweep_if_due(Call(installation))


async def watch_targets(installation: Installation) -> int:
    """Fail jobs of targets that do not come back, and deploy to targets that joined; how many."""
    call = Call(installation)
    return await target_watch.fail_deserted_jobs(call) + await target_watch.answer_arrivals(call)


async def forget_webhooks(installation: Installation) -> int:
    """Forget old deliveries of webhooks; how many."""
    return await webhooks.forget_old(Call(installation))


async def wake_schedules(installation: Installation) -> int:
    """Queue wake-ups for schedules that are due soon; how many."""
    soon = await schedules.soon(Call(installation), SCHEDULES_AHEAD)
    builds = await build_schedules.soon(Call(installation), SCHEDULES_AHEAD)
    cuts = await scheduled_cuts.soon(Call(installation), SCHEDULES_AHEAD)
    async with installation.database.transaction() as connection:
        if not await sweeping.is_our_turn(connection):
            return 0
        await enqueue(connection, [Wakeup(SCHEDULE, {"id": one}, after) for one, after in soon])
        await enqueue(
            connection, [Wakeup(BUILD_SCHEDULE, {"id": one}, after) for one, after in builds]
        )
        await enqueue(connection, [Wakeup(CUT, {"id": one}, after) for one, after in cuts])
    return len(soon) + len(builds) + len(cuts)


async def sweep(installation: Installation) -> int:
    """Queue wake-ups for all that is due or forgotten; how many. 0 when another one sweeps."""
    async with installation.database.transaction() as connection:
        if not await sweeping.is_our_turn(connection):
            return 0
        now = datetime.now(UTC)
        releases = await due.releases_due(connection, now)
        soon = await due.due_between(connection, now, now + AHEAD)
        environments = await queueing.with_standings(connection)
        pools = await sweeping.pools_without_wakeup(connection, FORGOTTEN_AFTER)
        events = await artifact_events.due(connection, datetime.now(UTC))
        pushed = await pushes.due(connection, datetime.now(UTC))
        gates = await sweeping.gates_without_answers(connection, UNANSWERED_AFTER)
        wakeups = [
            *(Wakeup(RELEASE, {"id": release}) for release in releases),
            *(Wakeup(RELEASE, {"id": release}, at - now) for release, at in soon.items()),
            *(Wakeup(ENVIRONMENT, {"id": environment}) for environment in environments),
            *(Wakeup(job_kind(pool), {"id": pool}) for pool in pools),
            *(Wakeup(ARTIFACT_EVENT, {"id": event}) for event in events),
            *(Wakeup(PUSH, {"id": push}) for push in pushed),
            *(
                Wakeup(BUILD, {"id": one})
                for one in await builds.due(connection, datetime.now(UTC))
            ),
            *(Wakeup(GATES, {"id": gate}) for gate in gates),
            *(
                Wakeup(WORKFLOW, {"id": run})
                for run in await workflow_runs.due(connection, datetime.now(UTC))
            ),
            *(
                Wakeup(CHERRY_PICK, {"id": one})
                for one in await cherry_picks.due(connection, datetime.now(UTC))
            ),
            *(Wakeup(DEPLOYMENTS, {"id": one}) for one in await cut_schedules.built(connection)),
            *(Wakeup(ROLLBACK, {"id": one}) for one in await firing.wanting_rollback(connection)),
        ]
        await enqueue(connection, wakeups)
        await sweeping.prune_queue_log(connection, KEPT_QUEUE_LOG)
        await turns.forget(connection, KEPT_TURNS)
    return len(wakeups)


async def look_at_sources_again_and_again(installation: Installation) -> None:
    """Tell of new versions at sources that do not tell by themselves, until canceled."""
    while True:
        await _tried(look_at_sources, installation)
        seconds = watched_sources.LOOK_EVERY.total_seconds()
        await asyncio.sleep(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter


async def forget_unused_copies_again_and_again(installation: Installation) -> None:
    """Remove what this machine copied of repositories and nobody uses any more, until canceled."""
    while True:
        await _tried(forget_unused_copies, installation)
        await asyncio.sleep(EVERY_DAY.total_seconds())


async def forget_unused_copies(installation: Installation) -> int:
    """Remove the copies of repositories that were of no use for long; how many."""
    repositories = installation.outside.repositories
    return await repositories.forget_unused() if repositories is not None else 0


async def look_at_sources(installation: Installation) -> int:
    """Look at the sources that are due; how many new versions there were."""
    call = Call(installation)
    return await watched_sources.look(call) + await watched_repositories.look(call)


async def fail_lost_jobs_again_and_again(installation: Installation, lease: Lease) -> None:
    """Fail the jobs of workers that are gone, until canceled."""
    while True:
        await asyncio.sleep(lease.seconds_between)
        if not lease.may_judge:
            continue
        try:
            lost = await job_actions.fail_lost_jobs(Call(installation))
            if lost:
                _log.warning("jobs of workers that are gone were failed", jobs=lost)
        except DatabaseUnavailable as error:
            _log.warning("lost jobs cannot be looked for", reason=str(error))
        except Exception:  # noqa: BLE001 - it is tried again soon, and must not end the worker
            _log.exception("a lost job could not be failed")
