"""A server of which every answer of the build area is held against the published description."""

import pytest

from tests.apis.azure.build.fitting import fits
from tests.apis.azure.server import Server


@pytest.fixture
def server(server: Server) -> Server:
    server.client.event_hooks["response"].append(fits)
    return server
