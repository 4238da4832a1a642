"""Two saves of one resource at a time: neither brings back what the other has replaced (I4)."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from quaymaster.actions.resources import connections, secure_files, variable_groups
from quaymaster.actions.resources.variable_groups import GroupContent
from quaymaster.domain.connection_saving import ConnectionContent
from quaymaster.domain.overrides import MASK, Override
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import connections as connection_rows
from quaymaster.store.resources import secure_files as file_rows
from quaymaster.store.resources import variable_groups as group_rows
from tests.actions.office import Office
from tests.server.locks import waits_for


@asynccontextmanager
async def saved_before(
    office: Office, later: Coroutine[Any, Any, Any]
) -> AsyncIterator[Connection]:
    """A transaction that saves while `later` begins, and is committed before that can go on."""
    async with office.installation.database.transaction() as connection:
        yield connection
        waiting = asyncio.create_task(later)
        await waits_for(connection, waiting)
    await waiting


async def test_a_renamed_variable_group_keeps_the_password_that_was_changed_meanwhile(
    office: Office,
):
    call = await office.call("ann")
    old = GroupContent("Shared", "", "Vsts", {"Password": Override("revoked", is_secret=True)})
    kept = await variable_groups.create(call, old)
    masked = GroupContent("Renamed", "", "Vsts", {"Password": Override(MASK, is_secret=True)})
    rename = variable_groups.update(await office.call("dora"), kept.group.id, masked)
    async with saved_before(office, rename) as connection:
        rotated = replace(kept.group, secrets={"Password": "rotated"})
        await group_rows.update(connection, call.vault, rotated, call.by, call.now)
    now = (await variable_groups.get(call, kept.group.id)).group
    assert (now.name, now.secrets) == ("Renamed", {"Password": "rotated"})


async def test_a_renamed_connection_keeps_the_password_that_was_changed_meanwhile(office: Office):
    call = await office.call("ann")
    content = ConnectionContent("Monitor", "Generic", "https://monitor.example")
    secret = replace(content, parameters={"username": "quay", "password": "revoked"})
    kept = await connections.create(call, secret)
    masked = replace(content, name="Renamed", parameters={"username": "quay", "password": MASK})
    rename = connections.update(await office.call("ann"), kept.connection.id, masked)
    async with saved_before(office, rename) as connection:
        opened = connection_rows.opened(call.vault, kept)
        rotated = replace(opened, secret_parameters={"password": "rotated"})
        await connection_rows.update(connection, call.vault, rotated, call.by, call.now)
    now = await connections.get(call, kept.connection.id)
    assert now.connection.name == "Renamed"
    assert connection_rows.opened(call.vault, now).parameter("password") == "rotated"


async def test_a_renamed_secure_file_keeps_the_properties_that_were_changed_meanwhile(
    office: Office,
):
    call = await office.call("ann")
    kept = await secure_files.add(call, "site.pem", b"key")
    rename = secure_files.change(await office.call("ann"), kept.id, "renamed.pem", None)
    async with saved_before(office, rename) as connection:
        changed = replace(kept, properties={"expires": "2027"})
        await file_rows.update(connection, changed, call.by, call.now)
    async with call.database.read() as connection:
        now = await file_rows.get(connection, UUID(kept.id))
    assert now
    assert (now.name, now.properties) == ("renamed.pem", {"expires": "2027"})
