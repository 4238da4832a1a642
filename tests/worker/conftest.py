"""An installation of its own for each test of workers, and no process of it left afterwards."""

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quaymaster.actions.call import Installation
from quaymaster.actions.ports.outside import Outside
from quaymaster.store.postgres.database import Database
from quaymaster.store.storage.object_storage import ObjectStorage
from quaymaster.store.storage.vault import KEY_BYTES, open_vault
from tests.apis.azure.server import Server, serving
from tests.worker.world import World


@pytest.fixture
async def world(
    own_database: Database, fresh_database_url: str, tmp_path: Path
) -> AsyncIterator[World]:
    files = ObjectStorage.at((tmp_path / "storage").as_uri())
    (tmp_path / "secret.key").write_bytes(b64encode(b"k" * KEY_BYTES))  # as in tests.store.build
    vault = open_vault(tmp_path / "secret.key")
    made = World(Installation(own_database, vault, files, Outside()), fresh_database_url, tmp_path)
    yield made
    for worker in made.workers:
        worker.kill()
        await worker.process.wait()


@pytest.fixture
async def server(world: World) -> AsyncIterator[Server]:
    """The APIs of the installation that the workers belong to."""
    async with serving(world.installation.database, world.home) as running:
        yield running


@pytest.fixture
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that are started may call services on this machine."""
    monkeypatch.setenv("QUAYMASTER_ALLOWED_ADDRESSES", "127.0.0.1")
