"""Asking the outside world before or after the work (SEMANTICS 10, 9.11)."""

from dataclasses import replace

import pytest

from quaymaster.domain.changes import DeploymentEnded
from quaymaster.domain.errors import Invalid, Refused
from quaymaster.domain.gate_run import enabled_gates
from quaymaster.domain.plan import ApprovalOrder
from quaymaster.domain.release import Side
from quaymaster.domain.statuses import GateStatus
from tests import make
from tests.story import (
    approved,
    canceled,
    gates_say,
    ignoring,
    refused,
    started,
    story,
    works,
)


def gated(*names, pre=None, **options):
    dev = {"pre_gates": make.gates(*(names or ("alerts", "bugs")), **options)}
    return story(make.plan("Dev", Dev=dev | ({"pre_approvals": pre} if pre else {})))


def run(told, side=Side.PRE):
    return told.deployment("Dev").gate_run(side)


def test_the_delay_is_waited_out_then_all_gates_are_asked_in_one_sample():
    told = gated().when(started()).then(Dev="inProgress notDeployed evaluatingGates")
    assert run(told).status is GateStatus.PENDING
    told.later(minutes=4)
    assert not run(told).samples
    told.later(minutes=1)
    assert (run(told).status, run(told).open_sample.number) == (GateStatus.IN_PROGRESS, 1)
    told.when(gates_say("Dev", "alerts", "bugs")).then(Dev="queuedForAgent")
    assert run(told).status is GateStatus.SUCCEEDED


def test_gates_that_agree_in_different_samples_do_not_pass():
    told = gated().when(started()).later(minutes=5).when(gates_say("Dev", "alerts", bugs="3 open"))
    told.then(Dev="evaluatingGates").later(minutes=4)
    assert run(told).open_sample is None
    told.later(minutes=1).when(gates_say("Dev", "bugs", alerts="1 alert"))
    told.then(Dev="evaluatingGates").later(minutes=5)
    told.when(gates_say("Dev", "bugs", "alerts")).then(Dev="queuedForAgent")
    assert [sample.number for sample in run(told).samples] == [1, 2, 3]


def test_the_evidence_of_each_sample_is_kept():
    told = gated().when(started()).later(minutes=5).when(gates_say("Dev", "alerts", bugs="3 open"))
    kept = {said.name: (said.succeeded, said.message) for said in run(told).samples[0].results}
    assert kept == {"alerts": (True, ""), "bugs": (False, "3 open")}


def test_a_gate_that_does_not_answer_counts_as_failed():
    told = gated().when(started()).later(minutes=5).when(gates_say("Dev", "alerts"))
    told.then(Dev="evaluatingGates")
    silent = [said.message for said in run(told).samples[0].results if not said.succeeded]
    assert silent == ["The gate did not answer in time."]


def test_a_sample_nobody_answers_is_given_up_when_the_next_is_due():
    told = gated().when(started()).later(minutes=5).later(minutes=5)
    assert [sample.ended_at is None for sample in run(told).samples] == [False, True]
    told.when(gates_say("Dev", "alerts", "bugs")).then(Dev="queuedForAgent")


def test_an_answer_to_an_earlier_sample_changes_nothing():
    told = gated().when(started()).later(minutes=5)
    late = list(gates_say("Dev", "alerts", "bugs")(told))
    told.later(minutes=5).ignores(lambda _: late).then(Dev="evaluatingGates")


def test_after_a_long_silence_the_samples_keep_their_rhythm():
    told = gated(timeout=600).when(started()).later(minutes=5).later(minutes=63)
    assert run(told).samples[-1].started_at == told.now
    told.when(gates_say("Dev")).later(minutes=1)
    assert run(told).open_sample is None
    told.later(minutes=1)
    assert run(told).open_sample.number == 3


def test_success_must_last():
    told = gated(minimum_success=10, timeout=60).when(started()).later(minutes=5)
    told.when(gates_say("Dev", "alerts", "bugs")).then(Dev="evaluatingGates").later(minutes=5)
    told.when(gates_say("Dev", "alerts"))  # the time of success starts anew
    for _ in range(3):
        told.then(Dev="evaluatingGates").later(minutes=5)
        told.when(gates_say("Dev", "alerts", "bugs"))
    told.then(Dev="queuedForAgent")


def test_the_time_is_over():
    told = gated().when(started()).later(minutes=34).then(Dev="evaluatingGates")
    told.later(minutes=1).then(Dev="rejected notDeployed gateFailed")
    assert run(told).status is GateStatus.FAILED
    assert "alerts, bugs" in told.changes(DeploymentEnded)[0].reason


