"""A pool of real job hosts for the tests of the runner."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from quaymaster.runner.pool import HostPool


@pytest.fixture(scope="session")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostPool]:
    """Two slots; work directories are kept for the whole run, as on a worker."""
    hosts = HostPool(2, tmp_path_factory.mktemp("work"))
    await hosts.warm()
    yield hosts
    await hosts.close()


@pytest.fixture
def end_later() -> Iterator[Callable[[int], None]]:
    """Processes that a test leaves running on purpose are ended after it."""
    pids: list[int] = []
    yield pids.append
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
