"""Service connections: seen by readers, used by editors, administered by their makers."""

from dataclasses import replace

import msgspec
import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import artifact_inputs, definitions
from quaymaster.actions.jobs import jobs
from quaymaster.actions.jobs.takers import Taker, new_token
from quaymaster.actions.people import people, projects
from quaymaster.actions.releases import artifact_versions
from quaymaster.actions.resources import connections, task_groups
from quaymaster.actions.resources.connections import DefinitionPlace
from quaymaster.actions.resources.task_groups import GroupContent
from quaymaster.domain.access import Permission
from quaymaster.domain.connection_saving import ConnectionContent
from quaymaster.domain.connections import ServiceConnection, connection_token
from quaymaster.domain.errors import Conflict, Forbidden, Invalid, NotFound
from quaymaster.plans import azure_artifacts
from quaymaster.plans.features import INVOKE_REST_API
from quaymaster.plans.job_message import Place
from quaymaster.protocol.job import SYSTEM_CONNECTION
from quaymaster.store.definitions.definitions import Definition
from quaymaster.store.releases import releases
from tests import documents
from tests.actions.office import Office

MONITOR = ConnectionContent(
    "Monitor",
    "Generic",
    "https://monitor.example/api",
    parameters={"username": "quay", "password": "hunter2!"},
)


async def make(office: Office, who: str = "dora", content: ConnectionContent = MONITOR) -> str:
    return (await connections.create(await office.call(who), content)).connection.id


async def opened(office: Office, word: str) -> ServiceConnection | None:
    call = await office.call("ann")
    assert call.project_id
    async with call.database.read() as connection:
        found = await connections.resolve(connection, call.vault, call.project_id, [word])
    return found.get(word.casefold())


async def change(office: Office, number: str, who: str, **changes: object) -> None:
    content = replace(MONITOR, **changes)  # type: ignore[arg-type]
    await connections.update(await office.call(who), number, content)


async def test_its_secret_is_sealed_and_opened_only_for_its_use(office: Office):
    number = await make(office)
    [seen] = await connections.listed(await office.call("bob"))
    async with office.installation.database.read() as connection:
        dump = await connection.fetchval(
            "SELECT string_agg(c::text, '') FROM service_connections c"
        )
    found = await opened(office, "MONITOR")
    assert found == await opened(office, number)
    assert found
    assert (found.url, found.scheme) == ("https://monitor.example/api", "UsernamePassword")
    assert (found.parameter("Username"), found.parameter("PASSWORD")) == ("quay", "hunter2!")
    assert dict(seen.connection.secret_parameters) == {"password": ""}
    for told in (dump, repr(seen), repr(found), repr(MONITOR)):
        assert "hunter2" not in told


@pytest.mark.parametrize("sent", [None, "", "********", "missing"])
async def test_a_secret_that_is_not_sent_stays(office: Office, sent: str | None):
    number = await make(office)
    told = {} if sent == "missing" else {"Password": sent}
    await change(office, number, "dora", name="Watch", parameters={"username": "q", **told})
    found = await opened(office, "watch")
    assert found
    assert (found.parameter("username"), found.parameter("password")) == ("q", "hunter2!")


async def test_another_scheme_forgets_what_authenticated(office: Office):
    number = await make(office)
    await change(office, number, "dora", scheme="Token", parameters={"apitoken": "t0ken"})
    found = await opened(office, number)
    assert found
    assert found.parameter("password") == ""
    assert found.parameter("apitoken") == "t0ken"


@pytest.mark.parametrize("password", [None, "", "********", "missing"])
async def test_a_secret_does_not_go_to_another_address_unless_it_is_given_again(
    office: Office, password: str | None
):
    number = await make(office)
    told = {} if password == "missing" else {"password": password}
    parameters = {"username": "quay", **told}
    for url in (
        "https://evil.example/api",
        "http://monitor.example/api",
        "https://monitor.example:444/",
    ):
        with pytest.raises(Invalid, match=r"another address.*Give password again"):
            await change(office, number, "dora", url=url, parameters=parameters)
    kept = await opened(office, number)
    assert kept
    assert kept.url == "https://monitor.example/api"
    await change(office, number, "dora", url="https://monitor.example/v2", parameters=parameters)
    await change(office, number, "dora", url="https://new.example/", parameters={"password": "n3w"})
    moved = await opened(office, number)
    assert moved
    assert (moved.url, moved.parameter("password")) == ("https://new.example/", "n3w")


