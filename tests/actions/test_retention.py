"""Retention over a real database: explained, carried out once a day, and destroyed at last."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import definitions
from quaymaster.actions.deployments.gates.answers import evidence_key
from quaymaster.actions.releases import reading, retention
from quaymaster.actions.releases.edits import undelete
from quaymaster.domain.errors import Forbidden, Invalid, NotFound
from quaymaster.domain.plan import RetentionPolicy
from quaymaster.domain.retention import RetentionSettings
from quaymaster.store.releases import edits
from quaymaster.store.releases import retention as rows
from quaymaster.store.storage.object_storage import StorageUnavailable
from tests import documents
from tests.actions.office import Office
from tests.store.build import until_somebody_waits_for_a_lock


def later(office: Office, days: float) -> Call:
    return Call(office.installation, now=datetime.now(UTC) + timedelta(days=days))


async def test_it_says_what_it_would_do_and_does_nothing(office: Office):
    definition = await office.define("ann")
    await office.release("dora", definition, is_draft=True)
    [now] = await retention.explained(later(office, 0))
    [then] = await retention.explained(later(office, 31))
    assert [one.may_go for one in now.verdicts] == [False]
    assert [one.may_go for one in then.verdicts] == [True]
    assert await office.rows("releases") == 1


async def test_what_may_go_is_deleted_and_later_destroyed(office: Office):
    definition = await office.define("ann")
    release = await office.release("dora", definition, is_draft=True)
    assert await retention.run(later(office, 31)) == 1
    with pytest.raises(NotFound):
        await reading.release(await office.call("ann"), release)
    assert await office.rows("releases") == 1, "it can still be brought back"
    assert await retention.run(later(office, 31 + 15)) == 1
    assert await office.rows("releases") == 0
    assert await office.rows("history") > 0, "the history must outlive the release"


async def test_a_release_that_is_brought_back_right_now_is_left_alone(office: Office):
    definition = await office.define("ann")
    release = await office.release("dora", definition, is_draft=True)
    assert await retention.run(later(office, 31)) == 1
    async with office.installation.database.transaction() as connection:
        back = datetime.now(UTC)
        assert await edits.set_deleted(connection, release, deleted=False, by=None, at=back)
        assert await retention.run(later(office, 31 + 15)) == 0
    assert await office.rows("releases") == 1


async def test_what_will_be_destroyed_cannot_be_brought_back_meanwhile(office: Office):
    definition = await office.define("ann")
    release = await office.release("dora", definition, is_draft=True)
    assert await retention.run(later(office, 31)) == 1
    ann = await office.call("ann")
    async with ann.database.transaction() as connection:
        before = datetime.now(UTC) + timedelta(days=60)
        assert await rows.long_deleted(connection, ann.required_project(""), before, 10)
        back = asyncio.create_task(undelete(ann, release, ""))
        await until_somebody_waits_for_a_lock(connection)
        await rows.destroy(connection, [release])
    with pytest.raises(NotFound):
        await back


async def test_the_evidence_of_gates_goes_with_their_release(office: Office):
    gated = documents.stage("Dev", preDeploymentGates=documents.gates(documents.rest_gate()))
    definition = await definitions.create(
        await office.call("ann"), documents.definition("Web", gated)
    )
    release = await office.release("dora", definition)
    async with office.installation.database.transaction() as connection:
        run = await connection.fetchval("SELECT id FROM gate_runs WHERE release_id = $1", release)
        key = evidence_key(run, 1, 1)
        said = {"name": "Is it healthy?", "succeeded": False, "log": key}
        sample = {"number": 1, "started_at": "2026-03-02T09:00:00Z", "results": [said]}
        await connection.execute(
            "UPDATE gate_runs SET samples = $2::json WHERE id = $1", run, json.dumps([sample])
        )
    files = office.installation.files
    await files.put(key, b"asked and answered")
    await definitions.delete(await office.call("ann"), definition.id, "", force=True)
    await definitions.undelete(await office.call("ann"), definition.id, "")
    assert await retention.run(later(office, 31)) == 1
    assert await files.get(key) == b"asked and answered", "it can still be brought back"
    assert await retention.run(later(office, 31 + 15)) == 1
    assert await office.rows("gate_runs") == 0
    with pytest.raises(StorageUnavailable, match="FileNotFoundError"):
        await files.get(key)


async def test_it_runs_once_a_day(office: Office):
    await office.release("dora", await office.define("ann"), is_draft=True)
    assert await retention.run_if_due(later(office, 31)) == 1
    await office.release("dora", await office.define("ann", name="Other"), is_draft=True)
    assert await retention.run_if_due(later(office, 31.5)) == 0


async def test_a_release_that_waits_for_approval_stays(office: Office):
    approvers = {"Dev": [office.ids["bob"]]}
    await office.release("dora", await office.define("ann", approvals=approvers))
    await office.settle()
    assert await retention.run(later(office, 999)) == 0


async def test_only_who_manages_settings_changes_them(office: Office):
    wanted = RetentionSettings(default=RetentionPolicy(7, 1))
    with pytest.raises(Forbidden):
        await retention.change_settings(await office.call("bob"), wanted)
    await retention.change_settings(await office.call("ann"), wanted)
    assert await retention.settings(await office.call("bob")) == wanted


async def test_settings_that_contradict_themselves_are_refused(office: Office):
    call = await office.call("ann")
    with pytest.raises(Invalid, match="more than the maximum"):
        await retention.change_settings(call, RetentionSettings(default=RetentionPolicy(999, 1)))
    with pytest.raises(Invalid, match="negative"):
        await retention.change_settings(call, replace(RetentionSettings(), days_to_keep_deleted=-1))


async def test_one_of_many_processes_runs_it(office: Office):
    definition = await office.define("ann")
    for _ in range(3):
        await office.release("dora", definition, is_draft=True)
    ran = await asyncio.gather(*(retention.run_if_due(later(office, 31)) for _ in range(4)))
    assert sorted(ran) == [0, 0, 0, 3]


async def test_who_dies_over_it_is_followed_by_another(office: Office, monkeypatch):
    await office.release("dora", await office.define("ann"), is_draft=True)

    async def dies(_call: Call) -> int:
        raise OSError("the power is gone")

    with monkeypatch.context() as broken:
        broken.setattr(retention, "run", dies)
        with pytest.raises(OSError, match="power"):
            await retention.run_if_due(later(office, 31))
    assert await retention.run_if_due(later(office, 31)) == 0, "it has its turn still"
    assert await retention.run_if_due(later(office, 31.1)) == 1


async def deployed(office: Office, release: int, at: datetime) -> None:
    """The newest attempt of the release succeeded at this time."""
    async with office.installation.database.transaction() as connection:
        await connection.execute(
            "UPDATE deployments SET outcome = 'succeeded', status = 'succeeded', slot = NULL,"
            " has_slot = false, started_at = $2, completed_at = $2 WHERE release_id = $1",
            release,
            at,
        )


async def test_what_is_deployed_now_is_never_deleted(office: Office, monkeypatch):
    """However old it is, and however many newer ones were tried and failed."""
    monkeypatch.setattr(retention, "LOOKED_AT_ONCE", 2)
    stage = documents.stage("Dev", retentionPolicy={"daysToKeep": 1, "releasesToKeep": 1})
    stage["executionPolicy"] = {"concurrencyCount": 0, "queueDepthCount": 0}
    definition = await office.define("ann", environments=[stage])
    made = [await office.release("dora", definition) for _ in range(5)]
    start = datetime.now(UTC)
    for minutes, release in enumerate(made):
        await deployed(office, release, start + timedelta(minutes=minutes))
    async with office.installation.database.transaction() as connection:
        await connection.execute(
            "UPDATE deployments SET outcome = 'phaseFailed', status = 'failed'"
            " WHERE release_id = ANY($1::bigint[])",
            made[3:],
        )
    assert await retention.run(later(office, 99)) == 3
    left = [one.name for one in (await retention.explained(later(office, 99)))[0].verdicts]
    assert left == ["Release-3", "Release-5"], "the newest success, and the newest attempt"


async def test_pages_see_what_one_look_would(office: Office, monkeypatch):
    definition = await office.define("ann")
    for _ in range(5):
        await office.release("dora", definition, is_draft=True)
    whole = await retention.explained(later(office, 31))
    monkeypatch.setattr(retention, "LOOKED_AT_ONCE", 2)
    assert await retention.explained(later(office, 31)) == whole
