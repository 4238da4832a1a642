"""How a worker gets onto the list: in a pool, or as a target of a deployment group."""

import asyncio
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import structlog

from quaymaster.actions.call import Installation
from quaymaster.actions.resources import deployment_groups
from quaymaster.domain.errors import NotFound
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import workers
from quaymaster.store.resources.workers import NewWorker
from quaymaster.worker.capabilities import offered
from quaymaster.worker.dispatcher import Identity

DEFAULT_CONCURRENCY = 4
ASK_AGAIN_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Membership:
    """The deployment group that a machine joins, and the tags it brings."""

    group: str
    project: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """How a worker runs. `drain` is how long it lets running jobs go on when it is stopped.

    With a `membership` it is a target of a deployment group and takes no jobs of the pool.
    """

    dsn: str = field(repr=False)
    home: Path
    storage_url: str = field(repr=False)
    secret_key_file: Path
    url: str = ""
    pool: str = "Default"
    name: str = field(default_factory=platform.node)
    concurrency: int = DEFAULT_CONCURRENCY
    capabilities: Mapping[str, str] = field(default_factory=dict)
    lease: timedelta = timedelta(seconds=30)
    sweep: timedelta = timedelta(seconds=30)
    drain: timedelta = timedelta(minutes=5)
    membership: Membership | None = None


async def register(
    options: Options, installation: Installation, stopping: asyncio.Event
) -> tuple[NewWorker, Identity] | None:
    """Put a new worker on the list; None when it was stopped while it waited for its place.

    A target has one worker: another one of its name, perhaps the same that was killed, keeps the
    place until it has stopped or its lease is over. Raises NotFound for a pool, project or group
    that does not exist.
    """
    while not stopping.is_set():
        async with installation.database.transaction() as connection:
            worker = await _new_worker(connection, options)
            if worker is not None:
                number = await workers.register(connection, worker, options.lease)
                return worker, _identity(worker, number)
        _log.warning("another worker is this target; waiting for its lease", target=options.name)
        try:
            async with asyncio.timeout(ASK_AGAIN_SECONDS):
                await stopping.wait()
        except TimeoutError:
            continue
    return None


async def _new_worker(connection: Connection, options: Options) -> NewWorker | None:
    worker = NewWorker(
        id=str(uuid4()),
        name=options.name,
        pool_id=0,
        slots=options.concurrency,
        capabilities=offered(options.name, os.environ, options.capabilities),
    )
    if options.membership is None:
        return replace(worker, pool_id=await _pool(connection, options.pool))
    asked = options.membership
    joined = await deployment_groups.join(
        connection, asked.project, asked.group, options.name, asked.tags, datetime.now(UTC)
    )
    if joined is None:
        return None
    return replace(worker, pool_id=joined.pool, target_id=joined.target)


async def _pool(connection: Connection, name: str) -> int:
    pool = await workers.pool_named(connection, name)
    if pool is None:
        raise NotFound(
            "pool",
            name,
            f"There is no agent pool named {name!r}. Make it first (`quaymaster pool create`), or "
            "name another one.",
        )
    return pool


def _identity(worker: NewWorker, number: int) -> Identity:
    return Identity(
        worker.id, worker.name, worker.pool_id, number, worker.capabilities, worker.target_id
    )
