"""Entries of light lists: kept as long as they are true, never longer."""

from collections.abc import Awaitable, Callable

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.release import Release
from quaymaster.store.people import people, projects
from quaymaster.store.postgres.database import Connection, Database
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases import edits, light_releases, releases
from quaymaster.store.releases.light_releases import LightPage, ToRender
from quaymaster.store.releases.lists import ReleaseFilter
from tests import make
from tests.store import build

FORM = 7
Change = Callable[[Connection, Release], Awaitable[object]]


async def page(connection: Connection, form: int = FORM, **paging: int) -> LightPage:
    wanted = ReleaseFilter((await build.project_id(connection),))
    return await light_releases.page(connection, wanted, Paging(**paging), form)


async def render(connection: Connection, *ids: int) -> list[tuple[ToRender, str]]:
    lacking = await light_releases.to_render(connection, ids)
    return [(one, f"<{one.head.definition_name}:{one.head.name}>") for one in lacking]


async def kept(connection: Connection, *ids: int) -> None:
    await light_releases.keep(connection, FORM, await render(connection, *ids))


@pytest.fixture
async def made(database: Database) -> list[Release]:
    """Three releases of one definition, whose entries are kept."""
    async with database.transaction() as connection:
        web = await build.definition(connection)
        found = [await build.release(connection, web) for _ in range(3)]
        await kept(connection, *(release.id for release in found))
    return found


async def test_entries_are_joined_in_the_order_of_the_list(database: Database, made):
    async with database.read() as connection:
        found = await page(connection)
        assert found.entries == "<Web:Release-3>,<Web:Release-2>,<Web:Release-1>"
        assert (found.count, found.next, found.missing) == (3, None, ())
        assert [(path, number) for _, path, number in found.places] == [("\\", 1)]
        first = await page(connection, limit=2)
        assert first.entries == "<Web:Release-3>,<Web:Release-2>"
        assert (first.count, first.next) == (2, made[0].id)
        rest = await page(connection, limit=2, start=made[0].id)
        assert (rest.entries, rest.next) == ("<Web:Release-1>", None)


async def test_a_page_without_releases_is_empty(database: Database):
    async with database.read() as connection:
        assert await page(connection) == LightPage("", 0, None, (), ())


async def activated(connection: Connection, release: Release) -> None:
    after, _ = decide(release, c.Activated(make.CREATOR), make.NOW)
    await releases.save(connection, release, after)


async def tagged(connection: Connection, release: Release) -> None:
    await edits.add_tags(connection, release.id, ["blue"])


async def deleted_and_brought_back(connection: Connection, release: Release) -> None:
    for deleted in (True, False):
        await edits.set_deleted(connection, release.id, deleted=deleted, by=None, at=make.NOW)


async def definition_renamed(connection: Connection, _: Release) -> None:
    await connection.execute("UPDATE definitions SET name = 'Shop', name_key = 'shop'")


async def definition_moved(connection: Connection, _: Release) -> None:
    await connection.execute(r"UPDATE definitions SET path = '\A', path_key = '\a'")


async def project_renamed(connection: Connection, _: Release) -> None:
    await connection.execute("UPDATE projects SET name = 'Else', name_key = 'else'")


async def person_renamed(connection: Connection, _: Release) -> None:
    await connection.execute("UPDATE identities SET display_name = 'Somebody else'")


async def person_gone(connection: Connection, _: Release) -> None:
    organization = (await projects.organization(connection, "default")).id
    gone = await people.create_user(connection, organization, "zoe", "Zoe", "")
    await connection.execute("DELETE FROM identities WHERE id = $1", gone)


OF_ONE = (activated, tagged, deleted_and_brought_back)
OF_ALL = (definition_renamed, definition_moved, project_renamed, person_renamed, person_gone)


@pytest.mark.parametrize("change", OF_ONE)
async def test_a_change_of_a_release_forgets_its_entry_alone(
    database: Database, made, change: Change
):
    async with database.transaction() as connection:
        await change(connection, made[1])
        assert (await page(connection)).missing == (made[1].id,)


@pytest.mark.parametrize("change", OF_ALL)
async def test_a_change_of_a_name_makes_every_entry_old_until_it_is_rendered(
    database: Database, made, change: Change
):
    async with database.transaction() as connection:
        await change(connection, made[1])
        assert len((await page(connection)).missing) == 3
        await kept(connection, *(release.id for release in made))
        assert (await page(connection)).missing == ()


async def test_a_change_of_a_definition_that_no_list_shows_keeps_the_entries(
    database: Database, made
):
    async with database.transaction() as connection:
        await connection.execute("UPDATE definitions SET revision = revision + 1, comment = 'x'")
        assert (await page(connection)).missing == ()


async def test_another_form_reads_no_entry_of_this_one(database: Database, made):
    async with database.read() as connection:
        assert len((await page(connection, FORM + 1)).missing) == 3


async def test_an_entry_of_what_has_changed_since_is_not_kept(database: Database, made):
    async with database.transaction() as connection:
        await tagged(connection, made[0])
    async with database.read() as connection:
        rendered = await render(connection, made[0].id)
    async with database.transaction() as connection:
        await edits.add_tags(connection, made[0].id, ["green"])
    async with database.transaction() as connection:
        await light_releases.keep(connection, FORM, rendered)
        assert (await page(connection)).missing == (made[0].id,)


async def test_names_that_changed_since_make_an_entry_old_from_the_start(database: Database, made):
    async with database.transaction() as connection:
        await tagged(connection, made[0])
        rendered = await render(connection, made[0].id)
        await definition_renamed(connection, made[0])
        await light_releases.keep(connection, FORM, rendered)
        assert made[0].id in (await page(connection)).missing


async def test_a_release_that_is_being_changed_is_not_waited_for(database: Database, made):
    async with database.transaction() as connection:
        await tagged(connection, made[0])
    async with database.transaction() as changing, database.transaction() as reading:
        await releases.locked(changing, made[0].id)
        await kept(reading, made[0].id)
        assert (await page(reading)).missing == (made[0].id,)
