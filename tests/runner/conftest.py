"""A pool of real job hosts for the tests of the runner."""

from collections.abc import AsyncIterator

import pytest

from quaymaster.runner.pool import HostPool


@pytest.fixture(scope="session")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostPool]:
    """Two slots; work directories are kept for the whole run, as on a worker."""
    hosts = HostPool(2, tmp_path_factory.mktemp("work"))
    await hosts.warm()
    yield hosts
    await hosts.close()
