"""The Azure dialect over a real database, asked as a client asks: by HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from litestar.types import Receive, Scope, Send

from quaymaster.actions.call import Installation
from quaymaster.actions.people import people
from quaymaster.actions.ports.outside import Outside
from quaymaster.apis.azure import router
from quaymaster.store.postgres.database import Database
from quaymaster.store.storage.object_storage import ObjectStorage
from quaymaster.store.storage.vault import open_vault

BASE = "http://quay.example"
MAX_BODY = 256 * 1024


async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    """What stands behind the edge: answers 299, which nothing else does."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"elsewhere", "more_body": False})


@dataclass(frozen=True, slots=True)
class Server:
    """A running dialect; `token` is the administrator's."""

    installation: Installation
    client: httpx.AsyncClient
    token: str

    @property
    def database(self) -> Database:
        return self.installation.database

    async def ask(
        self, method: str, path: str, *, token: str | None = None, **more: Any
    ) -> httpx.Response:
        """One request as the administrator, or with another token ("" for none)."""
        headers = dict(more.pop("headers", {}))
        held = self.token if token is None else token
        if held:
            headers.setdefault("Authorization", f"Bearer {held}")
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.ask("GET", path, **more)

    async def project(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request to the release area of the project Default."""
        return await self.ask(method, f"/default/Default/_apis/release/{path}", **more)

    async def made(self, path: str, body: Any) -> Any:
        """What a POST that must succeed answers."""
        answer = await self.project("POST", path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def seen(self, path: str, **more: Any) -> Any:
        """What a GET that must succeed answers."""
        answer = await self.project("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def me(self, token: str | None = None) -> str:
        """The id of whoever holds the token."""
        body = (await self.get("/default/_apis/connectionData", token=token)).json()
        found: str = body["authenticatedUser"]["id"]
        return found

    async def user(self, name: str, *scopes: str, groups: tuple[str, ...] = ()) -> str:
        """Add a person to groups of the project Default; the text of a token of theirs."""
        await people.create_user(self.database, name, name.capitalize())
        for group in groups:
            await people.add_to_group(self.database, group, name, "Default")
        return await self.token_of(name, *scopes)

    async def token_of(self, name: str, *scopes: str) -> str:
        made = await people.create_token(
            self.database, name, "test", scopes or ("vso.full",), now=datetime.now(UTC)
        )
        return made.text


@asynccontextmanager
async def serving(
    database: Database, folder: Path, outside: Outside | None = None, max_body: int = MAX_BODY
) -> AsyncIterator[Server]:
    """The dialect with an administrator, on this database."""
    installation = Installation(
        database=database,
        vault=open_vault(folder / "secret.key"),
        files=ObjectStorage.at((folder / "storage").as_uri()),
        outside=outside or Outside(),
    )
    admin = await people.create_administrator(database, None)
    assert admin is not None
    app = router.edge(elsewhere, lambda: installation, max_body)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Server(installation, client, admin.text)
