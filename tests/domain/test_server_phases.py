"""Phases without an agent: tasks in order, delays, manual interventions (SEMANTICS 20, 21)."""

from datetime import timedelta

import pytest

from quaymaster.domain.changes import JobAnswered, JobAwaits, JobFinished
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.release import JobKind
from quaymaster.domain.statuses import InterventionStatus, JobStatus
from tests import make
from tests.story import (
    abandoned,
    answered,
    awaits,
    canceled,
    claimed,
    fails,
    phase_ends,
    reports,
    started,
    story,
    works,
)


def of(*tasks, **changes):
    return story(make.plan("Dev", Dev={"phases": (make.server_phase(*tasks),)}), **changes)


def statuses(told):
    return [str(job.status) for job in told.deployment("Dev").jobs]


def test_the_tasks_of_a_server_phase_have_their_turn_one_after_another():
    told = of(make.task("A"), make.task("B"), make.task("C", enabled=False)).when(started())
    told.then(Dev="inProgress inProgress queuedForAgent")
    assert statuses(told) == ["waiting", "held"]
    assert {job.kind for job in told.deployment("Dev").jobs} == {JobKind.SERVER}
    told.when(phase_ends("Dev"))
    assert statuses(told) == ["succeeded", "waiting"]
    told.when(works("Dev")).then(Dev="approved")


def test_after_a_failed_task_the_others_are_skipped_unless_they_want_to_run():
    told = of(make.task("A"), make.task("B"), make.task("C", always_run=True)).when(started())
    told.when(fails("Dev"))
    assert statuses(told) == ["failed", "skipped", "waiting"]
    told.when(works("Dev")).then(Dev="rejected failed phaseFailed")


def test_a_server_phase_without_tasks_succeeds():
    of().when(started()).then(Dev="approved")


def test_a_condition_that_cannot_be_read_fails_its_task():
    told = of(make.task("A", condition="eq(1,")).when(started())
    told.then(Dev="rejected notDeployed phaseFailed")
    assert "Condition of task A" in told.deployment("Dev").jobs[0].error


def test_a_delay_waits_for_the_clock_and_no_worker():
    told = of(make.delay("10")).when(started()).then(Dev="inProgress inProgress phaseInProgress")
    told.later(minutes=9).then(Dev="phaseInProgress").later(minutes=1).then(Dev="approved")


def test_a_delay_may_be_told_by_a_variable():
    told = of(make.delay("$(wait)"), variables={"Wait": "3"}).when(started())
    told.later(minutes=3).then(Dev="approved")


@pytest.mark.parametrize("minutes", ["soon", "-1", "1.5", "", "86401", "9" * 5000])
def test_a_delay_that_is_no_number_of_minutes_fails(minutes):
    told = of(make.delay(minutes)).when(started()).then(Dev="rejected notDeployed phaseFailed")
    assert "is not a number of minutes from 0 to 86400" in told.deployment("Dev").jobs[0].error


def test_what_may_fail_does_not_fail_the_phase():
    told = of(make.delay("soon", continue_on_error=True)).when(started())
    told.then(Dev="partiallySucceeded partiallySucceeded approved")


def test_canceling_ends_a_delay_at_once():
    told = of(make.delay("10"), make.task("B")).when(started(), canceled("Dev"))
    told.then(Dev="canceled failed phaseCanceled")


def test_no_worker_can_run_a_pause():
    told = of(make.delay("10")).when(started())
    job = told.deployment("Dev").jobs[0].id
    claim = [type(event)(job, "w", "t") for event in claimed("Dev")(story().when(started()))]
    told.refuses(lambda _: claim, Conflict, "no worker runs it")


# ---- manual interventions -------------------------------------------------------------------


def asking(**changes):
    return of(make.intervention(instructions="Check $(site)", **changes), variables={"Site": "A"})


def test_an_intervention_asks_with_its_instructions_and_waits():
    told = asking().when(started()).then(Dev="inProgress inProgress manualInterventionPending")
    (asked,) = told.deployment("Dev").interventions
    assert (asked.name, asked.instructions) == ("Look at it", "Check A")
    assert (asked.status, asked.due_at) == (
        InterventionStatus.PENDING,
        make.NOW + timedelta(days=60),
    )


def test_who_resumes_lets_the_phase_go_on():
    told = asking().when(started(), answered("Dev", comment="fine")).then(Dev="approved")
    (asked,) = told.deployment("Dev").interventions
    assert (asked.status, asked.answered_by, asked.comment) == ("approved", "carol", "fine")


def test_who_rejects_fails_the_stage():
    told = asking().when(started(), answered("Dev", resumes=False, comment="no"))
    told.then(Dev="rejected failed phaseFailed")
    assert told.deployment("Dev").jobs[0].error == "Look at it was rejected. no"


