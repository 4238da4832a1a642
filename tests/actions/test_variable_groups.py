"""Variable groups: kept by people who may, taken by releases as they were at that moment."""

import pytest

from quaymaster.actions.people import people, projects
from quaymaster.actions.resources import variable_groups
from quaymaster.actions.resources.variable_groups import GroupContent
from quaymaster.domain.errors import Conflict, Forbidden, Invalid, NotFound
from quaymaster.domain.overrides import Override
from quaymaster.store.releases import release_secrets
from tests import documents
from tests.actions.office import Office

VALUES = {"Region": Override("eu"), "Password": Override("hunter2", is_secret=True)}


async def make(office: Office, name: str = "Shared", **values: Override) -> int:
    content = GroupContent(name, "", "Vsts", values or VALUES)
    return (await variable_groups.create(await office.call("ann"), content)).group.id


async def change(office: Office, group: int, who: str = "ann", **values: Override) -> None:
    content = GroupContent("Shared", "", "Vsts", values)
    await variable_groups.update(await office.call(who), group, content)


async def test_a_release_takes_the_values_as_they_are_now(office: Office):
    group = await make(office)
    definition = await office.define("ann", variableGroups=[group])
    release = await office.release("dora", definition, is_draft=True)
    await change(office, group, Region=Override("us"))
    found = await office.seen("ann", release)
    assert found.view.head.variables == {"Region": "eu"}
    assert [one.name for one in found.groups[0]] == ["Shared"]


async def test_its_secrets_reach_the_job_and_nothing_else(office: Office):
    group = await make(office)
    definition = await office.define("ann", variableGroups=[group])
    release = await office.release("dora", definition, is_draft=True)
    found = await office.seen("ann", release)
    async with office.installation.database.read() as connection:
        kept = await release_secrets.of_stage(
            connection, office.installation.vault, found.view.stages[0].id
        )
        dump = await connection.fetchval("SELECT string_agg(g::text, '') FROM variable_groups g")
        dump += await connection.fetchval(
            "SELECT string_agg(g::text, '') FROM release_variable_groups g"
        )
    assert kept.release == {"Password": "hunter2"}
    assert "hunter2" not in dump
    assert "hunter2" not in repr(found)


async def test_a_group_of_a_stage_stands_between_release_and_stage(office: Office):
    group = await make(office, Region=Override("stage group"), Size=Override("stage group"))
    document = documents.outlined("Dev", variables={"Region": documents.variable("release")})
    [dev] = document["environments"]
    dev["variableGroups"] = [group]
    dev["variables"] = {"Size": documents.variable("stage")}
    definition = await office.define("ann", environments=[dev], variables=document["variables"])
    found = await office.seen("ann", await office.release("dora", definition, is_draft=True))
    assert found.view.stages[0].variables == {"Region": "stage group", "Size": "stage"}


async def test_a_linked_group_that_is_gone_stops_the_release(office: Office):
    group = await make(office)
    definition = await office.define("ann", variableGroups=[group])
    await variable_groups.delete(await office.call("ann"), group)
    with pytest.raises(Invalid, match=f"variable group {group}"):
        await office.release("dora", definition)
    assert await office.rows("releases") == 0


async def test_a_group_of_another_project_cannot_be_used_or_seen(office: Office):
    group = await make(office)
    database = office.installation.database
    await projects.create(database, "Other")
    await people.add_to_group(database, "Project Administrators", "ann", "Other")
    with pytest.raises(NotFound):
        await variable_groups.get(await office.call("ann", "Other"), group)


async def test_a_secret_sent_back_empty_stays(office: Office):
    group = await make(office)
    await change(office, group, password=Override(None, is_secret=True))
    found = await variable_groups.get(await office.call("ann"), group)
    assert found.group.secrets == {"password": "hunter2"}


async def test_who_may_not_edit_definitions_may_not_edit_groups(office: Office):
    group = await make(office)
    with pytest.raises(Forbidden):
        await change(office, group, "bob", Region=Override("us"))
    with pytest.raises(Forbidden):
        await variable_groups.delete(await office.call("bob"), group)


async def test_names_are_unique_and_usable(office: Office):
    await make(office)
    with pytest.raises(Conflict, match="there already"):
        await make(office, "SHARED")
    for name in ("", "a\x07b", "x" * 300):
        with pytest.raises(Invalid):
            await make(office, name)
    with pytest.raises(Invalid, match="same name"):
        await make(office, "Twice", a=Override("1"), A=Override("2"))


async def test_the_list_needs_no_secrets(office: Office):
    group = await make(office)
    async with office.installation.database.transaction() as connection:
        await connection.execute("UPDATE variable_groups SET secrets = 'x'::bytea")
    [found] = await variable_groups.listed(await office.call("bob"))
    assert (found.group.id, found.group.variables["Password"].is_secret) == (group, True)
