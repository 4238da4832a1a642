"""Saving definitions: revisions, secrets, and who may change which stage."""

import asyncio

import msgspec
import pytest

from quaymaster.actions.builds.definitions import folders
from quaymaster.actions.decisions.orchestrate import happen
from quaymaster.actions.definitions import definitions
from quaymaster.actions.deployments import stages
from quaymaster.actions.deployments.stages import StartRequest
from quaymaster.actions.releases import edits
from quaymaster.domain.access import Permission
from quaymaster.domain.changes import Activated, DeploymentRequested
from quaymaster.domain.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from quaymaster.domain.release import StageId
from quaymaster.domain.statuses import DeploymentReason
from quaymaster.store.definitions.definitions import Definition
from quaymaster.store.deployments import lists as deployment_lists
from quaymaster.store.deployments.lists import DeploymentFilter
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases import history, lists
from quaymaster.store.releases.lists import ReleaseFilter
from tests import documents
from tests.actions.office import Office
from tests.server.waiting import eventually

MANUAL = {"manual_stages": ("Dev",)}


def document_of(definition: Definition) -> dict:
    """What a client would send back after reading it."""
    document = msgspec.json.decode(definition.document)
    return {**document, "id": definition.id, "revision": definition.revision}


async def test_every_save_is_a_revision(office: Office):
    first = await office.define("ann", "Dev → QA")
    changed = {**document_of(first), "description": "second thoughts"}
    second = await definitions.update(await office.call("dora"), changed)
    assert (first.revision, second.revision) == (1, 2)
    listed = await definitions.revisions(await office.call("bob"), first.id)
    assert [(one.revision, one.change_type) for one in listed] == [(1, "add"), (2, "update")]
    old = msgspec.json.decode(await definitions.document_at(await office.call("bob"), first.id, 1))
    assert old == msgspec.json.decode(first.document)


async def test_saving_what_was_read_changes_nothing_but_the_revision(office: Office):
    first = await office.define("ann", "Dev → QA", variables={"a": documents.variable("1")})
    second = await definitions.update(await office.call("ann"), document_of(first))
    assert second.document == first.document
    assert second.plan == first.plan


async def test_an_old_copy_is_refused(office: Office):
    first = await office.define("ann")
    await definitions.update(await office.call("ann"), document_of(first))
    with pytest.raises(Conflict, match="old copy"):
        await definitions.update(await office.call("dora"), document_of(first))
    assert (await definitions.get(await office.call("bob"), first.id)).revision == 2


async def test_a_taken_name_is_refused_in_any_case(office: Office):
    await office.define("ann", name="Shop")
    with pytest.raises(Conflict, match="already exists"):
        await office.define("ann", name="SHOP")
    await office.define("ann", name="SHOP", path="\\Elsewhere")


async def test_every_problem_is_named_at_its_path(office: Office):
    broken = documents.outlined("Dev → QA")
    broken["environments"][1]["conditions"][0]["name"] = "Nowhere"
    broken["environments"][0]["name"] = ""
    with pytest.raises(Invalid) as refused:
        await definitions.create(await office.call("ann"), broken)
    told = " ".join(refused.value.problems)
    assert "$.environments[0]" in told
    assert "$.environments[1]" in told
    assert await office.rows("definitions") == 0


async def test_a_secret_is_kept_when_it_is_sent_back_empty(office: Office):
    secret = {"Password": documents.variable("hunter2", secret=True)}
    first = await office.define("ann", variables=secret)
    assert "hunter2" not in first.document
    second = await definitions.update(await office.call("ann"), document_of(first))
    assert second.secrets == {"variables/Password": "hunter2"}


async def test_a_reader_may_look_but_not_save(office: Office):
    definition = await office.define("ann")
    assert (await definitions.get(await office.call("bob"), definition.id)).name == definition.name
    with pytest.raises(Forbidden, match="edit release pipeline"):
        await definitions.update(await office.call("bob"), document_of(definition))
    with pytest.raises(Forbidden):
        await office.define("bob", name="Mine")