def test_only_an_open_question_can_be_answered():
    told = asking().when(started(), answered("Dev"))
    told.refuses(answered("Dev"), Refused, "is already approved and can no longer be changed")
    unknown = [type(event)(7, None, True) for event in answered("Dev")(told)]
    told.refuses(lambda _: unknown, NotFound, "There is no manual intervention 7")


@pytest.mark.parametrize(
    ("on_timeout", "shows", "status"),
    [("reject", "phaseFailed", "rejected"), ("resume", "approved", "approved")],
)
def test_nobody_answers(on_timeout, shows, status):
    told = asking(onTimeout=on_timeout, timeout=timedelta(minutes=30)).when(started())
    told.later(minutes=29).then(Dev="manualInterventionPending").later(minutes=1).then(Dev=shows)
    (asked,) = told.deployment("Dev").interventions
    assert (asked.status, asked.answered_by) == (status, None)


def test_sixty_days_are_the_default():
    told = asking().when(started()).later(days=59).then(Dev="manualInterventionPending")
    told.later(days=1).then(Dev="phaseFailed")


def test_canceling_closes_the_question():
    told = asking().when(started(), canceled("Dev")).then(Dev="canceled failed phaseCanceled")
    assert told.deployment("Dev").interventions[0].status is InterventionStatus.CANCELED


def test_an_intervention_skipped_by_its_condition_asks_nobody():
    told = asking(condition="failed()").when(started()).then(Dev="approved")
    assert told.deployment("Dev").interventions == ()
    assert told.deployment("Dev").jobs[0].status is JobStatus.SKIPPED


def test_a_release_that_waits_for_a_person_within_its_work_is_not_abandoned():
    asking().when(started()).refuses(abandoned(), Refused, "deployment is in progress")


def test_the_phases_around_an_intervention():
    plan = (make.phase(1), make.server_phase(make.intervention(), rank=2), make.phase(3))
    told = story(make.plan("Dev", Dev={"phases": plan})).when(started(), phase_ends("Dev"))
    told.then(Dev="manualInterventionPending").when(answered("Dev")).then(Dev="queuedForAgent")
    told.when(works("Dev")).then(Dev="approved")


# ---- services that report when they are done (20.3) -----------------------------------------

SOON = make.NOW + timedelta(minutes=30)


def awaiting(**changes):
    told = of(make.task("Ask", **changes), make.task("After")).when(started())
    return told.when(awaits("Dev", SOON))


def test_a_job_that_awaits_a_report_is_held_by_nobody():
    told = awaiting().then(Dev="inProgress inProgress phaseInProgress")
    (asked, _) = told.deployment("Dev").jobs
    assert (asked.kind, asked.worker, asked.due_at) == (JobKind.CALL_BACK, "", SOON)
    late = JobFinished(asked.id, f"token-{asked.id}", JobStatus.FAILED)
    told.refuses(lambda _: [late], Conflict, "waits for the clock, a person or a service")


def test_the_report_ends_the_job_and_a_second_one_changes_nothing():
    told = awaiting().when(reports("Dev"))
    assert statuses(told) == ["succeeded", "waiting"]
    before = told.release
    again = JobAnswered(told.deployment("Dev").jobs[0].id, JobStatus.FAILED, "late")
    assert decide(before, again, told.now) == (before, [])


def test_a_report_of_failure_fails_the_stage_unless_the_task_may_fail():
    told = awaiting().when(reports("Dev", JobStatus.FAILED, "It broke."))
    told.then(Dev="rejected failed phaseFailed")
    assert told.deployment("Dev").jobs[0].error == "It broke."
    told = awaiting(continue_on_error=True).when(reports("Dev", JobStatus.FAILED, "It broke."))
    assert statuses(told) == ["withIssues", "waiting"]


def test_a_service_that_does_not_report_in_time_has_failed():
    told = awaiting().later(minutes=29).then(Dev="phaseInProgress").later(minutes=1)
    told.then(Dev="rejected failed phaseFailed")
    assert "did not report in time" in told.deployment("Dev").jobs[0].error
    before = told.release
    late = JobAnswered(told.deployment("Dev").jobs[0].id, JobStatus.SUCCEEDED)
    assert decide(before, late, told.now) == (before, [])


def test_canceling_waits_for_no_service():
    told = awaiting().when(canceled("Dev")).then(Dev="canceled failed phaseCanceled")
    assert statuses(told) == ["canceled", "canceled"]


def test_a_worker_that_has_lost_the_job_cannot_let_it_wait():
    told = of(make.task("Ask")).when(started(), claimed("Dev"))
    (job,) = told.deployment("Dev").jobs
    told.refuses(lambda _: [JobAwaits(job.id, "other", SOON)], Conflict, "not run by this worker")
