"""Asking people, and what their answers mean (SEMANTICS 9)."""

from datetime import timedelta

import pytest

from quaymaster.domain.changes import ApprovalGiven
from quaymaster.domain.errors import Forbidden, Invalid, NotFound, Refused
from quaymaster.domain.plan import ApprovalPolicy, Approver
from quaymaster.domain.release import Side
from tests import make
from tests.story import (
    approved,
    canceled,
    deployed,
    fails,
    reassigned,
    refused,
    started,
    story,
    works,
)


def before(policy):
    return make.plan("Dev", Dev={"pre_approvals": policy})


def after(policy):
    return make.plan("Dev", Dev={"post_approvals": policy})


def test_nobody_to_ask_leaves_one_automated_record_on_each_side():
    told = story().when(started(), works("Dev"))
    told.asked("Dev", Side.PRE, automated="approved").asked("Dev", Side.POST, automated="approved")
    assert all(a.is_automated and a.approved_by is None for a in told.approvals("Dev"))


def test_work_waits_for_the_pre_approval():
    told = story(before(make.asks("bob"))).when(started())
    told.then(Dev="inProgress notDeployed pending").asked("Dev", bob="pending")
    told.when(approved("Dev")).then(Dev="inProgress inProgress queuedForAgent")


def test_equal_ranks_are_asked_together_and_all_must_agree():
    told = story(before(make.asks("bob", "carol"))).when(started())
    told.asked("Dev", bob="pending", carol="pending")
    told.when(approved("Dev", by="bob")).then(Dev="pending")
    told.when(approved("Dev", by="carol")).then(Dev="queuedForAgent")


def test_the_next_rank_is_asked_when_the_one_before_has_agreed():
    told = story(before(make.asks_in_turn("bob", "carol"))).when(started())
    told.asked("Dev", bob="pending").when(approved("Dev", by="bob"))
    told.asked("Dev", bob="approved", carol="pending").then(Dev="pending")
    told.when(approved("Dev", by="carol")).then(Dev="queuedForAgent")


def test_mixed_ranks():
    people = (Approver("bob", 1), Approver("carol", 1), Approver("dave", 2))
    told = story(before(ApprovalPolicy(people))).when(started(), approved("Dev", by="carol"))
    told.asked("Dev", bob="pending", carol="approved")
    told.when(approved("Dev", by="bob"))
    told.asked("Dev", bob="approved", carol="approved", dave="pending")


def test_enough_approvals_let_the_others_off():
    told = story(before(make.asks("bob", "carol", "dave", required_count=2))).when(started())
    told.when(approved("Dev", by="dave")).then(Dev="pending")
    told.when(approved("Dev", by="bob")).then(Dev="queuedForAgent")
    told.asked("Dev", bob="approved", carol="skipped", dave="approved")


def test_more_approvals_required_than_people_asked_means_everybody():
    told = story(before(make.asks("bob", required_count=3))).when(started())
    told.when(approved("Dev")).then(Dev="queuedForAgent")


def test_one_rejection_rejects_the_attempt_whatever_the_count():
    told = story(before(make.asks("bob", "carol", required_count=1))).when(started())
    told.when(refused("Dev", by="bob")).then(Dev="rejected notDeployed rejected")
    told.asked("Dev", bob="rejected", carol="canceled")


def test_a_rejected_post_approval_fails_what_was_deployed():
    told = story(after(make.asks("bob"))).when(started(), works("Dev"))
    told.then(Dev="inProgress inProgress pending")
    told.when(refused("Dev")).then(Dev="rejected failed rejected")


def test_nobody_is_asked_after_a_failure():
    told = story(after(make.asks("bob"))).when(started(), fails("Dev"))
    told.then(Dev="rejected failed phaseFailed").asked("Dev", Side.POST)


def test_any_member_of_a_group_may_answer_for_it():
    erin = make.person("erin", "ops")
    told = story(before(make.asks("ops"))).when(started(), approved("Dev", by=erin))
    told.asked("Dev", ops="approved")
    assert told.approvals("Dev")[0].approved_by == "erin"


def test_a_member_listed_beside_the_group_answers_only_once_for_each_record():
    erin = make.person("erin", "ops")
    told = story(before(make.asks("ops", "erin"))).when(started(), approved("Dev", by=erin))
    told.asked("Dev", ops="pending", erin="approved").then(Dev="pending")


def test_strangers_may_not_decide():
    told = story(before(make.asks("bob"))).when(started())
    for step in (approved, refused):
        told.refuses(step("Dev", by="mallory"), Forbidden, "You are not an approver of stage Dev")
    told.refuses(reassigned("Dev", "mallory", by="mallory"), Forbidden, "not an approver")


