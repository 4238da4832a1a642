"""Definitions: revisions that stay readable, names that are taken once, lists in every order."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from quaymaster.domain.errors import Conflict, NotFound
from quaymaster.store.definitions import definitions, lists
from quaymaster.store.definitions.definitions import Definition, DefinitionContent
from quaymaster.store.definitions.lists import DefinitionFilter, DefinitionOrder
from quaymaster.store.postgres.database import Connection, Database
from tests import make
from tests.store import build

BY = (make.CREATOR, make.NOW)


@pytest.fixture
async def connection(database: Database) -> Connection:
    async with database.transaction() as connection:
        yield connection


@pytest.fixture
async def project(connection: Connection) -> UUID:
    return await build.project_id(connection)


def content(name: str = "Web", path: str = "\\", **changes: object) -> DefinitionContent:
    base = DefinitionContent(name, path, f'{{"name": "{name}"}}', make.plan("Dev → Prod"))
    return replace(base, **changes)


async def created(connection: Connection, saved: DefinitionContent) -> Definition:
    project = await build.project_id(connection)
    definition_id = await definitions.draw_id(connection)
    ids = await definitions.draw_environment_ids(connection, len(saved.plan.stages))
    stages = tuple(
        replace(stage, definition_stage_id=number)
        for stage, number in zip(saved.plan.stages, ids, strict=True)
    )
    numbered = replace(saved, plan=replace(saved.plan, stages=stages))
    made = await definitions.create(connection, build.VAULT, definition_id, project, numbered, *BY)
    assert made == await definitions.get(connection, build.VAULT, project, definition_id)
    return made


async def test_a_definition_comes_back_as_saved(connection, project):
    saved = content(secrets={"variables/a": "1"}, tags=("Blue",), comment="first")
    found = await created(connection, saved)
    assert (found.name, found.revision, found.tags) == ("Web", 1, ("Blue",))
    assert found.secrets == {"variables/a": "1"}
    assert [stage.name for stage in found.plan.stages] == ["Dev", "Prod"]
    assert await definitions.environment_ids(connection, found.id) == {
        stage.definition_stage_id for stage in found.plan.stages
    }


async def test_it_exists_in_its_project_only(connection, project):
    found = await created(connection, content())
    assert await definitions.get(connection, build.VAULT, uuid4(), found.id) is None
    assert await definitions.get(connection, build.VAULT, None, found.id) == found


async def test_every_revision_stays_readable(connection, project):
    first = await created(connection, content())
    changed = replace(content("Web 2"), plan=first.plan, comment="renamed", api_version="7.1")
    await definitions.update(connection, build.VAULT, first, changed, "bob", make.NOW)
    await definitions.set_deleted(
        connection, first.id, deleted=True, comment="gone", by="bob", at=make.NOW
    )
    listed = await definitions.revisions(connection, first.id)
    assert [(r.revision, r.change_type, r.comment) for r in listed] == [
        (1, "add", ""),
        (2, "update", "renamed"),
        (3, "delete", "gone"),
    ]
    assert await definitions.document_at(connection, first.id, 1) == '{"name": "Web"}'
    assert await definitions.document_at(connection, first.id, 2) == '{"name": "Web 2"}'
    with pytest.raises(NotFound):
        await definitions.document_at(connection, first.id, 4)


async def test_a_name_is_taken_once_in_its_folder_in_any_case(connection, project):
    await created(connection, content())
    await created(connection, content(path="\\A"))
    with pytest.raises(Conflict, match="'WEB' already exists"):
        await created(connection, content("WEB"))


async def test_a_deleted_definition_gives_its_name_free(database):
    async with database.transaction() as connection:
        first = await created(connection, content())
        told = {"comment": "", "by": None, "at": make.NOW}
        await definitions.set_deleted(connection, first.id, deleted=True, **told)
        await created(connection, content())
    with pytest.raises(Conflict, match="taken its place"):
        async with database.transaction() as connection:
            await definitions.set_deleted(connection, first.id, deleted=False, **told)


# ---- lists ----------------------------------------------------------------------------------


@pytest.fixture
async def three(connection: Connection) -> dict[int, str]:
    plan = make.plan("Dev")
    made = [
        await created(connection, content("beta", "\\A\\B", plan=plan, tags=("Blue", "x"))),
        await created(connection, content("Alpha_1", "\\a", plan=plan, tags=("blue",))),
        await created(connection, content("gamma", plan=plan, is_disabled=True)),
    ]
    return {definition.id: definition.name for definition in made}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["beta", "Alpha_1", "gamma"]),
        ({"search": "A"}, ["beta", "Alpha_1", "gamma"]),
        ({"search": "alpha"}, ["Alpha_1"]),
        ({"search": "a_1"}, ["Alpha_1"]),
        ({"search": "_"}, ["Alpha_1"]),
        ({"search": "%"}, []),
        ({"search": "g*a"}, ["gamma"]),
        ({"search": "?eta"}, ["beta"]),
        ({"search": "eta*"}, []),
        ({"search": "BETA", "exact": True}, ["beta"]),
        ({"search": "bet", "exact": True}, []),
        ({"path": "\\"}, ["beta", "Alpha_1", "gamma"]),
        ({"path": "\\A"}, ["beta", "Alpha_1"]),
        ({"path": "\\a\\b"}, ["beta"]),
        ({"tags": ("BLUE",)}, ["beta", "Alpha_1"]),
        ({"tags": ("blue", "x")}, ["beta"]),
        ({"ids": ()}, []),
        ({"is_deleted": True}, []),
        ({"projects": ()}, []),
        ({"order": DefinitionOrder.NAME_ASCENDING}, ["Alpha_1", "beta", "gamma"]),
        ({"order": DefinitionOrder.NAME_DESCENDING}, ["gamma", "beta", "Alpha_1"]),
        ({"order": DefinitionOrder.ID_DESCENDING}, ["gamma", "Alpha_1", "beta"]),
    ],
)
async def test_definitions_are_filtered_and_ordered(connection, project, three, changes, expected):
    wanted = replace(DefinitionFilter(projects=(project,)), **changes)
    page = await lists.page(connection, wanted)
    assert [row.name for row in page.rows] == expected


@pytest.mark.parametrize("order", list(DefinitionOrder))
async def test_pages_together_are_the_whole_list(connection, project, three, order):
    wanted = DefinitionFilter((project,), order=order, most=1)
    seen: list[str] = []
    while True:
        page = await lists.page(connection, wanted)
        seen += [row.name for row in page.rows]
        if page.next is None:
            break
        wanted = replace(wanted, start=page.next)
    whole = await lists.page(connection, DefinitionFilter((project,), order=order))
    assert seen == [row.name for row in whole.rows]
    assert sorted(seen) == sorted(three.values())


async def test_documents_come_only_when_asked_for(connection, project, three):
    wanted = DefinitionFilter((project,), search="beta")
    [shallow] = (await lists.page(connection, wanted)).rows
    [full] = (await lists.page(connection, wanted, with_documents=True)).rows
    assert (shallow.document, full.document) == (None, '{"name": "beta"}')
