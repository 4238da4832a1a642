"""Editing what a release itself will do (SEMANTICS 6.2)."""

import pytest

from quaymaster.domain.changes import Abandoned, SnapshotEdited
from quaymaster.domain.errors import Invalid, Refused
from quaymaster.domain.plan import Plan
from quaymaster.domain.release import PersonId
from tests import make
from tests.story import Story, deployed, fails, started, story, works

ANN = PersonId("ann")


def edited(told: Story, plan: Plan, **stage_variables: str) -> Story:
    number = told.stage("Dev").plan.definition_stage_id
    given = {number: stage_variables} if stage_variables else {}
    told.take_in(SnapshotEdited(ANN, plan, {"colour": "blue"}, given))
    return told


def test_the_next_attempt_follows_the_new_plan():
    told = story(make.plan("Dev → QA"))
    edited(told, make.plan("Dev → QA", Dev={"pre_approvals": make.asks("bob")}), size="L")
    assert (told.release.variables, told.release.modified_by) == ({"colour": "blue"}, ANN)
    assert told.stage("Dev").variables == {"size": "L"}
    told.when(started()).then(Dev="pending").asked("Dev", bob="pending")


def test_an_attempt_under_way_goes_on_with_the_old_plan():
    told = story(make.plan("Dev")).when(started())
    edited(told, make.plan("Dev", Dev={"pre_approvals": make.asks("bob")}))
    assert not told.stage("Dev").plan.pre_approvals.approvers
    told.when(fails("Dev"), deployed("Dev")).then(Dev="pending").asked("Dev", bob="pending")


def test_a_stage_that_starts_by_itself_later_has_the_new_plan():
    told = story(make.plan("Dev → QA")).when(started())
    edited(told, make.plan("Dev → QA", QA={"pre_approvals": make.asks("bob")}))
    told.when(works("Dev")).asked("QA", bob="pending")


def test_an_abandoned_release_is_not_edited():
    told = story(make.plan("Dev"))
    told.take_in(Abandoned(ANN))
    with pytest.raises(Refused, match="abandoned"):
        edited(told, make.plan("Dev"))


def test_stages_are_neither_added_nor_removed():
    with pytest.raises(Invalid, match="Edit its definition"):
        edited(story(make.plan("Dev")), make.plan("Dev → QA"))