def test_an_administrator_decides_for_others():
    admin = make.person("root", admin=True)
    told = story(before(make.asks("bob"))).when(started(), approved("Dev", by=admin, of="bob"))
    told.asked("Dev", bob="approved")
    assert told.approvals("Dev")[0].approved_by == "root"


@pytest.mark.parametrize("who", ["alice", "carol"])
def test_neither_the_creator_nor_who_deploys_may_decide_where_the_policy_says_so(who):
    policy = make.asks("ops", requester_may_approve=False)
    told = story(before(policy), manual=("Dev",)).when(started(), deployed("Dev", by="carol"))
    person = make.person(who, "ops", admin=True)
    told.refuses(approved("Dev", by=person), Forbidden, "does not let the person who created")
    told.refuses(refused("Dev", by=person), Forbidden, "does not let the person who created")
    told.when(approved("Dev", by=make.person("erin", "ops"))).then(Dev="queuedForAgent")


def test_an_approval_cannot_be_reassigned_to_the_excluded_creator():
    told = story(before(make.asks("bob", requester_may_approve=False))).when(started())
    told.refuses(reassigned("Dev", "alice"), Invalid, "cannot be reassigned to the person")
    told.refuses(reassigned("Dev", ""), Invalid, "Name the person or group")


def test_a_reassigned_approval_keeps_its_id_and_remembers_who_had_it():
    told = story(before(make.asks("bob"))).when(started())
    asked = told.approvals("Dev")[0]
    told.when(reassigned("Dev", "carol")).asked("Dev", carol="pending")
    now = told.approvals("Dev")[0]
    assert (now.id, now.revision) == (asked.id, asked.revision + 1)
    assert [(e.approver, e.changed_by) for e in now.earlier] == [("bob", "bob")]
    told.refuses(approved("Dev", by="bob", of="carol"), Forbidden, "not an approver")
    told.when(approved("Dev", by="carol")).then(Dev="queuedForAgent")


def test_a_decision_is_final():
    told = story(before(make.asks("bob", "carol"))).when(started(), approved("Dev", by="bob"))
    for step in (approved, refused):
        told.refuses(step("Dev", by="bob", of="bob"), Refused, "is already approved")
    told.refuses(reassigned("Dev", "carol", by="bob", of="bob"), Refused, "is already approved")


def test_the_question_is_open_for_its_time_only():
    told = story(before(make.asks("bob", timeout=timedelta(minutes=30)))).when(started())
    told.later(minutes=29).then(Dev="pending")
    told.later(minutes=1).then(Dev="rejected notDeployed rejected").asked("Dev", bob="rejected")
    approval = told.approvals("Dev")[0]
    assert (approval.approved_by, approval.comment) == (None, "Nobody answered in time.")


def test_thirty_days_are_the_default_and_count_for_each_rank_anew():
    told = story(before(make.asks_in_turn("bob", "carol"))).when(started())
    told.later(days=29).when(approved("Dev", by="bob"))
    told.later(days=29).then(Dev="pending").later(days=1).then(Dev="rejected")


def test_an_approval_of_an_ended_attempt_cannot_be_answered():
    told = story(before(make.asks("bob"))).when(started(), canceled("Dev"))
    told.asked("Dev", bob="canceled").refuses(approved("Dev"), Refused, "is already canceled")


def test_an_unknown_approval_is_not_found():
    told = story().when(started())
    told.refuses(lambda _: [ApprovalGiven(7, make.person("bob"))], NotFound, "no approval 7")


def skips(*people):
    policy = make.asks(*people, skip_if_approved_before=True)
    first = {"pre_approvals": make.asks("bob", "ops")}
    return make.plan("Dev → QA", Dev=first, QA={"pre_approvals": policy})


def approve_dev(told):
    told.when(started(), approved("Dev", by="bob"))
    return told.when(approved("Dev", by=make.person("erin", "ops")), works("Dev"))


def test_who_approved_the_stage_before_is_not_asked_again():
    told = approve_dev(story(skips("bob"))).asked("QA", bob="approved").then(QA="queuedForAgent")
    approval = told.approvals("QA")[0]
    assert (approval.approved_by, approval.is_automated) == ("bob", False)
    assert "previous stage" in approval.comment


def test_others_and_groups_are_still_asked():
    approve_dev(story(skips("bob", "ops", "carol"))).asked(
        "QA", bob="approved", ops="pending", carol="pending"
    )


def test_a_manual_start_always_asks():
    told = approve_dev(story(skips("bob"))).when(works("QA"), deployed("QA"))
    told.asked("QA", bob="pending").then(QA="pending")


def test_a_redeployment_asks_again():
    told = story(before(make.asks("bob"))).when(started(), approved("Dev"), fails("Dev"))
    told.when(deployed("Dev")).then(Dev="inProgress notDeployed pending")
    assert told.deployment("Dev").attempt == 2
