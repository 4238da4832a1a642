"""An installation for tests of workers: releases of shell scripts, real worker processes."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from quaymaster.actions.call import Call, Installation
from quaymaster.actions.decisions.orchestrate import happen
from quaymaster.domain.changes import Activated, Event, TimeCame
from quaymaster.domain.plan import Plan, TaskPlan
from quaymaster.domain.release import Deployment, Release, ReleaseId
from quaymaster.domain.release_names import Named
from quaymaster.store.jobs import task_runs
from quaymaster.store.jobs.task_runs import TaskRun
from quaymaster.store.releases import releases
from tests import make
from tests.server.waiting import PATIENCE_SECONDS, eventually
from tests.store import build
from tests.worker.nursery import Forked

BASH = "6c731c3c-3c68-459a-a5c9-bde6e6595b5b"
QUEUE = 1
LEASE_SECONDS = 60  # no worker is taken for lost because the machine is slow
SHORT_LEASE_SECONDS = 4  # where one shall be
SWEEP_SECONDS = 1


def shell(script: str, name: str = "Script", **changes: Any) -> TaskPlan:
    """A task that runs this script."""
    inputs = {"targetType": "inline", "script": script}
    return TaskPlan(BASH, "3.*", name, inputs=inputs, **changes)


def phase(*scripts: str, **changes: Any) -> dict[str, Any]:
    """The one phase of a stage, a task for each script; keywords change the phase."""
    tasks = tuple(shell(script) for script in scripts)
    made = make.phase(queue_id=QUEUE, tasks=tasks, skip_artifacts=True, **changes)
    return {"phases": (made,)}


@dataclass
class WorkerProcess:
    """A worker that runs what its operator's command runs."""

    process: Forked
    output: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """End it as a power failure would."""
        self.process.send_signal(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end, as a service manager does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def ready(self) -> None:
        async def has_started() -> bool:
            assert self.process.returncode is None, self.output.read_text()
            return "worker started" in self.output.read_text()

        await eventually(has_started, "the worker to start")


@dataclass
class World:
    """An installation with one project, and the workers that a test has started."""

    installation: Installation
    dsn: str
    home: Path
    lease_seconds: int = LEASE_SECONDS
    workers: list[WorkerProcess] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def call(self) -> Call:
        return Call(self.installation)

    async def worker(self, *, wait: bool = True, **options: Any) -> WorkerProcess:
        """Start a worker process; `wait` until it takes jobs."""
        given = {"concurrency": 2, "drain": 10, **options}
        arguments = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        output = self.home / f"worker-{next(self._numbers)}.log"
        output.touch()
        started = WorkerProcess(Forked(["worker", *arguments], self._settings(), output), output)
        self.workers.append(started)
        if wait:
            await started.ready()
        return started

    def _settings(self) -> dict[str, str]:
        return {
            "QUAYMASTER_DATABASE_URL": self.dsn,
            "QUAYMASTER_HOME": str(self.home),
            "QUAYMASTER_WORKER_LEASE_SECONDS": str(self.lease_seconds),
            "QUAYMASTER_SWEEP_SECONDS": str(SWEEP_SECONDS),
        }

    async def draft(self, plan: Plan | str = "Dev", **changes: Any) -> ReleaseId:
        """A release that nobody has started yet."""
        async with self.installation.database.transaction() as connection:
            name = f"Web-{next(self._numbers)}"
            definition = await build.definition(connection, name)
            now = {"created_at": datetime.now(UTC), "named": Named(datetime.now(UTC))}
            release = await build.release(connection, definition, plan, **{**now, **changes})
        return release.id

    async def release(self, plan: Plan | str = "Dev", **changes: Any) -> ReleaseId:
        """A release that is under way."""
        release = await self.draft(plan, **changes)
        await self.happen(release, Activated(make.CREATOR))
        return release

    async def happen(self, release: ReleaseId, event: Event) -> Release:
        return await happen(self.call(), release, event)

    async def after(self, passed: timedelta, release: ReleaseId) -> Release:
        """The release as whoever looks at it when so much time has passed leaves it."""
        later = Call(self.installation, now=datetime.now(UTC) + passed)
        return await happen(later, release, TimeCame())

    async def loaded(self, release: ReleaseId) -> Release:
        async with self.installation.database.read() as connection:
            found = await releases.load(connection, release)
        assert found is not None
        return found

    async def deployment(self, release: ReleaseId, stage: str) -> Deployment | None:
        found = (await self.loaded(release)).stage_named(stage)
        assert found is not None
        return found.newest

    async def ended(
        self, release: ReleaseId, stage: str, patience: float = PATIENCE_SECONDS
    ) -> Deployment:
        """The newest attempt of a stage once it has ended."""

        async def has_ended() -> bool:
            deployment = await self.deployment(release, stage)
            return deployment is not None and deployment.is_ended

        await eventually(has_ended, f"the end of stage {stage}", patience)
        deployment = await self.deployment(release, stage)
        assert deployment is not None
        return deployment

    async def steps(self, release: ReleaseId) -> list[TaskRun]:
        async with self.installation.database.read() as connection:
            return await task_runs.of_release(connection, release)

    async def execute(self, sql: str, *values: Any) -> Any:
        """Ask the database what no action tells, or break something in it."""
        async with self.installation.database.read() as connection:
            return await connection.fetchval(sql, *values)


def processes_with(marker: str) -> list[psutil.Process]:
    """Every process whose command line or environment mentions this text."""
    return [process for process, _ in _told(marker)]


def names_with(marker: str) -> list[str]:
    """The names of these processes."""
    return [name for _, name in _told(marker)]


def _told(marker: str) -> Iterator[tuple[psutil.Process, str]]:
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline()) + " ".join(process.environ().values())
            if marker in told and process.status() != psutil.STATUS_ZOMBIE:
                yield process, process.name()
        except psutil.Error:
            continue  # it has ended, or belongs to somebody else
