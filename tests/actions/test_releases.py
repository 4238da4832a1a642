"""Making and changing releases: who may, with what, and what a refusal leaves behind."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quaymaster.actions.definitions import artifacts
from quaymaster.actions.definitions.artifacts import Choice
from quaymaster.actions.deployments import stages
from quaymaster.actions.deployments.stages import StartRequest
from quaymaster.actions.people import people, projects
from quaymaster.actions.releases import releases
from quaymaster.actions.releases.releases import ReleaseRequest, ReleaseUpdate
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from quaymaster.domain.overrides import Override
from quaymaster.domain.statuses import ReleaseStatus, StageStatus
from quaymaster.store.releases import release_secrets
from tests import documents
from tests.actions.office import Office


async def test_a_release_starts_the_stages_whose_conditions_hold(office: Office):
    definition = await office.define("ann", "Dev → QA")
    found = await office.seen("ann", await office.release("dora", definition))
    assert found.view.head.name == "Release-1"
    assert [stage.status for stage in found.view.stages] == [
        StageStatus.IN_PROGRESS,
        StageStatus.NOT_STARTED,
    ]


def meanwhile(office: Office, monkeypatch: pytest.MonkeyPatch, definition: int, sets: str) -> None:
    """Let the definition change while the artifact sources are asked for versions."""
    chosen = artifacts.chosen

    async def slowly(*asked: Any, **more: Any) -> Any:
        versions = await chosen(*asked, **more)
        async with office.installation.database.transaction() as connection:
            await connection.execute(f"UPDATE definitions SET {sets} WHERE id = $1", definition)
        return versions

    monkeypatch.setattr(artifacts, "chosen", slowly)


async def test_none_is_made_of_a_definition_that_was_deleted_while_sources_were_asked(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    definition = await office.define("ann")
    meanwhile(office, monkeypatch, definition.id, "is_deleted = true")
    with pytest.raises(NotFound):
        await office.release("dora", definition)
    assert await office.rows("releases") == 0


async def test_none_is_made_of_a_definition_that_was_disabled_while_sources_were_asked(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    definition = await office.define("ann")
    meanwhile(office, monkeypatch, definition.id, "is_disabled = true")
    with pytest.raises(Refused, match="is disabled"):
        await office.release("dora", definition)
    assert await office.rows("releases") == 0


async def test_a_reader_may_not_make_one(office: Office):
    definition = await office.define("ann")
    with pytest.raises(Forbidden, match="create releases permission"):
        await office.release("bob", definition)
    assert await office.rows("releases") == 0


async def test_a_definition_of_another_project_does_not_exist(office: Office):
    definition = await office.define("ann")
    await projects.create(office.installation.database, "Other")
    await people.add_to_group(office.installation.database, "Contributors", "dora", "Other")
    with pytest.raises(NotFound):
        await releases.create(await office.call("dora", "Other"), ReleaseRequest(definition.id))


async def test_a_draft_asks_nobody_until_it_is_started(office: Office):
    definition = await office.define("ann", "Dev", approvals={"Dev": [office.ids["bob"]]})
    release = await office.release("dora", definition, is_draft=True)
    assert await office.rows("approvals") == 0
    await releases.update(await office.call("dora"), release, ReleaseUpdate(ReleaseStatus.ACTIVE))
    assert await office.rows("approvals") == 1


async def test_a_missing_version_is_named_by_its_alias(office: Office):
    definition = await office.define("ann", artifacts=[documents.build_artifact("_Web-CI")])
    with pytest.raises(Invalid, match="artifact _Web-CI"):
        await office.release("dora", definition)
    assert await office.rows("releases") == 0


async def test_a_version_that_the_caller_names_is_carried(office: Office):
    definition = await office.define("ann", artifacts=[documents.build_artifact("_Web-CI")])
    choice = Choice("_web-ci", "4711", "20260305.2", "refs/heads/main", "c0ffee")
    found = await office.seen("ann", await office.release("dora", definition, choices=(choice,)))
    [artifact] = found.view.head.artifacts
    assert (artifact.version_id, artifact.version_name, artifact.branch) == (
        "4711",
        "20260305.2",
        "refs/heads/main",
    )


async def test_an_unknown_alias_is_refused(office: Office):
    definition = await office.define("ann")
    with pytest.raises(Invalid, match="no artifact with the alias 'web'"):
        await office.release("dora", definition, choices=(Choice("web", "1"),))


VARIABLES = {
    "Color": documents.variable("blue", settable=True),
    "Region": documents.variable("eu"),
    "Password": documents.variable("hunter2", secret=True, settable=True),
}


async def test_only_settable_variables_can_be_set(office: Office):
    definition = await office.define("ann", variables=VARIABLES)
    wanted = {"color": Override("green"), "Region": Override("eu")}
    found = await office.seen("ann", await office.release("dora", definition, variables=wanted))
    assert found.view.head.variables == {"Color": "green", "Region": "eu"}
    with pytest.raises(Invalid, match="Region of the definition cannot be overridden"):
        await office.release("dora", definition, variables={"Region": Override("us")})
    with pytest.raises(Invalid, match="declares no variable of that name"):
        await office.release("dora", definition, variables={"Size": Override("XL")})


async def test_a_secret_reaches_only_the_vault(office: Office):
    definition = await office.define("ann", variables=VARIABLES)
    secret = {"Password": Override("correct horse")}
    release = await office.release("dora", definition, variables=secret)
    found = await office.seen("ann", release)
    assert "hunter2" not in repr(found)
    assert "correct horse" not in repr(found)
    async with office.installation.database.read() as connection:
        kept = await release_secrets.of_stage(
            connection, office.installation.vault, found.view.stages[0].id
        )
        dump = await connection.fetchval("SELECT string_agg(r::text, '') FROM releases r")
        dump += await connection.fetchval("SELECT string_agg(d::text, '') FROM documents d")
    assert kept.release == {"Password": "correct horse"}
    assert "hunter2" not in dump
    assert "correct horse" not in dump


async def test_a_stage_named_by_hand_waits_for_somebody(office: Office):
    definition = await office.define("ann", "Dev → QA")
    release = await office.release("dora", definition, manual_stages=("dev",))
    found = await office.seen("ann", release)
    assert found.view.stages[0].status is StageStatus.NOT_STARTED
    await stages.start(await office.call("dora"), release, found.view.stages[0].id, StartRequest())
    found = await office.seen("ann", release)
    assert found.view.stages[0].status is StageStatus.IN_PROGRESS


async def test_an_unknown_stage_cannot_be_made_manual(office: Office):
    definition = await office.define("ann")
    with pytest.raises(Invalid, match="unknown stages: Moon"):
        await office.release("dora", definition, manual_stages=("Moon",))


async def test_a_stage_that_runs_cannot_be_started_again(office: Office):
    release = await office.release("dora", await office.define("ann"))
    stage = (await office.seen("ann", release)).view.stages[0].id
    with pytest.raises(Refused, match="cannot be started"):
        await stages.start(await office.call("dora"), release, stage, StartRequest())
    assert await office.rows("deployments") == 1


async def test_what_is_set_when_a_scheduled_stage_starts_early_counts(office: Office):
    declared = {
        name: documents.variable(name, secret=name != "Color", settable=True)
        for name in ("Color", "Password", "Token")
    }
    definition = await office.define("ann", variables=declared)
    release = await office.release("dora", definition, manual_stages=("Dev",))
    stage = (await office.seen("ann", release)).view.stages[0].id
    first = {"Color": Override("green"), "Password": Override("one"), "Token": Override("two")}
    later = StartRequest(scheduled_for=datetime.now(UTC) + timedelta(hours=2), variables=first)
    await stages.start(await office.call("dora"), release, stage, later)
    now = StartRequest(variables={"color": Override("blue"), "Token": Override("three")})
    await stages.start(await office.call("dora"), release, stage, now)
    async with office.installation.database.read() as connection:
        kept = await release_secrets.of_stage(connection, office.installation.vault, stage)
        plain = await connection.fetchval("SELECT variables FROM deployments")
    assert kept.deployment == {"Password": "one", "Token": "three"}
    assert json.loads(plain) == {"Color": "blue"}


async def test_a_stage_can_be_scheduled_and_started_early(office: Office):
    definition = await office.define("ann")
    release = await office.release("dora", definition, manual_stages=("Dev",))
    stage = (await office.seen("ann", release)).view.stages[0].id
    later = StartRequest(scheduled_for=datetime.now(UTC) + timedelta(hours=2))
    await stages.start(await office.call("dora"), release, stage, later)
    assert (await office.seen("ann", release)).view.stages[0].status is StageStatus.SCHEDULED
    await stages.start(await office.call("dora"), release, stage, StartRequest())
    assert (await office.seen("ann", release)).view.stages[0].status is StageStatus.IN_PROGRESS


async def test_who_may_not_deploy_to_one_stage_may_not_start_or_cancel_it(office: Office):
    definition = await office.define("ann", "Dev → QA")
    release = await office.release("ann", definition, manual_stages=("Dev",))
    stage = (await office.seen("ann", release)).view.stages[0]
    place = f"{definition.project_id}/{definition.id}/Environment/{stage.definition_stage_id}"
    await office.grant("dora", place, deny=Permission.MANAGE_DEPLOYMENTS)
    with pytest.raises(Forbidden, match="manage deployments permission on stage Dev"):
        await stages.start(await office.call("dora"), release, stage.id, StartRequest())
    await stages.start(await office.call("ann"), release, stage.id, StartRequest())
    with pytest.raises(Forbidden):
        await stages.cancel(await office.call("dora"), release, stage.id, "")


async def test_canceling_before_anything_ran(office: Office):
    release = await office.release("dora", await office.define("ann"))
    stage = (await office.seen("ann", release)).view.stages[0]
    await stages.cancel(await office.call("dora"), release, stage.id, "wrong version")
    assert (await office.seen("ann", release)).view.stages[0].status is StageStatus.CANCELED


async def test_an_abandoned_release_starts_nothing_any_more(office: Office):
    definition = await office.define("ann", "Dev", approvals={"Dev": [office.ids["bob"]]})
    release = await office.release("dora", definition)
    abandon = ReleaseUpdate(ReleaseStatus.ABANDONED, comment="superseded")
    await releases.update(await office.call("dora"), release, abandon)
    found = await office.seen("ann", release)
    assert found.view.head.status is ReleaseStatus.ABANDONED
    assert found.view.stages[0].status is StageStatus.CANCELED
    with pytest.raises(Refused, match="abandoned"):
        await stages.start(
            await office.call("dora"), release, found.view.stages[0].id, StartRequest()
        )


async def test_a_taken_name_changes_nothing(office: Office):
    definition = await office.define("ann")
    await office.release("dora", definition)
    second = await office.release("dora", definition)
    wanted = ReleaseUpdate(name="release-1", keep_forever=True)
    with pytest.raises(Conflict, match="already named"):
        await releases.update(await office.call("dora"), second, wanted)
    head = (await office.seen("ann", second)).view.head
    assert (head.name, head.keep_forever) == ("Release-2", False)