async def test_a_key_does_not_go_to_another_machine_either(office: Office):
    data = {"Host": "db1.example", "Port": "22", "PrivateKey": "-----BEGIN"}
    ssh = ConnectionContent("Box", "ssh", parameters={"username": "q"}, data=data)
    number = await make(office, content=ssh)
    elsewhere = replace(ssh, data={"Host": "evil.example", "Port": "22"})
    with pytest.raises(Invalid, match="Give PrivateKey again"):
        await connections.update(await office.call("dora"), number, elsewhere)
    await connections.update(
        await office.call("dora"), number, replace(ssh, data={**data, "PrivateKey": ""})
    )
    found = await opened(office, number)
    assert found
    assert found.datum("privatekey") == "-----BEGIN"


@pytest.mark.parametrize(
    ("name", "evil"),
    [
        ("environmentAuthorityUrl", "https://evil.example/"),
        ("server", "evil.example"),
        ("Directory", "https://evil.example/sign-in"),
    ],
)
async def test_a_secret_goes_to_no_other_address_that_a_datum_holds(
    office: Office, name: str, evil: str
):
    azure = ConnectionContent(
        "Azure",
        "azurerm",
        url="https://management.azure.com/",
        scheme="ServicePrincipal",
        parameters={"tenantid": "t", "serviceprincipalid": "p", "serviceprincipalkey": "k3y"},
        data={"subscriptionId": "s"},
    )
    number = await make(office, content=azure)
    masked = {**azure.parameters, "serviceprincipalkey": None}
    sent = replace(azure, parameters=masked, data={"subscriptionId": "s", name: evil})
    dora = await office.call("dora")
    with pytest.raises(Invalid, match="Give serviceprincipalkey again"):
        await connections.update(dora, number, sent)
    await connections.update(dora, number, replace(sent, data={"subscriptionId": "other"}))
    await connections.update(dora, number, replace(sent, parameters=azure.parameters))
    with pytest.raises(Invalid, match="Give serviceprincipalkey again"):
        await connections.update(dora, number, replace(sent, data={}))
    found = await opened(office, number)
    assert found
    assert (found.datum(name), found.parameter("serviceprincipalkey")) == (evil, "k3y")


async def test_an_address_with_a_port_that_is_none_is_refused(office: Office):
    with pytest.raises(Invalid, match="whole address"):
        await make(office, content=replace(MONITOR, url="https://monitor.example:99999/"))


async def test_who_added_it_administers_it_and_other_editors_only_use_it(office: Office):
    await office.hire("emma", "Contributors")
    number = await make(office, "dora")
    await change(office, number, "dora", description="ours")
    await change(office, number, "ann", description="the administrator's")
    with pytest.raises(Forbidden, match="administer release permissions"):
        await change(office, number, "emma")
    with pytest.raises(Forbidden):
        await connections.delete(await office.call("emma"), number)
    call = await office.call("emma")
    async with call.database.read() as connection:
        used = await connections.check_use(connection, call, [number, "nothing"])
    assert used == {number}


async def test_readers_can_neither_add_nor_use_one(office: Office):
    number = await make(office)
    with pytest.raises(Forbidden):
        await make(office, "bob", replace(MONITOR, name="Mine"))
    call = await office.call("bob")
    async with call.database.read() as connection:
        with pytest.raises(Forbidden, match="Monitor"):
            await connections.check_use(connection, call, [number])


async def test_using_one_can_be_denied_where_it_is(office: Office):
    number = await make(office)
    project = str((await office.call("ann")).project_id)
    await office.hire("emma", "Contributors")
    denied = Permission.EDIT_RELEASE_DEFINITION
    await office.grant("emma", connection_token(project, number), deny=denied)
    call = await office.call("emma")
    async with call.database.read() as connection:
        with pytest.raises(Forbidden, match="Monitor"):
            await connections.check_use(connection, call, ["monitor"])


async def test_a_connection_of_another_project_does_not_exist(office: Office):
    number = await make(office)
    database = office.installation.database
    await projects.create(database, "Other")
    await people.add_to_group(database, "Project Administrators", "ann", "Other")
    call = await office.call("ann", "Other")
    with pytest.raises(NotFound):
        await connections.get(call, number)
    with pytest.raises(NotFound):
        await connections.delete(call, number)
    assert await connections.listed(call) == []
    assert call.project_id
    async with call.database.read() as connection:
        found = await connections.resolve(connection, call.vault, call.project_id, [number])
    assert not found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "a\x07"}, "control"),
        ({"type": ""}, "needs a type"),
        ({"url": ""}, "whole address"),
        ({"url": "monitor"}, "whole address"),
        ({"url": "https://[oops"}, "whole address"),
        ({"url": "https://quay:hunter2!@monitor.example"}, "authorization"),
        ({"scheme": "Kerberos"}, "UsernamePassword"),
        ({"parameters": {"password": "\0"}}, "null"),
        ({"data": {"a": "b" * 70_000}}, "too long"),
        ({"data": {"": "b"}}, "name"),
    ],
)
async def test_what_cannot_be_a_connection_is_refused_and_stored_nowhere(
    office: Office, changes: dict[str, object], says: str
):
    with pytest.raises(Invalid, match=says) as refusal:
        await make(office, "dora", replace(MONITOR, **changes))  # type: ignore[arg-type]
    assert "hunter2" not in str(refusal.value)
    assert await office.rows("service_connections") == 0


