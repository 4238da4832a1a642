"""A served installation with a worker, for tests that let builds really run."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.ports.outside import Outside
from quaymaster.connectors.repositories import GitFolder
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.store.postgres.database import Database
from tests.apis.azure.build.asking import asked, made
from tests.apis.azure.server import Server, serving
from tests.gits import commit, repository
from tests.server.waiting import eventually
from tests.worker.conftest import loopback_is_allowed, world  # noqa: F401 - fixtures
from tests.worker.world import World


@dataclass
class Yard:
    """The API and the workers of one installation."""

    server: Server
    world: World

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        return await asked(self.server, method, path, status, **more)

    async def define(self, name: str, *steps: Any, **changes: Any) -> Any:
        return await made(self.server, name, *steps, **changes)

    async def queue(self, definition: Any, query: str = "", **changes: Any) -> Any:
        body = {"definition": {"id": definition["id"]}, **changes}
        return await self.ask("POST", f"builds?{query}", json=body)

    async def ended(self, build: Any) -> Any:
        """The build once it is completed."""
        return await self.when(build, lambda seen: seen["status"] == "completed")

    async def when(self, build: Any, holds: Any) -> Any:
        seen: list[Any] = []

        async def is_so() -> bool:
            seen.append(await self.ask("GET", f"builds/{build['id']}"))
            return bool(holds(seen[-1]))

        await eventually(is_so, f"build {build['id']}")
        return seen[-1]

    async def records(self, build: Any, kind: str = "Task") -> list[Any]:
        found = await self.ask("GET", f"builds/{build['id']}/timeline")
        return [one for one in found["records"] if one["type"] == kind]

    async def log(self, build: Any, name: str) -> str:
        """The text of a step's log."""
        [record] = [one for one in await self.records(build) if one["name"] == name]
        text = await self.ask("GET", f"builds/{build['id']}/logs/{record['log']['id']}")
        return text.decode() if isinstance(text, bytes) else str(text)


@pytest.fixture
async def yard(
    world: World,  # noqa: F811 - the fixture
    own_database: Database,
    tmp_path: Path,
) -> AsyncIterator[Yard]:
    outside = Outside(repositories=GitFolder(tmp_path / "copies", AllowedAddresses()))
    async with serving(own_database, tmp_path, outside) as server:
        yield Yard(server, world)


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository of one page."""
    place = repository(tmp_path_factory.mktemp("sources") / "shop")
    commit(place, "page.txt", "one")
    return place