def test_post_gates_hold_back_the_success_and_the_stages_after_it():
    plan = make.plan("Dev → QA", Dev={"post_gates": make.gates("smoke")})
    told = story(plan).when(started(), works("Dev"))
    told.then(Dev="inProgress inProgress evaluatingGates", QA="notStarted")
    told.later(minutes=5).when(gates_say("Dev", "smoke")).then(Dev="approved", QA="queuedForAgent")


def test_failed_post_gates_reject_what_was_deployed():
    told = story(make.plan("Dev", Dev={"post_gates": make.gates("smoke")}))
    told.when(started(), works("Dev")).later(hours=1).then(Dev="rejected failed gateFailed")


def test_an_ignored_gate_counts_as_successful_from_the_next_evaluation():
    told = gated().when(started()).later(minutes=5).when(gates_say("Dev", "alerts"))
    told.when(ignoring("Dev", "bugs")).then(Dev="evaluatingGates")
    told.later(minutes=5).when(gates_say("Dev", "alerts")).then(Dev="queuedForAgent")
    kept = [(gate.name, gate.by, gate.comment) for gate in run(told).ignored]
    assert kept == [("bugs", "alice", "known")]


def test_with_all_gates_ignored_there_is_nothing_to_wait_for():
    told = gated().when(started(), ignoring("Dev", "bugs", "alerts")).then(Dev="queuedForAgent")
    told.refuses(ignoring("Dev", "bugs"), Refused, "while its deployment is queuedForAgent")


def test_only_gates_of_that_side_can_be_ignored():
    told = gated().when(started())
    told.refuses(ignoring("Dev", "other"), Invalid, "no gate other. Its gates are alerts, bugs")
    told.refuses(ignoring("Dev", "bugs", side=Side.POST), Refused, "No gates of stage Dev")


def test_enabled_gates_without_any_task_pass_at_once():
    told = story(make.plan("Dev", Dev={"pre_gates": make.gates()})).when(started())
    told.then(Dev="queuedForAgent")


def test_disabled_tasks_are_left_out_and_equal_names_told_apart():
    policy = make.gates("check", "check", "check")
    policy = replace(policy, tasks=(replace(policy.tasks[0], enabled=False), *policy.tasks[1:]))
    assert list(enabled_gates(policy)) == ["check", "check (2)"]


def test_canceling_stops_the_gates():
    told = gated().when(started()).later(minutes=5)
    answer = list(gates_say("Dev", "alerts", "bugs")(told))
    told.when(canceled("Dev")).then(Dev="canceled notDeployed canceled")
    assert run(told).status is GateStatus.CANCELED
    told.ignores(lambda _: answer)


def test_people_before_gates():
    told = gated(pre=make.asks("bob")).when(started()).then(Dev="pending")
    assert run(told) is None
    told.when(approved("Dev")).then(Dev="evaluatingGates")
    told.later(minutes=5).when(gates_say("Dev", "alerts", "bugs")).then(Dev="queuedForAgent")


def test_people_after_successful_gates():
    asks = make.asks("bob", order=ApprovalOrder.AFTER_SUCCESSFUL_GATES)
    told = gated(pre=asks).when(started()).then(Dev="evaluatingGates").asked("Dev")
    told.later(minutes=5).when(gates_say("Dev", "alerts", "bugs")).then(Dev="pending")
    told.when(approved("Dev")).then(Dev="queuedForAgent")


def test_people_after_successful_gates_are_not_asked_when_the_gates_fail():
    asks = make.asks("bob", order=ApprovalOrder.AFTER_SUCCESSFUL_GATES)
    gated(pre=asks).when(started()).later(minutes=35).then(Dev="gateFailed").asked("Dev")


@pytest.mark.parametrize(("answer", "shows"), [(approved, "queuedForAgent"), (refused, "rejected")])
def test_people_who_are_asked_whatever_the_gates_said_decide(answer, shows):
    asks = make.asks("bob", order=ApprovalOrder.AFTER_GATES_ALWAYS)
    told = gated(pre=asks).when(started()).later(minutes=35)
    told.then(Dev="inProgress notDeployed pending").asked("Dev", bob="pending")
    told.when(answer("Dev")).then(Dev=shows)


def test_failed_gates_are_not_approved_by_nobody():
    nobody = make.asks(order=ApprovalOrder.AFTER_GATES_ALWAYS)
    gated(pre=nobody).when(started()).later(minutes=35).then(Dev="gateFailed").asked("Dev")
