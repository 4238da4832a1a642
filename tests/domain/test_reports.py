"""Deployments that somebody outside does and tells of (AVIATOR 4)."""

from datetime import timedelta

import pytest

from quaymaster.domain.errors import Refused
from quaymaster.domain.plan import StageReached
from quaymaster.domain.release import Outcome
from quaymaster.domain.spreading import EXTERNAL
from quaymaster.domain.statuses import JobStatus, StageStatus
from quaymaster.domain.statuses import ReportedStatus as R
from quaymaster.domain.workflows import Method, Workflow, written
from tests import make
from tests.story import (
    Story,
    approved,
    canceled,
    claimed,
    deployed,
    phase_ends,
    quarantine_lifted,
    quarantined,
    reported,
    started,
    story,
)

OUTSIDE = (make.server_phase(make.task("Wait for reports", EXTERNAL)),)


def outside(**dev: object) -> Story:
    plan = make.plan("Dev", Dev={"phases": OUTSIDE, **dev})
    return story(plan, manual=("Dev",)).when(started())


def test_a_deployment_waits_for_its_reports():
    told = outside().when(deployed("Dev")).then(Dev="queuedForAgent")
    told.when(reported("Dev", R.IN_PROGRESS)).then(Dev="inProgress inProgress phaseInProgress")
    told.when(reported("Dev", R.SUCCEEDED)).then(Dev="succeeded succeeded approved")


def test_a_report_without_a_deployment_makes_one():
    told = outside().when(reported("Dev", R.FAILED, problem="Out of memory."))
    told.then(Dev="rejected failed phaseFailed")
    assert told.deployment("Dev").problem == "Out of memory."


def test_whoever_is_asked_is_not_asked_any_more_once_the_outside_has_begun():
    told = outside(pre_approvals=make.asks("bob")).when(deployed("Dev")).then(Dev="pending")
    told.when(reported("Dev", R.IN_PROGRESS)).asked("Dev", bob="canceled")


def test_pending_tells_nothing_of_what_waits_here():
    told = outside(pre_approvals=make.asks("bob")).when(deployed("Dev"))
    told.ignores(reported("Dev", R.PENDING)).when(approved("Dev")).then(Dev="queuedForAgent")


@pytest.mark.parametrize("first", [None, R.IN_PROGRESS, R.CANCELING])
def test_an_hour_without_news_is_an_error(first):
    told = outside().when(deployed("Dev"))
    if first:
        told.later(minutes=30).when(reported("Dev", first))
    told.later(minutes=59)
    assert told.deployment("Dev").outcome is None
    told.later(minutes=1).then(Dev="rejected failed phaseFailed")
    assert told.deployment("Dev").outcome is Outcome.ERROR


def test_another_end_corrects_the_one_told_before():
    told = outside().when(reported("Dev", R.SUCCEEDED), reported("Dev", R.FAILED))
    assert told.deployment("Dev").attempt == 1
    told.then(Dev="rejected failed phaseFailed").ignores(reported("Dev", R.FAILED))


def test_a_start_after_the_end_is_another_attempt():
    told = outside().when(reported("Dev", R.SUCCEEDED), reported("Dev", R.IN_PROGRESS))
    assert told.deployment("Dev").attempt == 2


def test_a_start_after_the_end_may_be_the_same_attempt_by_setting():
    told = outside().when(reported("Dev", R.SUCCEEDED))
    told.when(reported("Dev", R.IN_PROGRESS, reopens=True)).then(Dev="phaseInProgress")
    assert told.deployment("Dev").attempt == 1


def test_the_end_of_a_deployment_is_never_cleared():
    told = outside().when(reported("Dev", R.SUCCEEDED))
    ended_at = told.deployment("Dev").completed_at
    assert ended_at is not None
    told.later(minutes=5).when(reported("Dev", R.IN_PROGRESS, reopens=True))
    assert told.deployment("Dev").completed_at == ended_at
    told.later(minutes=5).when(reported("Dev", R.FAILED))
    assert told.deployment("Dev").completed_at == told.now


def test_an_unknown_end_is_taken_up_again():
    told = outside().when(reported("Dev", R.IN_PROGRESS), reported("Dev", R.UNKNOWN))
    told.then(Dev="undefined undefined undefined").when(reported("Dev", R.IN_PROGRESS))
    assert told.deployment("Dev").attempt == 1
    told.when(reported("Dev", R.SUCCEEDED)).then(Dev="approved")


