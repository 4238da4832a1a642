"""Phases of several jobs: configurations, machines, targets (SEMANTICS 12.5, 12.6)."""

from dataclasses import replace
from itertools import count

import pytest

from quaymaster.domain.changes import JobClaimed, JobFinished
from quaymaster.domain.errors import Refused
from quaymaster.domain.plan import Parallelism, PhaseKind, Spread, TargetGroup
from quaymaster.domain.release import Target
from quaymaster.domain.statuses import JobStatus
from tests import make
from tests.story import canceled, deployed, started, story, works

CONFIGURATIONS = Spread.CONFIGURATIONS


def spread(*multipliers, most=2, continue_on_error=False, **variables):
    parallel = Parallelism(CONFIGURATIONS, multipliers, most, continue_on_error)
    plan = make.plan("Dev", Dev={"phases": (make.phase(parallelism=parallel), make.phase(2))})
    return story(plan, variables=variables)


def group(*targets, tags=(), demands=(), **rolling):
    one = make.phase(
        kind=PhaseKind.DEPLOYMENT_GROUP,
        queue_id=7,
        targets=TargetGroup(tags, **rolling),
        demands=demands,
    )
    plan = make.plan("Dev", Dev={"phases": (one, make.phase(2))})
    return story(plan, targets={7: targets})


def targets(*names, **changes):
    return [Target(number, name, **changes) for number, name in zip(count(1), names, strict=False)]


def ends(position, status=JobStatus.SUCCEEDED):
    def events(told):
        job = told.deployment("Dev").phases[0].jobs[position]
        yield JobClaimed(job.id, "worker", f"token-{job.id}")
        yield JobFinished(job.id, f"token-{job.id}", status)

    return events


def statuses(told):
    return [str(job.status) for job in told.deployment("Dev").phases[0].jobs]


# ---- configurations -------------------------------------------------------------------------


def test_a_job_for_each_combination_with_its_own_values():
    told = spread("Region", "browser", region="west, east", Browser="ff,chrome").when(started())
    jobs = told.deployment("Dev").jobs
    assert [dict(job.variables) for job in jobs] == [
        {"Region": "west", "browser": "ff"},
        {"Region": "west", "browser": "chrome"},
        {"Region": "east", "browser": "ff"},
        {"Region": "east", "browser": "chrome"},
    ]
    assert jobs[1].name == "Phase 1 (west, chrome)"


def test_only_so_many_at_once():
    told = spread("r", r="a,b,c").when(started())
    assert statuses(told) == ["waiting", "waiting", "held"]
    told.when(ends(1))
    assert statuses(told) == ["waiting", "succeeded", "waiting"]
    told.when(works("Dev")).then(Dev="approved")


def test_after_a_failure_no_new_jobs_start():
    told = spread("r", r="a,b,c").when(started(), ends(0, JobStatus.FAILED))
    assert statuses(told) == ["failed", "waiting", "skipped"]
    told.when(ends(1)).then(Dev="rejected failed phaseFailed")


def test_with_continue_on_error_the_others_go_on_and_the_phase_succeeds_partially():
    told = spread("r", r="a,b,c", continue_on_error=True)
    told.when(started(), ends(0, JobStatus.FAILED))
    assert statuses(told) == ["failed", "waiting", "waiting"]
    told.when(works("Dev")).then(Dev="partiallySucceeded partiallySucceeded approved")


def test_with_continue_on_error_a_phase_of_failures_only_fails():
    told = spread("r", r="a,b", continue_on_error=True)
    told.when(started(), ends(0, JobStatus.FAILED), ends(1, JobStatus.FAILED))
    told.then(Dev="rejected failed phaseFailed")


@pytest.mark.parametrize("variables", [{}, {"r": ""}, {"r": " , "}])
def test_a_multiplier_without_values_fails_the_phase(variables):
    told = spread("r", **variables).when(started()).then(Dev="rejected notDeployed phaseFailed")
    assert "multiplies by r" in told.deployment("Dev").phases[0].problem


def test_an_absurd_number_of_jobs_is_refused_by_name():
    many = ",".join(map(str, range(200)))
    told = spread("a", "b", a=many, b=many).when(started()).then(Dev="phaseFailed")
    assert "40000 jobs; at most 1000" in told.deployment("Dev").phases[0].problem


def test_canceling_cancels_those_that_were_held_back():
    told = spread("r", r="a,b,c").when(started(), canceled("Dev"))
    assert statuses(told) == ["canceled"] * 3
    told.then(Dev="canceled notDeployed canceled")


# ---- machines -------------------------------------------------------------------------------


def test_the_same_job_on_several_agents():
    parallel = Parallelism(Spread.MACHINES, most_agents=3)
    plan = make.plan("Dev", Dev={"phases": (make.phase(parallelism=parallel),)})
    told = story(plan).when(started())
    assert [(job.position, str(job.status)) for job in told.deployment("Dev").jobs] == [
        (0, "waiting"),
        (1, "waiting"),
        (2, "waiting"),
    ]
    told.when(ends(2, JobStatus.FAILED), works("Dev")).then(Dev="rejected failed phaseFailed")


