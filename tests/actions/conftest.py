"""An installation for each test of actions, with or without workers."""

from pathlib import Path

import pytest

from quaymaster.actions.call import Installation
from quaymaster.actions.ports.outside import Outside
from quaymaster.connectors.artifacts.git import GitRepositories
from quaymaster.connectors.repositories import GitFolder
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.store.postgres.database import Database
from quaymaster.store.storage.object_storage import ObjectStorage
from quaymaster.store.storage.vault import open_vault
from tests.actions.office import Office
from tests.worker.conftest import world

__all__ = ["office", "world"]


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    """Ann runs the project, Bob and Carol may read it, Dora may do everything but administer."""
    repositories = GitFolder(tmp_path / "repositories", AllowedAddresses.of(("127.0.0.1",)))
    made = Office(
        Installation(
            database,
            open_vault(tmp_path / "secret.key"),
            ObjectStorage.at((tmp_path / "storage").as_uri()),
            Outside(artifacts={"git": GitRepositories(repositories)}, repositories=repositories),
        )
    )
    await made.hire("ann", "Project Administrators")
    await made.hire("bob", "Readers")
    await made.hire("carol", "Readers")
    await made.hire("dora", "Contributors")
    return made
