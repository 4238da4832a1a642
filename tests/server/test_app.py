"""The app itself: what it says of its health, and what it lets in."""

from pathlib import Path

import asyncpg
from litestar import Request, post
from litestar.testing import AsyncTestClient

from quaymaster import settings
from quaymaster.server.app import create
from quaymaster.server.postgres.launcher import running
from quaymaster.settings import Settings
from quaymaster.store import migrate
from tests.databases import in_database


def at(home: Path, **environment: str) -> Settings:
    return settings.read({"QUAYMASTER_HOME": str(home), **environment})


async def test_ready_when_the_database_answers(fresh_database_url, tmp_path):
    async with AsyncTestClient(create(at(tmp_path), fresh_database_url)) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_not_ready_while_the_schema_is_old(database_url, tmp_path):
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE DATABASE not_migrated")
    dsn = in_database(database_url, "not_migrated")
    async with AsyncTestClient(create(at(tmp_path), dsn)) as client:
        answer = await client.get("/health/ready")
    await connection.execute("DROP DATABASE not_migrated WITH (FORCE)")
    await connection.close()
    (missing,) = answer.json()["missing"]
    assert answer.status_code == 503
    assert missing["what"] == "schema"
    assert migrate.HEAD in missing["why"]


async def test_not_ready_but_alive_while_the_database_is_away_and_ready_when_it_is_back(
    reachable_folder, tmp_path
):
    home = reachable_folder / "comes-and-goes"
    async with running(home) as server:
        await migrate.upgrade(server.dsn)
        client = AsyncTestClient(create(at(tmp_path), server.dsn))
        await client.__aenter__()
        assert (await client.get("/health/ready")).status_code == 200
    away = await client.get("/health/ready")
    assert away.status_code == 503
    assert away.json()["missing"][0]["what"] == "database"
    assert away.headers["Retry-After"] == "1"
    assert (await client.get("/health/live")).status_code == 200
    async with running(home):
        assert (await client.get("/health/ready")).status_code == 200
        await client.__aexit__(None, None, None)


async def test_a_body_over_the_limit_is_refused_unread(fresh_database_url, tmp_path):
    @post("/swallow")
    async def swallow(request: Request) -> int:
        return len(await request.body())

    app = create(at(tmp_path, QUAYMASTER_MAX_BODY_BYTES="2048"), fresh_database_url)
    app.register(swallow)
    async with AsyncTestClient(app) as client:
        assert (await client.post("/swallow", content=b"x" * 2048)).status_code == 201
        assert (await client.post("/swallow", content=b"x" * 2049)).status_code == 413


async def test_a_request_while_the_database_is_away_is_told_to_come_back(
    reachable_folder, tmp_path
):
    home = reachable_folder / "away"
    async with running(home) as server:
        await migrate.upgrade(server.dsn)
        app = create(at(tmp_path), server.dsn)

        @post("/ask")
        async def ask() -> int:
            async with app.state.installation.database.read() as connection:
                return await connection.fetchval("SELECT 1")

        app.register(ask)
        client = AsyncTestClient(app)
        await client.__aenter__()
    answer = await client.post("/ask")
    await client.__aexit__(None, None, None)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert "Nothing was changed" in answer.json()["message"]