async def test_names_and_ids_are_taken_once(office: Office):
    number = await make(office)
    with pytest.raises(Conflict, match="there already"):
        await make(office, "ann", replace(MONITOR, name="MONITOR"))
    with pytest.raises(Conflict, match="taken"):
        await make(office, "ann", replace(MONITOR, name="Second", id=number))


async def test_a_type_that_nobody_knows_here_is_kept_as_it_is_sent(office: Office):
    made = ConnectionContent(
        "Cloud",
        "SomeVendorsCloud",
        scheme="VendorScheme",
        parameters={"account": "a-1", "tenantId": "t-1"},
        data={"region": "eu", "clientSecret": "s3cret!"},
    )
    await make(office, "dora", made)
    found = await opened(office, "cloud")
    assert found
    assert found.scheme == "VendorScheme"
    assert (dict(found.parameters), dict(found.secret_parameters)) == (
        {"tenantId": "t-1"},
        {"account": "a-1"},
    )
    assert (dict(found.data), dict(found.secret_data)) == (
        {"region": "eu"},
        {"clientSecret": "s3cret!"},
    )


def asks(word: str) -> list[dict[str, object]]:
    inputs = {"serviceConnection": word, "method": "GET"}
    return [documents.task(INVOKE_REST_API, "1.*", "Ask", inputs)]


async def define(office: Office, who: str, word: str) -> Definition:
    return await office.define(who, tasks=asks(word), name=f"{who} uses {word}")


async def test_a_pipeline_names_only_what_its_author_may_use(office: Office):
    number = await make(office)
    project = str((await office.call("ann")).project_id)
    await office.hire("emma", "Contributors")
    made = await define(office, "dora", number)
    assert not any("connection" in warning for warning in made.plan.warnings)
    denied = Permission.EDIT_RELEASE_DEFINITION
    await office.grant("emma", connection_token(project, number), deny=denied)
    for word in (number, "Monitor"):
        with pytest.raises(Forbidden, match="Monitor"):
            await define(office, "emma", word)
    document = msgspec.json.decode(made.document)
    changed = {**document, "id": made.id, "revision": 1, "description": "about something else"}
    assert (await definitions.update(await office.call("emma"), changed)).revision == 2


async def test_a_pipeline_that_names_an_unknown_one_is_saved_with_a_warning(office: Office):
    made = await define(office, "dora", "Watch")
    [warning] = [each for each in made.plan.warnings if "Watch" in each]
    assert "serviceConnection" in warning
    assert "no service connection" in warning


async def test_a_name_that_comes_out_of_a_variable_counts_if_the_author_may_use_it(office: Office):
    """What is written as such was checked when the pipeline was saved."""
    number = await make(office)
    made = await define(office, "dora", "$(where)")
    call = await office.call("ann")
    assert call.project_id
    place = DefinitionPlace(made.id, call.project_id)

    async def found(*written: str) -> set[str]:
        async with call.database.read() as connection:
            known = await connections.resolve_for(
                connection, call.vault, place, ["Monitor"], written
            )
        return set(known)

    assert await found() == {"monitor"}
    denied = Permission.EDIT_RELEASE_DEFINITION
    await office.grant("dora", connection_token(str(call.project_id), number), deny=denied)
    assert await found() == set()
    assert await found("monitor") == {"monitor"}


def asking_group(word: str) -> GroupContent:
    """A task group whose one task names a connection."""
    named = {"id": INVOKE_REST_API, "versionSpec": "1.*", "definitionType": "task"}
    inputs = {"serviceConnection": word, "method": "GET"}
    step = {"displayName": "Ask", "enabled": True, "task": named, "inputs": inputs}
    return GroupContent({"name": "Ask", "inputs": [], "tasks": [step]})