async def test_who_may_not_edit_a_stage_cannot_reach_it_by_any_change(office: Office):
    """R-07: the resulting state is authorised, not the shape of the request."""
    definition = await office.define("ann", "Dev → Prod")
    prod = definition.plan.stages[1].definition_stage_id
    place = f"{definition.project_id}/{definition.id}/Environment/{prod}"
    guarded = Permission.EDIT_RELEASE_ENVIRONMENT | Permission.DELETE_RELEASE_ENVIRONMENT
    await office.grant("dora", place, deny=guarded | Permission.MANAGE_RELEASE_APPROVERS)
    document = document_of(definition)
    dev, production = document["environments"]
    changes = [
        [dev, {**production, "deployPhases": dev["deployPhases"] * 1, "rank": 7}],
        [dev, {**production, "conditions": dev["conditions"]}],
        [dev, {**production, "name": "Production"}],
        [dev],
        [dev, {**production, "id": 0}],
        [{**dev, "id": prod}],
    ]
    call = await office.call("dora")
    for changed in changes:
        with pytest.raises((Forbidden, Invalid)):
            await definitions.update(call, {**document, "environments": changed})
    harmless = {**document, "environments": [{**dev, "rank": 1}, production], "comment": "x"}
    assert (await definitions.update(call, harmless)).revision == 2


async def test_a_secret_of_a_stage_is_part_of_the_stage(office: Office):
    document = documents.outlined("Dev → Prod")
    document["environments"][1]["variables"] = {"Key": documents.variable("old", secret=True)}
    definition = await definitions.create(await office.call("ann"), document)
    prod = definition.plan.stages[1].definition_stage_id
    place = f"{definition.project_id}/{definition.id}/Environment/{prod}"
    await office.grant("dora", place, deny=Permission.EDIT_RELEASE_ENVIRONMENT)
    call, changed = await office.call("dora"), document_of(definition)
    assert (await definitions.update(call, {**changed, "comment": "x"})).revision == 2
    changed["revision"] = 2
    changed["environments"][1]["variables"]["Key"]["value"] = "new"
    with pytest.raises(Forbidden):
        await definitions.update(call, changed)


async def test_what_is_being_canceled_is_still_under_way(office: Office):
    definition = await office.define("ann", "Dev", approvals={"Dev": [office.ids["bob"]]})
    await office.release("dora", definition)
    async with office.installation.database.transaction() as connection:
        await connection.execute("UPDATE deployments SET cancel_requested_at = now()")
    with pytest.raises(Refused, match="in progress or pending"):
        await definitions.delete(await office.call("ann"), definition.id, "", force=False)
    await definitions.delete(await office.call("ann"), definition.id, "gone", force=True)


async def deployed(office: Office, *, deleted: bool = False) -> list[int]:
    """The releases in the list of deployments."""
    call = await office.call("ann")
    wanted = DeploymentFilter((call.required_project(""),), is_deleted=deleted)
    async with call.database.read() as connection:
        page = await deployment_lists.page(connection, wanted, Paging(limit=10))
    return [line.release_id for line in page.rows]


async def test_deleting_waits_for_deployments_unless_forced(office: Office):
    definition = await office.define("ann", "Dev", approvals={"Dev": [office.ids["bob"]]})
    release = await office.release("dora", definition)
    call = await office.call("ann")
    with pytest.raises(Refused, match="in progress or pending"):
        await definitions.delete(call, definition.id, "", force=False)
    await definitions.delete(call, definition.id, "gone", force=True)
    with pytest.raises(NotFound):
        await definitions.get(call, definition.id)
    with pytest.raises(NotFound):
        await office.seen("ann", release)
    assert await deployed(office) == []
    assert await deployed(office, deleted=True) == [release]
    await definitions.undelete(call, definition.id, "back")
    assert await deployed(office) == [release]
    assert (await definitions.get(call, definition.id)).name == definition.name
    assert (await office.seen("ann", release)).view.stages[0].status == "canceled"


async def listed(office: Office, *, deleted: bool) -> list[int]:
    call = await office.call("ann")
    wanted = ReleaseFilter((call.required_project(""),), is_deleted=deleted)
    async with call.database.read() as connection:
        page = await lists.page(connection, wanted, Paging(limit=10))
    return sorted(head.id for head in page.rows)