# ---- deployment groups ----------------------------------------------------------------------


def test_one_job_for_each_target_that_carries_all_tags():
    web = targets("web1", "web2", tags=frozenset({"Web", "prod"}))
    told = group(*web, Target(9, "db", frozenset({"db"})), tags=("web", "PROD")).when(started())
    assert [(job.name, job.target) for job in told.deployment("Dev").jobs] == [
        ("web1", 1),
        ("web2", 2),
    ]


def test_one_target_at_a_time():
    told = group(*targets("a", "b", "c"), one_at_a_time=True).when(started())
    assert statuses(told) == ["waiting", "held", "held"]
    told.when(ends(0))
    assert statuses(told) == ["succeeded", "waiting", "held"]


@pytest.mark.parametrize(
    ("healthy", "at_once"), [(0, 5), (25, 3), (50, 2), (75, 1), (90, 1), (100, 1)]
)
def test_enough_targets_stay_healthy(healthy, at_once):
    told = group(*targets(*"abcde"), healthy_percent=healthy).when(started())
    assert statuses(told).count("waiting") == at_once


def test_a_failed_target_stays_out_of_order_and_too_many_stop_the_rollout():
    told = group(*targets(*"abcde"), healthy_percent=50).when(started())
    told.when(ends(0, JobStatus.FAILED))
    assert statuses(told) == ["failed", "waiting", "held", "held", "held"]
    told.when(ends(1))
    assert statuses(told) == ["failed", "succeeded", "waiting", "held", "held"]
    told.when(ends(2, JobStatus.FAILED))
    assert statuses(told) == ["failed", "succeeded", "failed", "skipped", "skipped"]


def test_some_failed_targets_make_a_partial_success_and_the_next_phase_runs():
    told = group(*targets(*"abc")).when(started(), ends(0, JobStatus.FAILED), ends(1), ends(2))
    told.then(Dev="queuedForAgent").when(works("Dev"))
    told.then(Dev="partiallySucceeded partiallySucceeded approved")


def test_all_targets_failed():
    told = group(*targets("a")).when(started(), ends(0, JobStatus.FAILED))
    told.then(Dev="rejected failed phaseFailed")


def test_offline_targets_are_passed_over():
    told = group(*targets("a", "b"), Target(3, "c", is_online=False)).when(started())
    assert statuses(told) == ["waiting", "waiting", "skipped"]
    assert "Target c is offline" in told.deployment("Dev").jobs[2].error
    told.when(works("Dev")).then(Dev="succeeded succeeded approved")


@pytest.mark.parametrize(
    ("there", "why"),
    [
        ((), "there is no target with the tags web in deployment group 7"),
        ((Target(1, "a"),), "there is no target with the tags web"),
        ((Target(1, "a", frozenset({"web"}), is_online=False),), "every target is offline"),
    ],
)
def test_without_a_target_that_is_online_the_phase_fails(there, why):
    told = group(*there, tags=("web",)).when(started()).then(Dev="rejected notDeployed phaseFailed")
    assert why in told.deployment("Dev").phases[0].problem


def test_a_target_that_went_offline_is_passed_over_when_its_turn_comes():
    told = group(*targets("a", "b", "c"), one_at_a_time=True).when(started())
    there = [*targets("a"), Target(2, "b", is_online=False), *targets("a", "b", "c")[2:]]
    told.release = replace(told.release, targets={7: tuple(there)})
    told.when(ends(0))
    assert statuses(told) == ["succeeded", "skipped", "waiting"]
    told.when(ends(2)).when(works("Dev")).then(Dev="succeeded succeeded approved")


def test_only_failed_targets_are_deployed_to_again():
    told = group(*targets(*"abc"), healthy_percent=50).when(started(), ends(0, JobStatus.FAILED))
    told.when(works("Dev"))
    assert statuses(told) == ["failed", "skipped", "skipped"]
    told.when(deployed("Dev", only_failed_targets=True), ends(0), ends(1))
    assert [job.name for job in told.deployment("Dev").phases[0].jobs] == ["a", "b", "c"]
    told.when(ends(2), works("Dev")).then(Dev="succeeded succeeded approved")
    with pytest.raises(Refused, match="left no target"):
        told.when(deployed("Dev", only_failed_targets=True))


def test_an_attempt_for_some_targets_skips_phases_without_them():
    told = group(*targets(*"ab")).when(started(), ends(0), ends(1), works("Dev"))
    told.when(deployed("Dev", only_targets=(9,))).when(works("Dev"))
    first, second = told.deployment("Dev").phases
    assert (first.is_skipped, second.is_skipped) == (True, False)
    told.when(deployed("Dev", only_targets=(2,)))
    assert [job.name for job in told.deployment("Dev").phases[0].jobs] == ["b"]
