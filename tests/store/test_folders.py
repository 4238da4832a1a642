"""Folders are found in any case, move with everything in them, and never swallow themselves."""

from importlib.resources import files
from uuid import UUID

import pytest

from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.store.definitions import folders
from quaymaster.store.postgres.database import Connection, Database
from tests import make
from tests.store import build


@pytest.fixture
async def project(database: Database) -> UUID:
    """The default project with the folders \\A, \\A\\B and \\Ab."""
    async with database.transaction() as connection:
        project = await build.project_id(connection)
        for path in ("A", "/A/B/", "\\Ab"):
            await folders.create(connection, project, path, "", make.CREATOR, make.NOW)
    return project


async def paths(connection: Connection, project: UUID, path: str = "\\") -> list[str]:
    return [folder.path for folder in await folders.listed(connection, project, path)]


async def put_definition(connection: Connection, name: str, path: str) -> int:
    definition_id = await build.definition(connection, name)
    await connection.execute(
        "UPDATE definitions SET path = $2, path_key = lower($2) WHERE id = $1", definition_id, path
    )
    return definition_id


async def test_a_folder_lists_itself_and_all_below_it(database, project):
    async with database.read() as connection:
        assert await paths(connection, project) == ["\\A", "\\A\\B", "\\Ab"]
        assert await paths(connection, project, "/a") == ["\\A", "\\A\\B"]


async def test_the_way_to_a_folder_is_made_once(database, project):
    async with database.transaction() as connection:
        for path in ("/a/b/New/Deep", "\\A\\b\\NEW", "\\"):
            await folders.make_way(connection, project, path, make.CREATOR, make.NOW)
        assert (await paths(connection, project, "a"))[2:] == ["\\a\\b\\New", "\\a\\b\\New\\Deep"]


async def test_folders_of_definitions_that_were_saved_before_are_made_by_the_migration(
    database, project
):
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM folders WHERE path = '\\A'")
        await put_definition(connection, "web", "\\Old\\Deep")
        await put_definition(connection, "api", "\\old")
        await put_definition(connection, "root", "\\")
        step = files("quaymaster.store.migrations") / "sql" / "0020_api_remainders.sql"
        await connection.execute(step.read_text("utf-8"))
        assert await paths(connection, project) == ["\\A", "\\A\\B", "\\Ab", "\\Old", "\\Old\\Deep"]


async def test_a_folder_exists_once_in_any_case(database, project):
    with pytest.raises(Conflict, match="already exists"):
        async with database.transaction() as connection:
            await folders.create(connection, project, "\\a\\b", "", None, make.NOW)


async def test_a_folder_moves_with_everything_in_it(database, project):
    async with database.transaction() as connection:
        inside = await put_definition(connection, "Web", "\\A\\B\\Deep")
        beside = await put_definition(connection, "Api", "\\Ab")
        await folders.move(connection, project, "\\a", "\\New\\Home")
        assert await paths(connection, project) == ["\\Ab", "\\New\\Home", "\\New\\Home\\B"]
        assert await folders.definitions_in(connection, project, "\\New") == [inside]
        assert await folders.definitions_in(connection, project, "\\ab") == [beside]
        path = await connection.fetchval("SELECT path FROM definitions WHERE id = $1", inside)
    assert path == "\\New\\Home\\B\\Deep"


async def test_letters_that_change_length_with_their_case_do_no_harm(database, project):
    async with database.transaction() as connection:
        await folders.create(connection, project, "\\Straße\\Ende", "", None, make.NOW)
        await folders.move(connection, project, "\\STRASSE", "\\Weg")
        assert await paths(connection, project, "\\weg") == ["\\Weg", "\\Weg\\Ende"]


@pytest.mark.parametrize(
    ("path", "to", "error"),
    [
        ("\\A", "\\a\\b\\c", Refused),
        ("\\", "\\X", Refused),
        ("\\A", "\\", Refused),
        ("\\Nowhere", "\\X", NotFound),
        ("\\A", "\\ab", Conflict),
    ],
)
async def test_moves_that_are_turned_down(database, project, path, to, error):
    with pytest.raises(error):
        async with database.transaction() as connection:
            await folders.move(connection, project, path, to)


async def test_a_folder_can_be_renamed_in_the_case_of_its_letters(database, project):
    async with database.transaction() as connection:
        await folders.move(connection, project, "\\Ab", "\\AB")
        assert await paths(connection, project, "\\ab") == ["\\AB"]


async def test_a_folder_is_described(database, project):
    async with database.transaction() as connection:
        told = await folders.describe(connection, project, "/a", "all web", "ann", make.NOW)
        assert (told.path, told.description, told.modified_by) == ("\\A", "all web", "ann")
        with pytest.raises(NotFound):
            await folders.describe(connection, project, "/x", "", None, make.NOW)


async def test_a_removed_folder_takes_those_below_along(database, project):
    async with database.transaction() as connection:
        await folders.remove(connection, project, "\\A")
        assert await paths(connection, project) == ["\\Ab"]


async def test_the_root_cannot_be_made(database, project):
    with pytest.raises(Refused):
        async with database.transaction() as connection:
            await folders.create(connection, project, "//", "", None, make.NOW)
