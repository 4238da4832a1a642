"""A project whose environment is deployed to by a workflow at a small server of its kind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.deployments.workflows import runs
from quaymaster.actions.ports.outside import Outside, WebClient
from quaymaster.connectors.workflows.services import services
from quaymaster.domain.connections import ConnectionId, ServiceConnection
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.store.candidates import workflow_runs as rows
from quaymaster.store.candidates.workflow_runs import WorkflowRun
from quaymaster.store.postgres.database import Database
from quaymaster.store.resources import connections
from tests.apis.aviator.server import Aviator, serving
from tests.connectors.far_workflows import SECRET, FarService
from tests.sources.counterparts import serving as far

LOOPBACK = AllowedAddresses.of(("127.0.0.0/8",))


@dataclass
class Scene:
    """`far` is the service, `url` where it is."""

    aviator: Aviator
    far: FarService
    url: str

    @property
    def method(self) -> dict[str, Any]:
        target = self.far.target or f"{self.url}/hook"
        return {"type": self.far.kind, "workflow": target, "connection": "Far"}

    async def deployed(self, version: str = "1.0-rc1") -> None:
        """A candidate is cut and asked to be deployed."""
        assert (await self.aviator.cut(version)).status_code == 201
        answer = await self.aviator.deploy(version)
        assert answer.status_code == 201, answer.text

    async def run(self) -> WorkflowRun:
        """The newest run, as it is kept."""
        async with self.aviator.database.read() as connection:
            number = await connection.fetchval("SELECT max(id) FROM workflow_runs")
            found = await rows.get(connection, number)
        assert found is not None
        return found

    async def look(self, *, later: timedelta = timedelta(0)) -> None:
        """What a worker does when the run is due."""
        run = await self.run()
        times = [at for at in (run.due_at, run.claimed_until) if at]
        now = max([*times, datetime.now(UTC)]) + later
        await runs.look(Call(self.aviator.azure.installation, now=now), run.id)

    async def look_now(self) -> bool:
        """What a worker does that is woken now: whether it was due, and nobody else at it."""
        call = Call(self.aviator.azure.installation, now=datetime.now(UTC))
        return await runs.look(call, (await self.run()).id)

    async def with_hook_token(self, token: str) -> None:
        """Another connection, which knows the token that news of builds come with."""
        await connect(self, "Hooked", webhookToken=token)
        body = {"deployment_method": {**self.method, "connection": "Hooked"}}
        assert (await self.aviator.here("PATCH", "", json=body)).status_code == 200

    async def status(self) -> str:
        """That of the newest deployment."""
        found: str = (await self.aviator.listed())[0]["status"]
        return found

    async def error(self) -> str:
        found: str = (await self.aviator.listed())[0]["error_message"]
        return found

    def speaking_through(self, client: WebClient) -> "Scene":
        """The same product with another way out."""
        server = self.aviator.azure
        outside = Outside(workflows=services(client))
        installation = replace(server.installation, outside=outside)
        return Scene(
            replace(self.aviator, azure=replace(server, installation=installation)),
            self.far,
            self.url,
        )


@asynccontextmanager
async def staged(
    database: Database, folder: Path, service: FarService, seconds: float = 20
) -> AsyncIterator[Scene]:
    client = GuardedClient(LOOPBACK, seconds=seconds)
    outside = Outside(workflows=services(client), web=client)
    with far.serving(service.serve) as url:
        async with serving(database, folder, outside=outside) as aviator:
            scene = Scene(aviator, service, url)
            await aviator.made()
            await connect(scene)
            body = {"deployment_method": scene.method}
            answer = await aviator.here("PATCH", "", json=body)
            assert answer.status_code == 200, answer.text
            yield scene


async def connect(scene: Scene, name: str = "Far", **data: str) -> None:
    """A service connection to the service, with what signs in there."""
    made = ServiceConnection(
        ConnectionId(str(uuid4())),
        name,
        scene.far.connection_type,
        scene.url,
        scheme="Token",
        secret_parameters={scene.far.secret_key: SECRET},
        secret_data=data,
    )
    vault = scene.aviator.azure.installation.vault
    async with scene.aviator.database.transaction() as connection:
        project = await connection.fetchval("SELECT id FROM projects WHERE name = 'Default'")
        await connections.create(connection, vault, project, made, None, datetime.now(UTC))


@pytest.fixture
def service(request: pytest.FixtureRequest) -> FarService:
    """Made of the kind that the test is run for."""
    made: FarService = request.param()
    return made


@pytest.fixture
async def scene(database: Any, tmp_path: Path, service: FarService) -> AsyncIterator[Scene]:
    async with staged(database, tmp_path, service) as found:
        yield found
