"""A pool of real job hosts, which do the downloading."""

from collections.abc import AsyncIterator

import pytest

from quaymaster.runner.pool import HostPool


@pytest.fixture(scope="session")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostPool]:
    hosts = HostPool(1, tmp_path_factory.mktemp("work"))
    await hosts.warm()
    yield hosts
    await hosts.close()
