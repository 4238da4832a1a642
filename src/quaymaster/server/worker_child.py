"""The worker as a child process of `up`: started, restarted with back-off, stopped."""

import asyncio
import os
import sys
from pathlib import Path

import structlog

_log = structlog.get_logger("quaymaster.up")

_DRAIN_SECONDS = 15
_COMMAND = (
    *(sys.executable, "-m", "quaymaster.cli.main", "worker"),
    *("--until-input-ends", "--drain", str(_DRAIN_SECONDS)),
)
_SHORTEST_GOOD_RUN_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 10.0
_LAST_WORK_SECONDS = 40.0  # the drain, and for jobs to end that were asked to


class WorkerChild:
    """One `quaymaster worker` on this database. It ends when its standard input does: so it also
    ends when this process is killed."""

    def __init__(self, home: Path, dsn: str, url: str) -> None:
        """`url` is where the tasks of its jobs reach the server."""
        ours = {
            "QUAYMASTER_HOME": str(home),
            "QUAYMASTER_DATABASE_URL": dsn,
            "QUAYMASTER_PUBLIC_URL": url,
        }
        self._environment = {**os.environ, **ours}
        self._environment.pop("QUAYMASTER_ADMIN_TOKEN", None)  # no business of a worker
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,  # Ctrl-C reaches it through us, after the last request
        )

    async def supervise(self) -> None:
        """Start the worker again whenever it ends, at once and then ever more slowly."""
        pause = 0.0
        while self._process is not None:
            started = asyncio.get_running_loop().time()
            code = await self._process.wait()
            if self._stopping:
                return
            if asyncio.get_running_loop().time() - started > _SHORTEST_GOOD_RUN_SECONDS:
                pause = 0.0
            _log.error("the worker ended and is started again", exit_code=code, pause=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause + 0.5, _LONGEST_PAUSE_SECONDS)
            await self._start_again()

    async def _start_again(self) -> None:
        try:
            await self.start()
        except OSError as error:
            _log.error("the worker cannot be started", reason=str(error))

    async def stop(self) -> None:
        """Let it hand back or finish what it does, then end it."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _LAST_WORK_SECONDS)
        except TimeoutError:
            _log.warning("the worker does not end and is killed; its jobs go on elsewhere")
            process.kill()
            await process.wait()
