"""The life of a build, told on the pure core (SEMANTICS 23)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.domain.build import Build, BuildId, BuildResult, BuildStatus
from quaymaster.domain.build_events import (
    BuildCanceled,
    BuildHeld,
    BuildLetGo,
    BuildQueued,
    BuildRetried,
    BuildTimeCame,
)
from quaymaster.domain.build_plan import BuildJobPlan, BuildPlan, BuildStagePlan
from quaymaster.domain.building import decide, due_at
from quaymaster.domain.changes import JobClaimed, JobFinished, JobLost
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.plan import PhasePlan
from quaymaster.domain.release import JobId
from quaymaster.domain.statuses import JobStatus

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def job(key, *depends_on, stage="", condition="", **changes):
    work = PhasePlan(1, key, condition=condition, cancel_timeout=timedelta(minutes=2))
    return BuildJobPlan(key, stage, work, tuple(depends_on), **changes)


def queued(*jobs, stages=(), is_held=False, **changes):
    plan = BuildPlan(jobs=jobs, stages=tuple(stages))
    build = Build(BuildId(1), 1, plan, NOW, **changes)
    return numbered(decide(build, BuildQueued(is_held), NOW))


def numbered(build):
    """Ids as the store gives them."""
    jobs = tuple(
        one if one.id else replace(one, id=JobId(place)) for place, one in enumerate(build.jobs, 1)
    )
    return replace(build, jobs=jobs)


def told(build, event, now=NOW):
    return numbered(decide(build, event, now))


def runs(build, key, token="t"):
    return told(build, JobClaimed(build.newest(key).id, "worker", token))


def ends(build, key, status=JobStatus.SUCCEEDED, token="t"):
    return told(build, JobFinished(build.newest(key).id, token, status))


def done(build, key, status=JobStatus.SUCCEEDED):
    return ends(runs(build, key), key, status)


def statuses(build):
    return {one.key: one.status.value for one in build.current}


def test_a_build_waits_runs_and_ends_with_its_job():
    build = queued(job("Job"))
    assert build.status is BuildStatus.NOT_STARTED
    build = runs(build, "Job")
    assert build.status is BuildStatus.IN_PROGRESS
    build = ends(build, "Job")
    assert (build.status, build.result) == (BuildStatus.COMPLETED, BuildResult.SUCCEEDED)


def test_a_build_without_jobs_is_completed_at_once():
    assert queued().result is BuildResult.SUCCEEDED


def test_a_job_starts_when_those_it_depends_on_have_succeeded():
    build = queued(job("A"), job("B"), job("C", "A", "B"))
    build = done(build, "A")
    assert build.newest("C") is None
    build = done(build, "B")
    assert statuses(build)["C"] == "waiting"


def test_after_a_failure_what_depends_on_it_is_skipped_and_so_is_what_follows():
    build = queued(job("A"), job("B", "A"), job("C", "B"))
    build = done(build, "A", JobStatus.FAILED)
    assert statuses(build) == {"A": "failed", "B": "skipped", "C": "skipped"}
    assert build.result is BuildResult.FAILED


@pytest.mark.parametrize(
    ("condition", "runs_after_failure"),
    [("always()", True), ("failed()", True), ("succeeded()", False), ("succeededOrFailed()", True)],
)
def test_a_condition_decides_whether_a_job_runs(condition, runs_after_failure):
    build = done(queued(job("A"), job("B", "A", condition=condition)), "A", status=JobStatus.FAILED)
    assert (statuses(build)["B"] == "waiting") is runs_after_failure


def test_a_condition_sees_the_variables_of_the_build_and_the_job():
    condition = "and(eq(variables['Build.Reason'], 'manual'), eq(variables['leg'], '2'))"
    build = queued(
        job("A", condition=condition, variables={"leg": "2"}),
        job("B", condition=condition, variables={"leg": "1"}),
        variables={"Build.Reason": "manual"},
    )
    assert statuses(build) == {"A": "waiting", "B": "skipped"}


def test_a_condition_that_cannot_be_evaluated_fails_its_job():
    build = queued(job("A", condition="eq(1,"))
    assert build.result is BuildResult.FAILED
    assert "Condition of job A" in build.newest("A").error


def test_stages_follow_one_another():
    stages = (BuildStagePlan("Build"), BuildStagePlan("Test", depends_on=("Build",)))
    build = queued(job("A", stage="Build"), job("T", stage="Test"), stages=stages)
    assert build.newest("T") is None
    assert statuses(done(build, "A"))["T"] == "waiting"


def test_issues_and_tolerated_failures_make_a_build_partially_succeeded():
    build = done(queued(job("A")), "A", JobStatus.WITH_ISSUES)
    assert build.result is BuildResult.PARTIALLY_SUCCEEDED
    build = done(queued(job("A", continue_on_error=True)), "A", JobStatus.FAILED)
    assert build.result is BuildResult.PARTIALLY_SUCCEEDED


def test_a_canceled_build_that_has_not_started_is_over_at_once():
    build = told(queued(job("A"), job("B", "A")), BuildCanceled("ann"))
    assert (build.status, build.result) == (BuildStatus.COMPLETED, BuildResult.CANCELED)
    assert set(statuses(build).values()) == {"canceled"}


def test_a_running_job_is_asked_to_stop_and_given_up_when_it_does_not():
    build = told(runs(queued(job("A")), "A"), BuildCanceled("ann"))
    assert build.status is BuildStatus.CANCELLING
    assert due_at(build) == NOW + timedelta(minutes=3)
    assert told(build, BuildTimeCame(), NOW + timedelta(minutes=2)) == build
    build = told(build, BuildTimeCame(), LATER)
    assert build.result is BuildResult.CANCELED
    with pytest.raises(Conflict):
        ends(build, "A")


def test_a_completed_build_cannot_be_canceled():
    with pytest.raises(Refused):
        told(done(queued(job("A")), "A"), BuildCanceled())


def test_while_the_definition_is_paused_no_job_starts():
    build = queued(job("A"), is_held=True)
    assert not build.jobs
    assert statuses(told(build, BuildLetGo())) == {"A": "waiting"}


def test_a_stale_token_changes_nothing():
    build = runs(queued(job("A")), "A", token="new")
    with pytest.raises(Conflict):
        ends(build, "A", token="old")
    with pytest.raises(Conflict):
        runs(build, "A", token="other")
    assert runs(build, "A", token="new") == build
    with pytest.raises(NotFound):
        told(build, JobClaimed(JobId(99), "w", "t"))


def test_a_lost_worker_fails_the_job_once():
    build = runs(queued(job("A")), "A")
    build = told(build, JobLost(build.newest("A").id, "t", "gone"))
    assert (build.result, build.newest("A").error) == (BuildResult.FAILED, "gone")


def test_a_retry_runs_what_failed_and_what_depends_on_it_in_new_attempts():
    build = done(queued(job("A"), job("B"), job("C", "B")), "A")
    build = done(build, "B", JobStatus.FAILED)
    build = told(build, BuildRetried(), LATER)
    assert build.status is BuildStatus.IN_PROGRESS
    assert statuses(build) == {"A": "succeeded", "B": "waiting", "C": "held"}
    build = done(build, "B")
    build = done(build, "C")
    assert build.result is BuildResult.SUCCEEDED
    assert [one.attempt for one in build.jobs if one.key == "B"] == [1, 2]


def test_there_is_nothing_to_retry_in_a_good_build_or_in_a_running_one():
    with pytest.raises(Refused):
        told(queued(job("A")), BuildRetried())
    good = done(queued(job("A")), "A")
    with pytest.raises(Refused):
        told(good, BuildRetried())
    assert statuses(told(good, BuildRetried(everything=True))) == {"A": "waiting"}


def test_a_build_that_has_not_started_is_held_when_its_definition_is_paused():
    build = told(queued(job("A")), BuildHeld())
    assert statuses(build) == {"A": "held"}
    with pytest.raises(Conflict):
        runs(build, "A")
    assert statuses(told(build, BuildLetGo())) == {"A": "waiting"}
    running = runs(queued(job("A")), "A")
    assert told(running, BuildHeld()) == running