async def test_its_releases_are_deleted_with_it_and_come_back_with_it(office: Office):
    definition = await office.define("ann")
    other = await office.release("ann", await office.define("ann", name="Other"), is_draft=True)
    kept, gone = [await office.release("ann", definition, is_draft=True) for _ in range(2)]
    call = await office.call("ann")
    stage = (await office.seen("ann", kept)).view.stages[0].id
    await edits.delete(call, gone, "alone")
    await definitions.delete(call, definition.id, "the shop is closed", force=False)
    assert await listed(office, deleted=False) == [other]
    assert await listed(office, deleted=True) == [kept, gone]
    with pytest.raises(NotFound):
        await stages.start(call, kept, StageId(stage), StartRequest())
    for release in (kept, gone):
        with pytest.raises(Refused, match="Release pipeline Web shop is deleted"):
            await edits.undelete(call, release, "")
    await definitions.undelete(call, definition.id, "open again")
    assert await listed(office, deleted=False) == [other, kept]
    assert await listed(office, deleted=True) == [gone]
    told = [(one.kind, one.comment) for one in (await edits.happened(call, kept))[0]]
    assert told[-2:] == [("Deleted", "the shop is closed"), ("Undeleted", "open again")]
    await edits.undelete(call, gone, "this one, too")
    await edits.delete(call, kept, "alone now")
    await definitions.delete(call, definition.id, "", force=False)
    await definitions.undelete(call, definition.id, "")
    assert await listed(office, deleted=False) == [other, gone]


@pytest.mark.parametrize("event", ["start", "deploy"])
async def test_nothing_begins_that_was_asked_for_before_it_was_deleted(office: Office, event: str):
    definition = await office.define("ann")
    release = await office.release("ann", definition, is_draft=event == "start", **MANUAL)
    stage = StageId((await office.seen("ann", release)).view.stages[0].id)
    call = await office.call("ann")
    await definitions.delete(call, definition.id, "", force=False)
    asked = {
        "start": Activated(call.by),
        "deploy": DeploymentRequested(stage, call.by, call.by, DeploymentReason.MANUAL),
    }[event]
    with pytest.raises(Refused, match="is deleted"):
        await happen(call, release, asked)
    assert await office.rows("deployments") == 0


async def test_nobody_else_takes_the_ids_of_a_stage(office: Office):
    first = await office.define("ann", "Dev")
    stolen = document_of(await office.define("ann", "Dev", name="Other"))
    stolen["environments"][0]["id"] = first.plan.stages[0].definition_stage_id
    second = await definitions.update(await office.call("ann"), stolen)
    assert second.plan.stages[0].definition_stage_id != first.plan.stages[0].definition_stage_id


async def test_a_queue_and_a_group_that_are_not_there_are_warned_of(office: Office):
    document = document_of(await office.define("ann", "Dev"))
    [phase] = document["environments"][0]["deployPhases"]
    asked = {**phase.get("deploymentInput", {}), "queueId": 4711}
    group = {"phaseType": "machineGroupBasedDeployment", "rank": 2, "deploymentInput": asked}
    phases = [{**phase, "deploymentInput": asked}, {**phase, **group}]
    document["environments"][0]["deployPhases"] = phases
    saved = await definitions.update(await office.call("ann"), document)
    queue, target = saved.plan.warnings
    assert "names queue 4711, which this project does not have" in queue
    assert "names deployment group 4711, which this project does not have" in target


async def test_an_approver_whom_nobody_knows_is_warned_of(office: Office):
    asked = {"Dev": [office.ids["bob"], "ghost"]}
    saved = await office.define("ann", "Dev", approvals=asked)
    (warning,) = saved.plan.warnings
    assert warning.startswith("$.environments[0].preDeployApprovals.approvals: nobody is known as")


async def test_two_who_delete_a_release_at_once_delete_it_once(office: Office):
    release = await office.release("dora", await office.define("ann"), is_draft=True)
    call = await office.call("ann")
    async with office.installation.database.transaction() as connection:
        await connection.execute("SELECT 1 FROM releases WHERE id = $1 FOR UPDATE", release)
        both = [asyncio.ensure_future(edits.delete(call, release, "")) for _ in range(2)]

        async def both_wait() -> bool:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            return bool(await connection.fetchval(waiting) >= 2)

        await eventually(both_wait, "both to wait for the release")
    ends = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(end) for end in ends if end) == [NotFound]
    async with office.installation.database.read() as connection:
        lines = await history.of_release(connection, release, limit=100)
    assert [line.kind for line in lines].count("Deleted") == 1


async def test_folders_are_listed_to_those_who_may_view_pipelines_there(office: Office):
    definition = await office.define("ann", path="\\Secret plans")
    seen, _ = await folders.listed(await office.call("bob"), "\\")
    assert [folder.path for folder in seen] == ["\\Secret plans"]
    place = f"{definition.project_id}/Secret plans"
    await office.grant("bob", place, deny=Permission.VIEW_RELEASE_DEFINITION)
    assert (await folders.listed(await office.call("bob"), "\\"))[0] == []
