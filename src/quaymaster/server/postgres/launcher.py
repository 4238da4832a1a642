"""Starts PostgreSQL as a child, waits until it answers, restarts it when it dies, stops it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import structlog

from quaymaster.server.postgres import account as accounts
from quaymaster.server.postgres import binaries as programs
from quaymaster.server.postgres import cluster, folders, leftover
from quaymaster.server.postgres.account import Account
from quaymaster.server.postgres.binaries import Binaries
from quaymaster.server.postgres.command import ENVIRONMENT, as_account, postmaster
from quaymaster.server.postgres.errors import PostgresUnavailableError
from quaymaster.server.postgres.folders import Folders
from quaymaster.server.postgres.lock import locked

_log = structlog.get_logger("quaymaster.postgres")

_START_SECONDS = 60.0  # crash recovery of a large journal takes its time
_START_ATTEMPTS = 8
_LOOK_SECONDS = 0.01
_FAST_STOP_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 5.0
_LARGEST_LOG_BYTES = 8 * 1024 * 1024


class EmbeddedPostgres:
    """One postmaster on one home. Use `running`; the home's lock must be held."""

    def __init__(self, places: Folders, binaries: Binaries, account: Account) -> None:
        self._places = places
        self._binaries = binaries
        self._account = account
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def dsn(self) -> str:
        """A PostgreSQL address for asyncpg; good for as long as the home is where it is."""
        return self._places.dsn

    @property
    def version(self) -> str:
        return self._binaries.version

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None while there is none."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Start and wait until it takes connections.

        The processes of a killed postmaster may hold its shared memory for a moment, so a start
        that fails at once is tried again until the patience is over. Raises
        PostgresUnavailableError with the last words of PostgreSQL's log.
        """
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        pause = 0.05
        for attempt in range(_START_ATTEMPTS):
            await leftover.stop_leftover(self._places.data)
            self._process = await self._spawn()
            if await self._answers(deadline):
                return
            _log.debug("postgres did not start", attempt=attempt + 1)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
        raise PostgresUnavailableError(
            f"PostgreSQL {self.version} does not start on {self._places.data}. "
            f"Its last words, from {self._places.log}: {self._last_words()}"
        )

    async def supervise(self) -> None:
        """Restart the postmaster whenever it dies, until `stop`; every committed row is kept."""
        pause = 0.0
        while self._process is not None:
            started = asyncio.get_running_loop().time()
            code = await self._process.wait()
            if self._stopping:
                return
            if asyncio.get_running_loop().time() - started > _LONGEST_PAUSE_SECONDS:
                pause = 0.0
            _log.error("postgres ended and is started again", exit_code=code)
            await asyncio.sleep(pause)
            pause = min(pause * 2 + 0.1, _LONGEST_PAUSE_SECONDS)
            try:
                await self.start()
                _log.info("postgres is back", pid=self.pid)
            except (PostgresUnavailableError, OSError) as error:
                _log.error("postgres does not come back", reason=str(error))

    async def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, everything committed is on disk."""
        self._stopping = True
        await self._end()

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), _FAST_STOP_SECONDS)
        except TimeoutError:
            _log.warning("postgres does not stop and is ended at once; it recovers at its start")
            process.send_signal(signal.SIGQUIT)
            await process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        with _opened(self._places.log) as log:
            return await asyncio.create_subprocess_exec(
                *as_account(self._account, postmaster(self._binaries, self._places)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,  # Ctrl-C is ours to pass on, when the work has ended
            )

    async def _answers(self, deadline: float) -> bool:
        """Whether the new process takes connections before it ends or the deadline comes."""
        process = self._process
        while process is not None and process.returncode is None:
            if leftover.is_ready(self._places.data, process.pid):
                return True
            if asyncio.get_running_loop().time() > deadline:
                await self._end()
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    def _last_words(self) -> str:
        try:
            lines = self._places.log.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return "(nothing)"
        return " | ".join(lines[-4:]) or "(nothing)"


def _opened(log: Path) -> BinaryIO:
    """The database's log, private, with one old file kept beside it when it has grown large."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


async def _prepared(places: Folders, account: Account) -> EmbeddedPostgres:
    """Everything before the first start: socket folder, programs, data directory."""
    folders.make_private(places.sockets, account)
    binaries = programs.find(account, places.program_copies)
    await cluster.ensure(places, binaries, account)
    return EmbeddedPostgres(places, binaries, account)


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    """An embedded PostgreSQL on this home for as long as the block runs, restarted if it dies.

    Raises PostgresUnavailableError, whose text is for people; HomeInUseError if another runs here.
    """
    places, account = Folders.of(home), accounts.choose()
    folders.make_home(places.home, account)
    with locked(places.home):
        server = await _prepared(places, account)
        await server.start()
        watch = asyncio.create_task(server.supervise(), name="postgres")
        try:
            yield server
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await server.stop()