async def told(office: Office, made: Definition) -> set[str]:
    """The connections that the job of a release made now finds."""
    release = await office.release("ann", made)
    call = Call(office.installation, None, None, (await office.call("ann")).now)
    async with call.database.read() as connection:
        found = await releases.load(connection, release)
    assert found
    assert found.stages[0].newest
    [job] = found.stages[0].newest.jobs
    taker = Taker("one", Place("/somewhere/1", "one-1", 5), new_token())
    taken = await jobs.claim(call, release, job.id, taker)
    assert taken
    return {one.name for one in taken.message.endpoints if one.id != SYSTEM_CONNECTION}


async def test_what_a_task_group_names_since_counts_if_the_author_may_use_it(office: Office):
    """Nobody was asked about it when the pipeline was saved."""
    number = await make(office)
    await office.hire("emma", "Contributors")
    project = str((await office.call("ann")).project_id)
    denied = Permission.EDIT_RELEASE_DEFINITION
    await office.grant("emma", connection_token(project, number), deny=denied)
    group = (await task_groups.create(await office.call("dora"), asking_group("Other"))).id
    step = documents.task(str(group), "1.*", "Ask", {}, definitionType="metaTask")
    hers, resaved = [
        await office.define("emma", tasks=[step], name=name) for name in ("Hers", "Resaved")
    ]
    others = await office.define("dora", tasks=[step], name="Others")
    await task_groups.update(await office.call("dora"), group, asking_group("Monitor"))
    assert await told(office, hers) == set()
    assert await told(office, others) == {"Monitor"}
    document = {**msgspec.json.decode(resaved.document), "id": resaved.id, "revision": 1}
    with pytest.raises(Forbidden, match="Monitor, which task Ask"):
        await definitions.update(await office.call("emma"), {**document, "description": "other"})
    await definitions.update(await office.call("dora"), document)
    again = {**document, "revision": 2, "description": "about something else"}
    await definitions.update(await office.call("emma"), again)
    assert await told(office, resaved) == {"Monitor"}  # which it named before her save


def from_source(
    repository: str = "https://git.example/site", connection: str = "Monitor"
) -> list[documents.Document]:
    return [documents.git_artifact("site", repository, connection=connection)]


async def emma_denied(office: Office) -> str:
    """Monitor, which Dora made and Emma may not use."""
    number = await make(office)
    await office.hire("emma", "Contributors")
    project = str((await office.call("ann")).project_id)
    denied = Permission.EDIT_RELEASE_DEFINITION
    await office.grant("emma", connection_token(project, number), deny=denied)
    return number


NOBODY = "http://127.0.0.1:9/site"  # answers there
NAMED_BY_ARTIFACT = "Emma .*service connection Monitor, which artifact site names"


async def test_an_artifact_names_only_what_the_author_of_its_pipeline_may_use(office: Office):
    number = await emma_denied(office)
    for word in (number, "monitor"):
        with pytest.raises(Forbidden, match=NAMED_BY_ARTIFACT):
            await office.define("emma", artifacts=from_source(connection=word))
    made = await office.define("dora", artifacts=from_source())
    document = {**msgspec.json.decode(made.document), "id": made.id}
    emma = await office.call("emma")
    changed = await definitions.update(emma, {**document, "revision": 1, "description": "ours"})
    assert changed.revision == 2
    elsewhere = {"artifacts": from_source("https://emma.example/site"), "revision": 2}
    with pytest.raises(Forbidden, match=NAMED_BY_ARTIFACT):  # what signs in would go there
        await definitions.update(emma, {**document, **elsewhere})
    without = {**document, "artifacts": from_source(connection=""), "revision": 2}
    await definitions.update(emma, without)
    with pytest.raises(Forbidden, match=NAMED_BY_ARTIFACT):
        await definitions.update(emma, {**document, "revision": 3})


async def test_a_source_is_not_asked_through_what_the_asker_may_not_use(office: Office):
    await emma_denied(office)
    listed = azure_artifacts.listed_in(from_source(NOBODY))
    current = {"definition": NOBODY, "connection": "Monitor"}
    emma = await office.call("emma")
    with pytest.raises(Forbidden, match=NAMED_BY_ARTIFACT):
        await artifact_versions.of_sources(emma, listed)
    with pytest.raises(Forbidden, match="Monitor, which artifact source names"):
        await artifact_inputs.offered(emma, "Git", current, ["branches"])
    dora = await office.call("dora")
    [asked] = await artifact_versions.of_sources(dora, listed)
    [offered] = await artifact_inputs.offered(dora, "Git", current, ["branches"])
    assert "127.0.0.1" in asked.problem
    assert "127.0.0.1" in offered.problem
