"""Finds again whatever waits in rows, so that a lost wake-up costs a moment and nothing else."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import structlog

from quaymaster.actions import jobs as job_actions
from quaymaster.actions import retention, schedules
from quaymaster.actions.call import Call, Installation
from quaymaster.actions.follow_up import ENVIRONMENT, GATES, RELEASE, ROLLBACK, SCHEDULE, job_kind
from quaymaster.store import due, firing, queueing, sweeping
from quaymaster.store.database import DatabaseUnavailable
from quaymaster.store.queue import Wakeup, enqueue
from quaymaster.worker.leases import Lease

KEPT_QUEUE_LOG = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(seconds=5)
UNANSWERED_AFTER = timedelta(seconds=60)  # longer than a gate may take to answer
SCHEDULES_AHEAD = timedelta(minutes=1)  # longer than the time between two sweeps

_log = structlog.get_logger(__name__)


async def sweep_again_and_again(installation: Installation, every: timedelta) -> None:
    """Sweep until canceled, at once and then about as often as told."""
    while True:
        try:
            woken = await sweep(installation)
            if woken:
                _log.info("woke what was waiting", wakeups=woken)
            gone = await retention.run_if_due(Call(installation))
            if gone:
                _log.info("releases whose retention time is over were deleted", releases=gone)
        except DatabaseUnavailable as error:
            _log.warning("the sweep has to wait", reason=str(error))
        except Exception:  # noqa: BLE001 - what is broken now may be whole at the next sweep
            _log.exception("a sweep failed")
        await asyncio.sleep(every.total_seconds() * random.uniform(0.8, 1.2))  # noqa: S311 - jitter


async def sweep(installation: Installation) -> int:
    """Queue wake-ups for all that is due or forgotten; how many. 0 when another one sweeps."""
    soon = await schedules.soon(Call(installation), SCHEDULES_AHEAD)
    async with installation.database.transaction() as connection:
        if not await sweeping.is_our_turn(connection):
            return 0
        releases = await due.releases_due(connection, datetime.now(UTC))
        environments = await queueing.with_standings(connection)
        pools = await sweeping.pools_without_wakeup(connection, FORGOTTEN_AFTER)
        gates = await sweeping.gates_without_answers(connection, UNANSWERED_AFTER)
        wakeups = [
            *(Wakeup(RELEASE, {"id": release}) for release in releases),
            *(Wakeup(ENVIRONMENT, {"id": environment}) for environment in environments),
            *(Wakeup(job_kind(pool), {"id": pool}) for pool in pools),
            *(Wakeup(GATES, {"id": gate}) for gate in gates),
            *(Wakeup(ROLLBACK, {"id": one}) for one in await firing.wanting_rollback(connection)),
            *(Wakeup(SCHEDULE, {"id": definition}, after) for definition, after in soon),
        ]
        await enqueue(connection, wakeups)
        await sweeping.prune_queue_log(connection, KEPT_QUEUE_LOG)
    return len(wakeups)


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
