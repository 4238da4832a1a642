"""Signing in, and what ends it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.actions.people import people, projects
from quaymaster.domain.errors import Conflict, Invalid, NotFound, Refused
from quaymaster.store.people import people as rows
from tests.actions.office import Office
from tests.server.locks import waits_for


async def test_a_token_signs_its_owner_in(office: Office):
    call = await office.call("ann")
    assert call.caller
    assert call.caller.unique_name == "ann"


async def test_the_database_has_no_token(office: Office):
    async with office.installation.database.read() as connection:
        dump = await connection.fetchval("SELECT string_agg(t::text, '') FROM tokens t")
    assert not any(token in dump for token in office.tokens.values())


@pytest.mark.parametrize("token", ["", "wrong", "' OR 1=1 --", "x" * 10_000])
async def test_other_tokens_sign_nobody_in(office: Office, token: str):
    assert await people.sign_in(office.installation.database, token, datetime.now(UTC)) is None


async def test_an_expired_token_signs_nobody_in(office: Office):
    database, now = office.installation.database, datetime.now(UTC)
    made = await people.create_token(database, "ann", "short", lifetime=timedelta(hours=1), now=now)
    assert await people.sign_in(database, made.text, now)
    assert await people.sign_in(database, made.text, now + timedelta(hours=2)) is None


async def test_a_revoked_token_signs_nobody_in(office: Office):
    database, now = office.installation.database, datetime.now(UTC)
    made = await people.create_token(database, "ann", "spare", now=now)
    await people.revoke_token(database, made.id, now)
    [*_, listed] = await people.tokens_of(database, "ann")
    assert (listed.id, listed.name, listed.revoked_at) == (made.id, "spare", now)
    assert await people.sign_in(database, made.text, now) is None


async def test_somebody_shut_out_is_out(office: Office):
    database = office.installation.database
    await people.set_active(database, "bob", active=False)
    with pytest.raises(AssertionError, match="cannot sign in"):
        await office.call("bob")
    await people.set_active(database, "bob", active=True)
    assert (await office.call("bob")).by == office.ids["bob"]
    with pytest.raises(NotFound, match="is a group"):
        await people.set_active(database, "[Default]\\Readers", active=False)


ADMINISTRATORS = "Project Collection Administrators"


async def administrators(office: Office, *names: str) -> None:
    for name in names:
        await office.hire(name)
        await people.add_to_group(office.installation.database, ADMINISTRATORS, name)


async def test_the_last_administrator_cannot_be_shut_out(office: Office):
    database = office.installation.database
    await people.set_active(database, "bob", active=False)  # none was ever: nobody is lost
    await administrators(office, "kim", "lee")
    await people.set_active(database, "kim", active=False)
    with pytest.raises(Refused, match=f"group add '{ADMINISTRATORS}'"):
        await people.set_active(database, "lee", active=False)
    await office.call("lee")
    await people.set_active(database, "kim", active=True)
    await people.set_active(database, "lee", active=False)


async def test_the_last_administrator_stays_one_by_whatever_group(office: Office):
    database = office.installation.database
    await people.create_group(database, "Operators")
    await people.add_to_group(database, ADMINISTRATORS, "[default]\\Operators")
    await office.hire("kim")
    await people.add_to_group(database, "Operators", "kim")
    for group, member in (("Operators", "kim"), (ADMINISTRATORS, "[default]\\Operators")):
        with pytest.raises(Refused, match="Nobody who may sign in"):
            await people.remove_from_group(database, group, member)
    await administrators(office, "lee")
    await people.remove_from_group(database, "Operators", "kim")


async def test_two_administrators_are_not_shut_out_at_once(office: Office):
    database = office.installation.database
    await administrators(office, "kim", "lee")
    async with database.transaction() as connection:
        group = await rows.find(connection, f"[default]\\{ADMINISTRATORS}")
        assert group
        await rows.lock(connection, group.id)
        await rows.set_active(connection, office.ids["kim"], active=False)
        other = asyncio.create_task(people.set_active(database, "lee", active=False))
        await waits_for(connection, other)
    with pytest.raises(Refused):
        await other


async def test_who_left_a_group_has_its_rights_no_more(office: Office):
    database = office.installation.database
    await office.hire("eve", "Readers")
    call = await office.call("eve")
    assert call.caller
    assert call.project
    assert call.caller.sees(call.project.id)
    await people.remove_from_group(database, "Readers", "eve", "Default")
    left = (await office.call("eve")).caller
    assert left
    assert not left.sees(call.project.id)
    with pytest.raises(NotFound, match="no member"):
        await people.remove_from_group(database, "Readers", "eve", "Default")


async def test_rights_come_through_groups_of_groups(office: Office):
    await office.hire("eve")
    database = office.installation.database
    async with database.transaction() as connection:
        home = await people.default_organization(connection)
        team = await rows.create_user(connection, home.id, "team", "Team", "")
        inner = await rows.find(connection, "[Default]\\Readers")
        assert inner
        await rows.add_member(connection, inner.id, team)
        await rows.add_member(connection, team, office.ids["eve"])
    call = await office.call("eve")
    assert call.project, "eve does not see the project"


async def test_a_group_cannot_contain_itself(office: Office):
    async with office.installation.database.transaction() as connection:
        readers = await rows.find(connection, "[Default]\\Readers")
        assert readers
        with pytest.raises(Conflict):
            await rows.add_member(connection, readers.id, readers.id)


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "tab\there", "x" * 257])
async def test_unusable_names_are_refused(office: Office, name: str):
    with pytest.raises(Invalid):
        await people.create_user(office.installation.database, name)
    with pytest.raises(Invalid):
        await projects.create(office.installation.database, name)


async def test_a_token_for_nobody_is_refused(office: Office):
    with pytest.raises(NotFound, match="Nobody is known as 'zoe'"):
        await people.create_token(office.installation.database, "zoe", "x", now=datetime.now(UTC))


async def test_who_has_no_rights_in_a_project_does_not_see_it(office: Office):
    await office.hire("eve")
    call = await office.call("eve")
    assert call.project is None
    assert call.caller
    assert await projects.listed(call.database, call.caller, "default") == []


@pytest.mark.parametrize(
    "name", ["a/b", "50%", "what?", "_apis", ".hidden", "end.", " edge", "x;y"]
)
async def test_a_project_is_not_called_what_an_address_would_misread(office: Office, name: str):
    with pytest.raises(Invalid, match="part of every address"):
        await projects.create(office.installation.database, name)


async def test_a_project_may_be_called_in_any_language(office: Office):
    database = office.installation.database
    for name in ("Zürich Hafen", "港口", "a_b.c (new)"):
        assert await projects.create(database, name)
