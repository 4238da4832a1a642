"""One server of the Azure dialect for each test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.apis.azure.server import Server, serving


@pytest.fixture
async def server(database: Any, tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(database, tmp_path) as running:
        yield running
