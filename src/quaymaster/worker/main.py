"""The worker: takes waiting jobs, runs them, and keeps releases moving in the background."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from quaymaster.actions.announcements.deliveries import Announcer
from quaymaster.actions.builds import happening
from quaymaster.actions.call import Call, Installation
from quaymaster.actions.candidates import cherry_picks, following_builds
from quaymaster.actions.decisions.follow_up import (
    ARTIFACT_EVENT,
    BUILD_SCHEDULE,
    CHERRY_PICK,
    CUT,
    DELIVERIES,
    DEPLOYMENTS,
    ENVIRONMENT,
    GATES,
    PUSH,
    RELEASE,
    ROLLBACK,
    SCHEDULE,
    SOURCES,
    STATUSES,
    WORKFLOW,
    job_kind,
)
from quaymaster.actions.decisions.orchestrate import admit, happen
from quaymaster.actions.deployments.gates import asking
from quaymaster.actions.deployments.rollbacks import rollbacks
from quaymaster.actions.deployments.workflows import runs
from quaymaster.actions.ports.outside import Outside
from quaymaster.actions.releases import artifact_events
from quaymaster.actions.triggers import (
    build_schedules,
    pushes,
    scheduled_cuts,
    schedules,
    watched_sources,
)
from quaymaster.domain.build import BuildId
from quaymaster.domain.build_events import BuildTimeCame
from quaymaster.domain.changes import TimeCame
from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import ReleaseId
from quaymaster.runner.pool import HostPool
from quaymaster.store.jobs.jobs import NO_POOL
from quaymaster.store.postgres import database as databases
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.resources import workers
from quaymaster.store.resources.workers import NewWorker
from quaymaster.store.storage.object_storage import ObjectStorage
from quaymaster.store.storage.vault import open_vault
from quaymaster.worker import notices, slots, sweeper
from quaymaster.worker.asker import Asker
from quaymaster.worker.courier import CommitStatuses, Courier, Letters
from quaymaster.worker.dispatcher import Dispatcher
from quaymaster.worker.leases import Lease
from quaymaster.worker.queue import Handler, Wakeups
from quaymaster.worker.registration import Options, register

CONNECTIONS_BESIDE_JOBS = 4
LAST_WORDS_SECONDS = 5.0  # for jobs to end after they were asked to, when the worker stops

_log = structlog.get_logger(__name__)


async def run(
    options: Options,
    outside: Outside,
    stopping: asyncio.Event,
    announcers: Mapping[str, Announcer] | None = None,
) -> None:
    """Work until `stopping` is set, then let running jobs end and leave.

    `announcers` write what subscriptions are told, by dialect.

    Raises NotFound for a pool or group that does not exist, DatabaseUnavailable when the database
    cannot be reached at the start; later on it waits for the database to come back.
    """
    size = options.concurrency + CONNECTIONS_BESIDE_JOBS
    database = await databases.connect(options.dsn, max_size=size)
    installation = Installation(
        database,
        open_vault(options.secret_key_file),
        ObjectStorage.at(options.storage_url),
        outside,
        options.url,
    )
    hosts = HostPool(options.concurrency, options.home / "work")
    try:
        with slots.held(options.home, options.concurrency) as own:
            await hosts.warm()
            await _work(options, installation, hosts, own, stopping, announcers or {})
    finally:
        await hosts.close()
        await database.close()


async def _work(
    options: Options,
    installation: Installation,
    hosts: HostPool,
    own: list[slots.Slot],
    stopping: asyncio.Event,
    announcers: Mapping[str, Announcer],
) -> None:
    registered = await register(options, installation, stopping)
    if registered is None:
        return
    worker, identity = registered
    dispatcher = Dispatcher(installation, hosts, identity, own)
    lease = Lease(installation, dispatcher, worker, options.lease)
    askers = {
        GATES: Asker(installation, "gates", asking.ask),
        WORKFLOW: Asker(installation, "workflows", runs.look),
    }
    couriers = _couriers(installation, announcers)
    wakeups = _wakeups(options, installation, dispatcher, askers, couriers)
    joined = options.membership.group if options.membership else None
    where = {"deployment_group": joined} if joined else {"pool": options.pool}
    _log.info("worker started", worker=worker.name, number=identity.number, **where)
    async with asyncio.TaskGroup() as group:
        background = [
            group.create_task(lease.keep()),
            group.create_task(lease.watch()),
            group.create_task(notices.listen(installation.database, dispatcher, wakeups.reopen)),
            group.create_task(sweeper.sweep_again_and_again(installation, options.sweep)),
            group.create_task(sweeper.look_at_sources_again_and_again(installation)),
            group.create_task(sweeper.forget_unused_copies_again_and_again(installation)),
            group.create_task(sweeper.fail_lost_jobs_again_and_again(installation, lease)),
            *(group.create_task(courier.run()) for courier in couriers.values()),
        ]
        taking = [group.create_task(wakeups.run()), group.create_task(dispatcher.run())]
        await stopping.wait()
        _log.info("worker stops", running=len(dispatcher.running))
        dispatcher.close()
        wakeups.close()
        await asyncio.wait(taking, timeout=LAST_WORDS_SECONDS)  # a silent database may hold them
        for asker in askers.values():
            await asker.close()
        await _drain(dispatcher, worker.name, options.drain)
        for task in (*background, *taking):
            task.cancel()
    await _leave(installation, worker)


def _couriers(
    installation: Installation, announcers: Mapping[str, Announcer]
) -> dict[str, Courier[Any, Any]]:
    """Who sends, by what wakes it; nobody without a way out, and no letters without anybody who
    writes them: then others send."""
    web = installation.outside.web
    if web is None:
        return {}
    letters = {DELIVERIES: Courier(Letters(installation, web, announcers))} if announcers else {}
    return {**letters, STATUSES: Courier(CommitStatuses(installation, web))}


def _wakeups(
    options: Options,
    installation: Installation,
    dispatcher: Dispatcher,
    askers: Mapping[str, Asker],
    couriers: Mapping[str, Courier[Any, Any]],
) -> Wakeups:
    async def look_at_release(release: int) -> None:
        try:
            await happen(Call(installation), ReleaseId(release), TimeCame())
        except NotFound:
            _log.info("a wake-up was for a release that is gone", release=release)

    async def look_at_environment(environment: int) -> None:
        await admit(Call(installation), environment)

    async def roll_back(deployment: int) -> None:
        await rollbacks.roll_back(Call(installation), deployment)

    async def fire_schedule(definition: int) -> None:
        await schedules.fire_due(Call(installation), definition)

    async def look_at_sources(_definition: int) -> None:
        await watched_sources.look(Call(installation))

    async def answer_artifact_event(event: int) -> None:
        await artifact_events.answer(Call(installation), event)

    async def answer_push(push: int) -> None:
        await pushes.answer(Call(installation), push)

    async def look_at_build(build: int) -> None:
        try:
            await happening.happen(Call(installation), BuildId(build), BuildTimeCame())
        except NotFound:
            _log.info("a wake-up was for a build that is gone", build=build)

    async def fire_build_schedule(definition: int) -> None:
        await build_schedules.fire_due(Call(installation), definition)

    async def fire_cut(definition: int) -> None:
        await scheduled_cuts.fire_due(Call(installation), definition)

    async def deploy_what_is_built(release: int) -> None:
        await following_builds.deploy(Call(installation), ReleaseId(release))

    async def pick(number: int) -> None:
        await cherry_picks.work(Call(installation), number)

    async def look_for_jobs(_job: int) -> None:
        dispatcher.wake()

    job_kinds = {job_kind(dispatcher.identity.pool)}
    if not dispatcher.identity.target:
        job_kinds.add(job_kind(NO_POOL))
    handlers: dict[str, Handler] = {
        RELEASE: look_at_release,
        ENVIRONMENT: look_at_environment,
        ROLLBACK: roll_back,
        SCHEDULE: fire_schedule,
        **{kind: asker.ask for kind, asker in askers.items()},
        ARTIFACT_EVENT: answer_artifact_event,
        PUSH: answer_push,
        BUILD_SCHEDULE: fire_build_schedule,
        CHERRY_PICK: pick,
        CUT: fire_cut,
        DEPLOYMENTS: deploy_what_is_built,
        SOURCES: look_at_sources,
        happening.BUILD: look_at_build,
    }
    handlers.update({kind: courier.wake for kind, courier in couriers.items()})
    return Wakeups(
        options.dsn,
        handlers | dict.fromkeys(job_kinds, look_for_jobs),
        lambda kind: kind not in job_kinds or dispatcher.has_free_slot,
    )


async def _drain(dispatcher: Dispatcher, name: str, patience: timedelta) -> None:
    """Let running jobs end; after a while ask them to, and at last end them."""
    stopped = f"The worker {name} was stopped while the job was running."
    if await _idle_within(dispatcher, patience.total_seconds()):
        return
    for job in list(dispatcher.running.values()):
        job.stop(stopped)
    if await _idle_within(dispatcher, LAST_WORDS_SECONDS):
        return
    for job in list(dispatcher.running.values()):
        job.kill(stopped)
    if not await _idle_within(dispatcher, LAST_WORDS_SECONDS):
        _log.error("jobs could not be reported; they count as lost", jobs=len(dispatcher.running))


async def _idle_within(dispatcher: Dispatcher, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await dispatcher.until_idle()
    except TimeoutError:
        return False
    return True


async def _leave(installation: Installation, worker: NewWorker) -> None:
    try:
        async with installation.database.read() as connection:
            await workers.stop(connection, worker.id)
    except DatabaseUnavailable as error:
        _log.warning("this worker could not sign off", reason=str(error))
    _log.info("worker stopped", worker=worker.name)
