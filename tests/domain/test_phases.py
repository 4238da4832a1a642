"""The work of a deployment: its phases and jobs, one after another (SEMANTICS 12)."""

from datetime import timedelta

from quaymaster.domain.changes import JobFinished, PhaseSkipped, PhaseStarted
from quaymaster.domain.errors import Conflict, Invalid, NotFound
from quaymaster.domain.statuses import JobStatus
from tests import make
from tests.story import claimed, fails, lost, phase_ends, started, story, works


def of(*phases):
    return make.plan("Dev", Dev={"phases": phases})


def test_a_job_waits_for_a_worker_then_runs_then_ends():
    told = story().when(started()).then(Dev="inProgress inProgress queuedForAgent")
    told.when(claimed("Dev")).then(Dev="inProgress inProgress phaseInProgress")
    told.when(phase_ends("Dev")).then(Dev="succeeded succeeded approved")
    assert told.deployment("Dev").completed_at == make.NOW


def test_phases_run_one_after_another_in_rank_order():
    told = story(of(make.phase(3), make.phase(1), make.phase(2))).when(started())
    told.when(phase_ends("Dev"), phase_ends("Dev")).then(Dev="queuedForAgent")
    told.when(phase_ends("Dev")).then(Dev="approved")
    assert [change.rank for change in told.changes(PhaseStarted)] == [1, 2, 3]


def test_a_stage_without_phases_succeeds_at_once():
    story(of()).when(started()).then(Dev="succeeded succeeded approved")


def test_after_a_failure_the_remaining_phases_are_skipped():
    told = story(of(make.phase(1), make.phase(2))).when(started(), fails("Dev"))
    told.then(Dev="rejected failed phaseFailed")
    assert [change.rank for change in told.changes(PhaseSkipped)] == [2]


def test_a_phase_may_run_after_a_failure_and_the_stage_still_fails():
    told = story(of(make.phase(1), make.phase(2, condition="always()"))).when(started())
    told.when(fails("Dev")).then(Dev="queuedForAgent")
    told.when(phase_ends("Dev")).then(Dev="rejected failed phaseFailed")


def test_a_phase_for_failures_is_skipped_after_success():
    told = story(of(make.phase(1), make.phase(2, condition="failed()"))).when(started())
    told.when(works("Dev")).then(Dev="approved")
    assert [change.rank for change in told.changes(PhaseSkipped)] == [2]


def test_issues_make_a_partial_success_and_count_as_success_for_the_next_phase():
    told = story(of(make.phase(1), make.phase(2))).when(started())
    told.when(phase_ends("Dev", JobStatus.WITH_ISSUES)).then(Dev="queuedForAgent")
    told.when(works("Dev")).then(Dev="partiallySucceeded partiallySucceeded approved")


def test_a_condition_sees_variables_the_nearer_ones_first():
    condition = "eq(variables['Region'], 'west')"
    told = story(of(make.phase(condition=condition)), variables={"region": "west"})
    told.when(started()).then(Dev="queuedForAgent")
    other = story(of(make.phase(condition=condition)), variables={"Region": "east"})
    other.when(started()).then(Dev="approved")


def test_a_condition_that_cannot_be_read_fails_its_phase_before_any_job():
    told = story(of(make.phase(condition="eq(1,"))).when(started())
    told.then(Dev="rejected notDeployed phaseFailed")
    assert "Condition of phase Phase 1" in told.deployment("Dev").phases[0].problem


def test_a_lost_worker_fails_the_job_with_the_reason():
    told = story().when(started(), claimed("Dev"), lost("Dev", "Worker w1 stopped answering."))
    told.then(Dev="rejected failed phaseFailed")
    assert told.deployment("Dev").jobs[0].error == "Worker w1 stopped answering."


def test_a_job_that_overstays_its_time_limit_is_failed():
    slow = make.phase(timeout=timedelta(minutes=10))
    told = story(of(slow)).when(started()).later(hours=3).when(claimed("Dev"))
    told.later(minutes=15).then(Dev="phaseInProgress")
    told.later(minutes=1).then(Dev="rejected failed phaseFailed")
    assert "maximum execution time" in told.deployment("Dev").jobs[0].error


def test_a_repeated_claim_and_a_repeated_report_change_nothing():
    told = story(of(make.phase(1), make.phase(2))).when(started())
    job = told.jobs("Dev")[0].id
    claim = list(claimed("Dev")(told))
    told.when(claimed("Dev")).ignores(lambda _: claim)
    told.when(phase_ends("Dev"))
    told.ignores(lambda _: [JobFinished(job, f"token-{job}", JobStatus.SUCCEEDED)])
    told.ignores(lambda _: [JobFinished(job, f"token-{job}", JobStatus.FAILED)])


def test_another_worker_can_neither_claim_nor_report():
    told = story().when(started())
    job = told.jobs("Dev")[0].id
    other = [type(event)(event.job, "w2", "other") for event in claimed("Dev")(told)]
    told.when(claimed("Dev")).refuses(lambda _: other, Conflict, "cannot be claimed")
    late = JobFinished(job, "other", JobStatus.SUCCEEDED)
    told.refuses(lambda _: [late], Conflict, "not run by this worker any more")
    told.then(Dev="phaseInProgress")


def test_a_report_must_say_how_the_job_ended():
    told = story().when(started(), claimed("Dev"))
    job = told.jobs("Dev")[0]
    report = JobFinished(job.id, job.token, JobStatus.RUNNING)
    told.refuses(lambda _: [report], Invalid, "not a way in which a job can end")


def test_a_report_about_an_unknown_job_is_not_found():
    report = JobFinished(7, "token", JobStatus.SUCCEEDED)
    story().when(started()).refuses(lambda _: [report], NotFound, "There is no job 7")


def test_a_job_that_its_worker_canceled_cancels_the_stage():
    told = story().when(started(), phase_ends("Dev", JobStatus.CANCELED))
    told.then(Dev="canceled failed phaseCanceled")