def test_canceling_ends_at_once_because_nobody_here_works_on_it():
    told = outside().when(deployed("Dev"), canceled("Dev"))
    told.then(Dev="canceled failed phaseCanceled")
    outside().when(reported("Dev", R.IN_PROGRESS), canceled("Dev")).then(Dev="phaseCanceled")


def test_work_of_our_own_workers_is_nobody_elses_to_tell():
    told = story("Dev").when(started(), claimed("Dev"))
    told.refuses(reported("Dev", R.SUCCEEDED), Refused, "is run here")


def test_how_our_own_workers_ended_is_nobody_elses_to_tell_either():
    """What waits for a success must not start because somebody says so; a new start is a fact."""
    told = story("Dev → QA").when(started(), phase_ends("Dev", JobStatus.FAILED))
    for status in (R.SUCCEEDED, R.CANCELED, R.UNKNOWN):
        told.refuses(reported("Dev", status), Refused, "was run here")
    told.refuses(reported("Dev", R.IN_PROGRESS, reopens=True), Refused, "was run here")
    told.ignores(reported("Dev", R.FAILED)).then(Dev="phaseFailed", QA="notStarted")
    told.when(reported("Dev", R.IN_PROGRESS), reported("Dev", R.SUCCEEDED))
    assert told.deployment("Dev").attempt == 2
    told.then(QA="queuedForAgent")


def test_what_was_told_starts_what_waits_for_it():
    plan = make.plan("Dev → QA", Dev={"phases": OUTSIDE}, QA={"phases": OUTSIDE})
    assert isinstance(plan.stages[1].conditions[0], StageReached)
    assert StageStatus.SUCCEEDED in plan.stages[1].conditions[0].statuses
    told = story(plan, manual=("Dev",)).when(started(), reported("Dev", R.SUCCEEDED))
    told.then(QA="queuedForAgent")


def test_a_quarantined_release_is_deployed_nowhere():
    told = outside().when(quarantined("It loses orders."))
    told.refuses(deployed("Dev"), Refused, "It loses orders")
    told.when(quarantine_lifted(), deployed("Dev")).then(Dev="queuedForAgent")


def test_quarantine_cancels_what_only_waits_and_leaves_what_runs():
    plan = make.plan("Dev; QA", Dev={"pre_approvals": make.asks("bob")})
    told = story(plan).when(started(), claimed("QA"), quarantined())
    told.then(Dev="canceled", QA="phaseInProgress")


def test_nothing_starts_by_itself_in_quarantine():
    told = story("Dev → QA", manual=("Dev",)).when(started(), quarantined())
    told.when(reported("Dev", R.SUCCEEDED)).then(QA="notStarted")
    assert told.later(hours=1).now > make.NOW + timedelta(minutes=59)


# ---- workflows that were asked to do it ------------------------------------------------------


ASKED = (
    make.server_phase(
        make.task(
            "GitHub Actions",
            EXTERNAL,
            inputs=written(Workflow(Method.GITHUB_ACTIONS, "deploy.yml")),
        )
    ),
)


def asked() -> Story:
    plan = make.plan("Dev", Dev={"phases": ASKED})
    return story(plan, manual=("Dev",)).when(started(), deployed("Dev"))


@pytest.mark.parametrize("told", [None, R.IN_PROGRESS])
def test_a_workflow_that_was_asked_has_to_stop_before_the_deployment_is_canceled(told):
    waiting = asked()
    if told:
        waiting.when(reported("Dev", told))
    waiting.when(canceled("Dev")).then(Dev="cancelling")
    waiting.when(reported("Dev", R.CANCELED))
    assert waiting.deployment("Dev").outcome is Outcome.CANCELED


@pytest.mark.parametrize("told", [None, R.IN_PROGRESS])
def test_a_workflow_that_does_not_confirm_is_waited_for_no_longer(told):
    waiting = asked()
    if told:
        waiting.when(reported("Dev", told))
    waiting.when(canceled("Dev")).later(minutes=1)
    assert waiting.deployment("Dev").outcome is None
    waiting.later(minutes=1)
    ended = waiting.deployment("Dev")
    assert ended.outcome is Outcome.CANCELED
    assert ended.jobs[0].error.startswith("The workflow did not confirm")


def test_a_workflow_that_was_quicker_than_the_cancel_has_deployed():
    done = asked().when(canceled("Dev"), reported("Dev", R.SUCCEEDED))
    assert done.deployment("Dev").outcome is Outcome.SUCCEEDED
