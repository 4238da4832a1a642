"""The Aviator dialect, and the Azure one behind it, over a real database, asked by HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from quaymaster.apis.aviator import router as aviator
from quaymaster.apis.azure import router as azure
from quaymaster.store.postgres.database import Database
from tests.apis.azure.server import BASE, MAX_BODY, Server, elsewhere
from tests.apis.azure.server import serving as serving_azure

REPOSITORY = "acme/shop"
COMMIT = "a" * 40


@dataclass(frozen=True, slots=True)
class Aviator:
    """`azure` asks the other dialect of the same product."""

    azure: Server
    project: str = "shop"
    environment: str = "production"

    @property
    def database(self) -> Database:
        return self.azure.database

    async def ask(self, method: str, path: str = "", **more: Any) -> httpx.Response:
        """A request below `/api/releases`, as the administrator or with another token."""
        return await self.azure.ask(method, f"/api/releases{path}", **more)

    async def in_project(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.ask(method, f"/{quote(self.project, safe='')}{path}", **more)

    async def here(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request below the environment."""
        return await self.in_project(method, f"/environments/{self.environment}{path}", **more)

    async def made(self, repository: str = REPOSITORY, **settings: Any) -> "Aviator":
        """The project and its environment."""
        body = {"name": self.project, "repository": repository}
        answer = await self.ask("POST", json=body)
        assert answer.status_code == 201, answer.text
        await self.with_environment(self.environment, **settings)
        return self

    async def with_environment(self, name: str, **settings: Any) -> None:
        body = {"name": name, "tier": "production", **settings}
        answer = await self.in_project("POST", "/environments", json=body)
        assert answer.status_code == 201, answer.text

    async def cut(self, version: str, **more: Any) -> httpx.Response:
        body = {"repo": REPOSITORY, "commit": COMMIT, **more}
        return await self.in_project("POST", f"/releases/{quote(version, safe='')}", json=body)

    async def deploy(self, version: str) -> httpx.Response:
        return await self.here("POST", "/deployments", json={"release_candidate_version": version})

    async def report(self, version: str, status: str, **more: Any) -> httpx.Response:
        body = {"release_candidate_version": version, "status": status, **more}
        return await self.here("PATCH", "/deployments", json=body)

    async def roll_back(self, **body: Any) -> httpx.Response:
        return await self.here("POST", "/rollback", json=body)

    async def listed(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.here("GET", "/deployments", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def shown(self, *keys: str) -> list[tuple[str, ...]]:
        """These parts of the newest hundred deployments, the newest first."""
        wanted = keys or ("release_candidate_version", "status")
        return [tuple(one[key] for key in wanted) for one in await self.listed(per_page=100)]

    async def history(self, rows: list[tuple[str, str]]) -> None:
        """Deployments told of in this order, oldest first, cutting what has to be cut."""
        seen: set[str] = set()
        for version, status in rows:
            if version not in seen:
                assert (await self.cut(version)).status_code == 201
            else:
                assert (await self.deploy(version)).status_code == 201
            seen.add(version)
            assert (await self.report(version, status)).status_code == 200


@asynccontextmanager
async def serving(database: Database, folder: Path, **more: Any) -> AsyncIterator[Aviator]:
    """Both dialects with an administrator, on this database."""
    async with serving_azure(database, folder, **more) as server:
        inner = azure.edge(elsewhere, lambda: server.installation, MAX_BODY)
        app = aviator.edge(inner, lambda: server.installation, MAX_BODY)
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield Aviator(Server(server.installation, client, server.token))
