"""A secret value is nowhere in the database but inside a sealed map of its owner (I8)."""

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import NotFound
from quaymaster.store.definitions import definitions
from quaymaster.store.definitions.definitions import DefinitionContent
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import release_secrets, releases
from quaymaster.store.releases.records import NewStage
from quaymaster.store.storage.vault import VaultError
from tests import make
from tests.store import build

CANARY = "canary-4d1f"


async def tables_with(connection: Connection, text: str) -> list[str]:
    """The tables that hold this text in any column, as text or as bytes."""
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    )
    found = []
    for (name,) in tables:
        rows = await connection.fetch(f"SELECT t::text FROM {name} t")
        shown = "\n".join(row[0] for row in rows)
        if text in shown or text.encode().hex() in shown:
            found.append(name)
    return found


async def test_secrets_are_sealed_wherever_they_are_kept(database):
    async with database.transaction() as connection:
        project = await build.project_id(connection)
        definition_id = await definitions.draw_id(connection)
        content = DefinitionContent(
            "Web", "\\", '{"public": 1}', make.plan("Dev"), secrets={"variables/key": CANARY}
        )
        await definitions.create(
            connection, build.VAULT, definition_id, project, content, make.CREATOR, make.NOW
        )
        release = await build.release(
            connection,
            definition_id,
            secrets={"a": CANARY + "1"},
            stages={1: NewStage(secrets={"b": CANARY + "2"})},
        )
        after, _ = decide(release, c.Activated(make.CREATOR), make.NOW)
        release = await releases.save(connection, release, after)
        stage = release.stages[0]
        await release_secrets.keep_for_deployment(
            connection, build.VAULT, stage.newest.id, {"c": CANARY + "3"}
        )
        assert await tables_with(connection, CANARY) == []
        assert await tables_with(connection, "Release-1") == ["releases"]  # the search does find
        kept = await release_secrets.of_stage(connection, build.VAULT, stage.id)
        saved = await definitions.get(connection, build.VAULT, project, definition_id)
    assert kept.release == {"a": CANARY + "1"}
    assert kept.stage == {"b": CANARY + "2"}
    assert kept.deployment == {"c": CANARY + "3"}
    assert saved.secrets == {"variables/key": CANARY}
    assert CANARY not in repr((kept, saved, release, content))


async def test_a_sealed_map_moved_to_another_row_cannot_be_opened(database):
    async with database.transaction() as connection:
        definition_id = await build.definition(connection)
        told = {1: NewStage(secrets={"b": CANARY})}
        first = await build.release(connection, definition_id, stages=told)
        second = await build.release(connection, definition_id)
        await connection.execute(
            "UPDATE stages SET secrets = (SELECT secrets FROM stages WHERE id = $1) WHERE id = $2",
            first.stages[0].id,
            second.stages[0].id,
        )
        with pytest.raises(VaultError):
            await release_secrets.of_stage(connection, build.VAULT, second.stages[0].id)


async def test_secrets_are_replaced_as_a_whole(database):
    async with database.transaction() as connection:
        release = await build.release(connection, await build.definition(connection))
        stage = release.stages[0]
        for secrets in ({"a": "1", "b": "2"}, {"c": "3"}, {}):
            await release_secrets.keep_for_release(connection, build.VAULT, release.id, secrets)
            await release_secrets.keep_for_stage(connection, build.VAULT, stage.id, secrets)
            kept = await release_secrets.of_stage(connection, build.VAULT, stage.id)
            assert (kept.release, kept.stage, kept.deployment) == (secrets, secrets, {})
        assert await release_secrets.of_release(connection, build.VAULT, release.id) == {}


async def test_secrets_of_no_stage(database):
    async with database.read() as connection:
        with pytest.raises(NotFound):
            await release_secrets.of_stage(connection, build.VAULT, 404)
