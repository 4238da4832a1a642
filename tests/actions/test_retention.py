"""Retention over a real database: explained, carried out once a day, and destroyed at last."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.actions import reading, retention
from quaymaster.actions.call import Call
from quaymaster.domain.errors import Forbidden, Invalid, NotFound
from quaymaster.domain.plan import RetentionPolicy
from quaymaster.domain.retention import RetentionSettings
from tests.actions.office import Office


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
