"""Workers as real processes that start at once: forked from one that has loaded all they need.

Loading it takes a second of processor time, more than most tests of workers take. How an operator
starts one is tested in `tests/server/test_parts.py`.
"""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from quaymaster.cli.main import main

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["quaymaster.cli.work", __name__])


class Forked:
    """A process of the command line; what it prints goes to `output`."""

    def __init__(self, words: Sequence[str], settings: Mapping[str, str], output: Path) -> None:
        environment = {**os.environ, **settings}
        self._process = FORKING.Process(target=_run, args=(list(words), environment, output))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """A signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    async def wait(self) -> int:
        """Return once it has ended; how."""
        if self.returncode is None:
            ended, loop = asyncio.Event(), asyncio.get_running_loop()
            loop.add_reader(self._process.sentinel, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(self._process.sentinel)
        code = self.returncode
        assert code is not None
        return code


def _run(words: list[str], environment: dict[str, str], output: Path) -> None:
    """The command line, as a process of its own finds its surroundings."""
    os.environ.clear()
    os.environ.update(environment)
    log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    sys.argv = ["quaymaster", *words]
    main()
