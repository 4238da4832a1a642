"""One server of both dialects for each test, with a project and an environment."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.apis.aviator.server import Aviator, serving


@pytest.fixture
async def empty(database: Any, tmp_path: Path) -> AsyncIterator[Aviator]:
    """Without any project yet."""
    async with serving(database, tmp_path) as running:
        yield running


@pytest.fixture
async def aviator(empty: Aviator) -> Aviator:
    return await empty.made()
