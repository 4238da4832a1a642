"""Changing the key: everything is sealed anew, and the older key can be forgotten."""

from pathlib import Path

import pytest

from quaymaster.actions.resources import connections, secure_files, variable_groups
from quaymaster.actions.resources.variable_groups import GroupContent
from quaymaster.domain.connection_saving import ConnectionContent
from quaymaster.domain.overrides import Override
from quaymaster.store import resealing
from quaymaster.store.releases import release_secrets
from quaymaster.store.storage import vault
from quaymaster.store.storage.vault import VaultError, open_vault
from tests import documents
from tests.actions.conftest import office
from tests.actions.office import Office

__all__ = ["office"]

SECRET = {"Password": documents.variable("hunter2", secret=True)}


async def filled(office: Office) -> int:
    """Something sealed in every table that a release goes through; the stage's id."""
    group = GroupContent("Shared", "", "Vsts", {"Key": Override("k3y", is_secret=True)})
    await variable_groups.create(await office.call("ann"), group)
    content = ConnectionContent("Site", "ssh", parameters={"username": "q", "password": "p4ss"})
    await connections.create(await office.call("ann"), content)
    await secure_files.add(await office.call("ann"), "site.pem", b"the bytes")
    definition = await office.define("ann", variables=SECRET)
    release = await office.release("dora", definition, is_draft=True)
    return (await office.seen("ann", release)).view.stages[0].id


def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secret.key"


async def test_every_sealed_column_is_known(office: Office):
    async with office.installation.database.read() as connection:
        rows = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE data_type = 'bytea' AND column_name IN ('secrets', 'sealed', 'secret_outputs')"
            " AND table_schema = current_schema()"
        )
    known = {(place.table, place.column) for place in resealing.COLUMNS}
    found = {(row["table_name"], row["column_name"]) for row in rows}
    assert found - {("repository_definitions", "secrets")} == known  # nothing writes that one


async def test_everything_opens_with_the_new_key_alone(office: Office, tmp_path: Path):
    stage = await filled(office)
    database = office.installation.database
    vault.add_key(key_file(tmp_path))
    rotated = open_vault(key_file(tmp_path))
    assert await resealing.reseal(database, rotated) >= 4
    assert await resealing.reseal(database, rotated) == 0
    assert vault.forget_older_keys(key_file(tmp_path)) == 1
    alone = open_vault(key_file(tmp_path))
    async with database.read() as connection:
        kept = await release_secrets.of_stage(connection, alone, stage)
        call = await office.call("ann")
        assert call.project_id
        opened = await connections.resolve(connection, alone, call.project_id, ["site"])
    assert kept.release == {"Password": "hunter2"}
    assert opened["site"].parameter("password") == "p4ss"


async def test_who_runs_already_reads_the_new_key_when_it_is_needed(office: Office, tmp_path: Path):
    stage = await filled(office)
    running = office.installation.vault
    vault.add_key(key_file(tmp_path))
    await resealing.reseal(office.installation.database, open_vault(key_file(tmp_path)))
    async with office.installation.database.read() as connection:
        kept = await release_secrets.of_stage(connection, running, stage)
    assert kept.release == {"Password": "hunter2"}


async def test_what_no_key_opens_stops_it_with_a_sentence(office: Office, tmp_path: Path):
    await filled(office)
    key_file(tmp_path).unlink()
    with pytest.raises(VaultError, match="not in the key file"):
        await resealing.reseal(office.installation.database, open_vault(key_file(tmp_path)))
