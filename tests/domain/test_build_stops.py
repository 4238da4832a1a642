"""One stage of a build is canceled or run again; the others go on (SEMANTICS 23.4)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from quaymaster.domain.build import BuildResult, BuildStatus
from quaymaster.domain.build_events import (
    BuildCanceled,
    BuildLetGo,
    BuildRetried,
    BuildTimeCame,
)
from quaymaster.domain.build_plan import BuildStagePlan
from quaymaster.domain.building import due_at
from quaymaster.domain.errors import NotFound, Refused
from quaymaster.domain.events import JobAwaits
from quaymaster.domain.explain_build import BuildSurroundings, explain_build
from quaymaster.domain.plan import PhaseKind
from quaymaster.domain.reasons import ReasonKind
from quaymaster.domain.release import JobKind
from quaymaster.domain.statuses import InterventionStatus, JobStatus
from tests.domain.test_build_phases import CALL, delay, question, task, without_agent
from tests.domain.test_building import LATER, NOW, done, ends, job, queued, runs, statuses, told

STAGES = (
    BuildStagePlan("Make"),
    BuildStagePlan("Test"),
    BuildStagePlan("Ship", depends_on=("Test",)),
    BuildStagePlan("Tidy", depends_on=("Test",), condition="always()"),
)


def staged(*more, **changes):
    """Make and Test run side by side; Ship follows a good test, Tidy any."""
    jobs = [job("M", stage="Make"), job("T", stage="Test"), job("U", "T", stage="Test")]
    jobs += [job("S", stage="Ship"), job("C", stage="Tidy")]
    return queued(*jobs, *more, stages=STAGES, **changes)


def canceling(build, stage, now=NOW):
    return told(build, BuildCanceled("ann", stage), now)


def test_what_waits_of_a_canceled_stage_ends_at_once_and_the_rest_goes_on():
    build = canceling(staged(), "test")
    expected = {"M": "waiting", "T": "canceled", "U": "canceled", "S": "skipped", "C": "waiting"}
    assert statuses(build) == expected
    build = done(done(build, "M"), "C")
    assert (build.status, build.result) == (BuildStatus.COMPLETED, BuildResult.CANCELED)


def test_a_stage_that_was_not_begun_can_be_canceled():
    build = canceling(staged(), "Ship")
    assert statuses(build) == {"M": "waiting", "T": "waiting", "S": "canceled"}
    build = done(done(build, "T"), "U")
    assert statuses(build)["S"] == "canceled"


def test_a_running_job_of_a_canceled_stage_is_asked_to_stop_and_given_up_if_it_does_not():
    build = canceling(runs(runs(staged(), "M"), "T"), "Test")
    assert build.status is BuildStatus.IN_PROGRESS
    assert [one.key for one in build.jobs if one.is_stopping] == ["T"]
    assert due_at(build) == NOW + timedelta(minutes=3)
    assert canceling(build, "Test", LATER) == build
    assert told(build, BuildTimeCame(), NOW + timedelta(minutes=2)) == build
    given_up = told(build, BuildTimeCame(), LATER)
    assert statuses(given_up) == {
        "M": "running",
        "T": "canceled",
        "U": "canceled",
        "S": "skipped",
        "C": "waiting",
    }
    assert "in the time that a cancel leaves it" in given_up.newest("T").error
    assert statuses(ends(build, "T", JobStatus.CANCELED))["C"] == "waiting"


def test_a_build_says_what_has_yet_to_stop():
    build = canceling(runs(staged(), "T"), "Test")
    reasons = explain_build(build, BuildSurroundings("Web"))
    [reason] = [one for one in reasons if one.kind is ReasonKind.STOPPING]
    assert (reason.text, reason.clears_at) == (
        "'T' is being canceled and has yet to stop.",
        NOW + timedelta(minutes=3),
    )


def test_pauses_of_a_canceled_stage_end_with_it():
    waits = replace(without_agent("D", delay("10")), stage="Make")
    asks = replace(without_agent("Q", question()), stage="Make")
    build = canceling(staged(waits, asks), "Make")
    assert statuses(build)["D"] == statuses(build)["Q"] == "canceled"
    assert build.newest("Q").question.status is InterventionStatus.CANCELED


def test_a_service_that_is_being_asked_is_not_waited_for_after_the_cancel():
    calls = replace(without_agent("A", task(CALL)), stage="Make")
    build = runs(staged(calls), "A")
    assert build.newest("A").kind is JobKind.SERVER
    assert calls.work.kind is PhaseKind.SERVER
    build = canceling(build, "Make")
    build = told(build, JobAwaits(build.newest("A").id, "t", LATER))
    assert statuses(build)["A"] == "canceled"


def test_a_stage_of_a_paused_pipeline_stays_canceled_when_the_rest_begins():
    build = told(canceling(staged(is_held=True), "Test"), BuildLetGo())
    assert (statuses(build)["M"], statuses(build)["T"]) == ("waiting", "canceled")


def test_only_a_stage_that_is_there_and_not_over_can_be_canceled():
    build = done(staged(), "M")
    with pytest.raises(Refused, match="stage Make is completed"):
        canceling(build, "Make")
    with pytest.raises(NotFound):
        canceling(build, "Mak")
    all_of_it = told(build, BuildCanceled("ann"))
    with pytest.raises(Refused, match="build is completed"):
        canceling(all_of_it, "Test")


def test_a_build_that_is_canceled_after_one_of_its_stages_is_canceled_whole():
    build = canceling(runs(runs(staged(), "M"), "T"), "Test")
    build = told(build, BuildCanceled("ann"), NOW + timedelta(minutes=1))
    assert build.status is BuildStatus.CANCELLING
    assert due_at(build) == NOW + timedelta(minutes=3)  # the first to be asked is the first late
    build = ends(ends(build, "T", JobStatus.CANCELED), "M", JobStatus.CANCELED)
    assert build.result is BuildResult.CANCELED


def failed():
    """Make failed, Test failed in its second job; Ship was left out, Tidy ran."""
    build = done(done(staged(), "M", JobStatus.FAILED), "T")
    return done(done(build, "U", JobStatus.FAILED), "C")


def test_of_two_failed_stages_the_one_that_is_named_runs_again_with_what_follows():
    build = told(failed(), BuildRetried("test"), LATER)
    assert statuses(build) == {
        "M": "failed",
        "T": "succeeded",
        "U": "waiting",
        "S": "held",
        "C": "held",
    }


def test_all_jobs_of_a_stage_may_run_again():
    build = told(failed(), BuildRetried("Test", everything=True), LATER)
    again = {one.key for one in build.current if one.attempt == 2}
    assert again == {"T", "U", "S", "C"}
    with pytest.raises(Refused, match="no job"):
        told(done(queued(job("A", stage="Make"), stages=STAGES[:1]), "A"), BuildRetried("Make"))
