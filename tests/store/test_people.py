"""People are found by what they are called, belong to groups of groups, and sign in by token."""

import hashlib
from datetime import timedelta

import pytest

from quaymaster.domain.access import Grant, Permission
from quaymaster.domain.errors import Conflict, NotFound
from quaymaster.store.people import people, projects
from quaymaster.store.postgres.database import Connection, Database
from tests import make
from tests.store import build


@pytest.fixture
async def connection(database: Database) -> Connection:
    async with database.transaction() as connection:
        yield connection


async def person(connection: Connection, name: str, **changes: str) -> str:
    organization = await projects.organization(connection, "default")
    told = {"unique_name": f"{name}@x.org", "display_name": name.title(), "email": f"{name}@x.org"}
    return await people.create_user(connection, organization.id, *{**told, **changes}.values())


async def group(connection: Connection, name: str) -> str:
    found = await people.find(connection, f"[Default]\\{name}")
    return found.id


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@pytest.mark.parametrize("named", ["ann@x.org", "ANN@X.ORG", "Ann", "aNN"])
async def test_somebody_is_found_by_any_of_their_names(connection, named):
    ann = await person(connection, "ann")
    await person(connection, "bob")
    assert (await people.find(connection, named)).id == ann


async def test_an_id_finds_its_owner(connection):
    ann = await person(connection, "ann")
    assert (await people.find(connection, ann)).display_name == "Ann"
    assert (await people.get(connection, ann)).unique_name == "ann@x.org"
    assert set(await people.get_many(connection, [ann, "nobody"])) == {ann}


async def test_a_display_name_of_several_people_means_nobody(connection):
    await person(connection, "ann")
    await person(connection, "ann2", display_name="Ann")
    assert await people.find(connection, "ann") is None
    assert await people.find(connection, "ann@x.org") is not None


async def test_nobody_is_found_by_a_pattern(connection):
    await person(connection, "ann")
    for named in ("%", "a_n", "", "ann@x.org%"):
        assert await people.find(connection, named) is None


async def test_a_unique_name_is_given_once_in_any_case(connection):
    await person(connection, "ann")
    with pytest.raises(Conflict, match="ANN@x"):
        await person(connection, "ann", unique_name="ANN@x.org")


async def test_membership_goes_through_groups(connection):
    ann, readers = await person(connection, "ann"), await group(connection, "Readers")
    contributors = await group(connection, "Contributors")
    await people.add_member(connection, readers, contributors)
    await people.add_member(connection, contributors, ann)
    await people.add_member(connection, contributors, ann)  # again does nothing
    assert await people.groups_of(connection, ann) == {readers, contributors}
    assert await people.members_of(connection, readers) == {contributors, ann}
    await people.remove_member(connection, readers, contributors)
    assert await people.groups_of(connection, ann) == {contributors}


async def test_a_group_cannot_be_in_itself_by_any_way(connection):
    readers, contributors = (
        await group(connection, "Readers"),
        await group(connection, "Contributors"),
    )
    await people.add_member(connection, readers, contributors)
    for above, below in ((readers, readers), (contributors, readers)):
        with pytest.raises(Conflict, match="itself"):
            await people.add_member(connection, above, below)


async def test_groups_have_the_default_grants(connection):
    project = await build.project_id(connection)
    readers = await group(connection, "Readers")
    view = Permission.VIEW_RELEASES | Permission.VIEW_RELEASE_DEFINITION
    assert await people.grants_of(connection, [readers]) == (Grant(str(project), view),)


async def test_a_grant_replaces_what_was_there(connection):
    ann = await person(connection, "ann")
    for allow in (Permission.VIEW_RELEASES, Permission.CREATE_RELEASES):
        await people.grant(connection, ann, Grant("p/1", allow, Permission.DELETE_RELEASES))
    assert await people.grants_of(connection, [ann]) == (
        Grant("p/1", Permission.CREATE_RELEASES, Permission.DELETE_RELEASES),
    )


# ---- tokens ---------------------------------------------------------------------------------


async def add_token(connection: Connection, owner: str, **changes: object) -> int:
    told = {"name": "laptop", "sha256": digest("t"), "scopes": ["release"], "expires_at": None}
    return await people.add_token(connection, owner, **{**told, **changes})


async def test_a_token_tells_whose_it_is(connection):
    ann = await person(connection, "ann")
    await add_token(connection, ann, expires_at=make.NOW)
    verified = await people.verify_token(connection, digest("t"), make.NOW - timedelta(seconds=1))
    assert (verified.identity.id, verified.scopes) == (ann, {"release"})


async def test_tokens_that_are_not_valid(connection):
    ann = await person(connection, "ann")
    token = await add_token(connection, ann, expires_at=make.NOW)
    earlier = make.NOW - timedelta(seconds=1)
    assert await people.verify_token(connection, digest("unknown"), earlier) is None
    assert await people.verify_token(connection, digest("t"), make.NOW) is None  # expired
    await people.set_active(connection, ann, active=False)
    assert await people.verify_token(connection, digest("t"), earlier) is None
    await people.set_active(connection, ann, active=True)
    await people.revoke_token(connection, token, earlier)
    assert await people.verify_token(connection, digest("t"), earlier) is None


async def test_the_use_of_a_token_is_written_seldom(database: Database):
    apart = timedelta(minutes=5)
    async with database.transaction() as connection:
        await add_token(connection, await person(connection, "ann"))

    async def noted(connection: Connection) -> str:
        """The transaction that wrote the row last: every write shows."""
        await people.note_uses(connection, [digest("t"), digest("unknown")], apart)
        return await connection.fetchval("SELECT xmin::text FROM tokens WHERE name = 'laptop'")

    async with database.read() as connection:
        first = await noted(connection)
        assert await connection.fetchval(
            "SELECT last_used_at > now() - interval '1 hour' FROM tokens WHERE name = 'laptop'"
        )
        assert await noted(connection) == first
        await connection.execute("UPDATE tokens SET last_used_at = now() - interval '6 minutes'")
        before = await connection.fetchval("SELECT xmin::text FROM tokens WHERE name = 'laptop'")
        async with database.transaction() as other:
            await other.execute("SELECT FROM tokens FOR UPDATE")
            assert await noted(connection) == before, "somebody else is at it: nobody waits"
        assert await noted(connection) not in (first, before)


async def test_a_token_that_was_never_given_cannot_be_revoked(connection):
    with pytest.raises(NotFound):
        await people.revoke_token(connection, 404, make.NOW)


# ---- projects -------------------------------------------------------------------------------


async def test_a_new_project_has_groups_queues_and_permissions(connection):
    organization = await projects.organization(connection, "default")
    created = await projects.create(connection, organization.id, "Shop", "what we sell")
    shop = await projects.find(connection, organization.id, "SHOP")
    assert (shop.id, shop.description) == (created, "what we sell")
    assert await projects.find(connection, organization.id, str(created)) == shop
    assert await people.find(connection, "[shop]\\contributors") is not None
    queues = await connection.fetchval("SELECT count(*) FROM queues WHERE project_id = $1", created)
    assert queues == 1
    names = [project.name for project in await projects.listed(connection, organization.id)]
    assert names == ["Default", "Shop"]


async def test_a_project_name_is_given_once_in_any_case(connection):
    organization = await projects.organization(connection, "default")
    with pytest.raises(Conflict, match="DEFAULT"):
        await projects.create(connection, organization.id, "DEFAULT", "")
