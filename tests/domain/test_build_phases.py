"""Phases that become several jobs, tasks without an agent, and what jobs hand on (SEMANTICS 12)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from quaymaster.domain.build import BuildResult, BuildStatus
from quaymaster.domain.build_dependencies import own_variables
from quaymaster.domain.build_events import (
    BuildCanceled,
    BuildQuestionAnswered,
    BuildRetried,
    BuildTimeCame,
)
from quaymaster.domain.build_pauses import over_at
from quaymaster.domain.build_plan import BuildJobPlan, BuildPlan, BuildStagePlan
from quaymaster.domain.build_spreading import MOST_JOBS, spread
from quaymaster.domain.building import due_at
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.events import JobAnswered, JobAwaits, JobFinished
from quaymaster.domain.explain_build import BuildSurroundings, explain_build
from quaymaster.domain.plan import Parallelism, PhaseKind, PhasePlan, Spread, TaskPlan
from quaymaster.domain.release import JobId, JobKind, PersonId
from quaymaster.domain.spreading import DELAY, INTERVENTIONS
from quaymaster.domain.statuses import JobStatus
from tests.domain.test_building import (
    LATER,
    NOW,
    done,
    ends,
    job,
    numbered,
    queued,
    runs,
    statuses,
    told,
)

CALL = "9c3e8943-130d-4c78-ac63-8af81df62dfb"
MINUTE = timedelta(minutes=1)


def parallel(key, spread_as, *multipliers, most=1, tolerant=False, depends_on=()):
    """A phase that becomes several jobs."""
    how = Parallelism(spread_as, multipliers, most, tolerant)
    work = PhasePlan(1, key, reference_name=key, parallelism=how)
    return BuildJobPlan(key, "", work, depends_on)


def without_agent(key, *tasks, depends_on=(), **changes):
    work = PhasePlan(1, key, PhaseKind.SERVER, reference_name=key, tasks=tasks, **changes)
    return BuildJobPlan(key, "", work, depends_on)


def task(task_id, name="T", **changes):
    inputs = changes.pop("inputs", {})
    return TaskPlan(task_id, "1.*", name, inputs=inputs, **changes)


def delay(minutes="5", **changes):
    return task(DELAY, "Wait", inputs={"delayForMinutes": minutes}, **changes)


def question(**inputs):
    return task(INTERVENTIONS[1], "Look", inputs={"instructions": "See $(color)", **inputs})


def started(*jobs, **variables):
    """A build of these phases as it stands once it is queued."""
    plan = spread(BuildPlan(jobs=jobs), variables)
    return queued(*plan.jobs, variables=variables)


def later(build, minutes):
    return told(build, BuildTimeCame(), NOW + minutes * MINUTE)


# ---- several jobs ------------------------------------------------------------------------------


def test_each_combination_of_the_multipliers_is_a_job_with_its_own_values():
    build = started(
        parallel("A", Spread.CONFIGURATIONS, "os", "arch", most=9), os="lin, mac", arch="x,a"
    )
    assert list(statuses(build)) == ["A.lin_x", "A.lin_a", "A.mac_x", "A.mac_a"]
    leg = build.plan.job("A.mac_x").variables
    assert (leg["os"], leg["arch"]) == ("mac", "x")
    assert (leg["System.JobPositionInPhase"], leg["System.TotalJobsInPhase"]) == ("3", "4")


def test_every_job_has_a_name_of_its_own():
    legs = parallel("A", Spread.CONFIGURATIONS, "x", "y", most=9)
    assert list(statuses(started(legs, x="a_b,a", y="c,b_c,c"))) == [
        "A.a_b_c_1",
        "A.a_b_b_c",
        "A.a_c",
        "A.a_b_c_4",
    ]
    with pytest.raises(Refused, match=r"Two jobs of the build would be called A\.1"):
        started(parallel("A", Spread.MACHINES, most=2), job("A.1"))


def test_long_values_of_a_multiplier_make_short_names():
    first, second = "a" * 5000 + "1", "a" * 5000 + "2"
    legs = parallel("A", Spread.CONFIGURATIONS, "os", most=9)
    build = started(legs, os=f"{first},{second}")
    assert list(statuses(build)) == [f"A.{'a' * 100}_1", f"A.{'a' * 100}_2"]
    assert [one.variables["os"] for one in build.plan.jobs] == [first, second]


def test_machines_get_the_same_work_and_their_places():
    build = started(parallel("A", Spread.MACHINES, most=3))
    assert statuses(build) == {"A.1": "waiting", "A.2": "waiting", "A.3": "waiting"}
    assert build.plan.job("A.2").variables["System.JobPositionInPhase"] == "2"


def test_at_most_so_many_run_at_once_and_after_a_failure_no_more_start():
    build = started(parallel("A", Spread.CONFIGURATIONS, "os", most=2), os="a,b,c,d")
    assert statuses(build) == {"A.a": "waiting", "A.b": "waiting"}
    build = done(build, "A.a")
    assert statuses(build)["A.c"] == "waiting"
    build = done(build, "A.b", JobStatus.FAILED)
    assert statuses(build) == {
        "A.a": "succeeded",
        "A.b": "failed",
        "A.c": "waiting",
        "A.d": "skipped",
    }
    build = done(build, "A.c")
    assert build.result is BuildResult.FAILED
    again = told(build, BuildRetried())
    assert [one.key for one in again.jobs if one.attempt == 2] == ["A.b", "A.d"]


def test_where_errors_are_tolerated_the_rest_runs_and_the_phase_succeeds_partially():
    after = job("B", "A")
    build = started(parallel("A", Spread.CONFIGURATIONS, "os", tolerant=True), after, os="a,b")
    build = done(build, "A.a", JobStatus.FAILED)
    build = done(build, "A.b")
    assert statuses(build)["B"] == "waiting"
    assert done(build, "B").result is BuildResult.PARTIALLY_SUCCEEDED
    every = started(parallel("A", Spread.CONFIGURATIONS, "os", tolerant=True), after, os="a,b")
    for leg in ("A.a", "A.b"):
        every = done(every, leg, JobStatus.FAILED)
    assert (every.result, statuses(every)["B"]) == (BuildResult.FAILED, "skipped")


def test_a_tolerated_failure_lets_the_jobs_after_it_run():
    build = queued(job("A", continue_on_error=True), job("B", "A"))
    assert statuses(done(build, "A", JobStatus.FAILED))["B"] == "waiting"


def test_a_multiplier_without_values_and_too_many_jobs_are_refused():
    with pytest.raises(Refused, match="holds no comma list"):
        started(parallel("A", Spread.CONFIGURATIONS, "os"))
    with pytest.raises(Refused, match=f"more than {MOST_JOBS} jobs"):
        started(parallel("A", Spread.CONFIGURATIONS, "os"), os=",".join(map(str, range(300))))
    with pytest.raises(Refused, match="would become 300 jobs"):
        started(parallel("A", Spread.MACHINES, most=300))


# ---- without an agent --------------------------------------------------------------------------


def test_a_delay_ends_with_its_time_and_the_next_task_follows():
    build = started(without_agent("S", delay("5"), delay("$(minutes)")), minutes="7")
    assert (build.status, statuses(build)) == (BuildStatus.IN_PROGRESS, {"S.1": "running"})
    assert due_at(build) == NOW + 5 * MINUTE
    build = later(build, 5)
    assert statuses(build) == {"S.1": "succeeded", "S.2": "running"}
    assert later(build, 12).result is BuildResult.SUCCEEDED


@pytest.mark.parametrize("minutes", ["-1", "86401", "soon", "1.5", ""])
def test_a_delay_that_is_no_number_of_minutes_fails_and_says_so(minutes):
    build = started(without_agent("S", delay(minutes), delay()))
    assert statuses(build) == {"S.1": "failed", "S.2": "skipped"}
    assert "is not a number of minutes" in build.current[0].error
    assert build.result is BuildResult.FAILED


def test_a_validation_is_answered_once_by_a_person():
    build = started(without_agent("S", question()), job("B", "S"), color="blue")
    [asked] = build.current
    assert asked.question is not None
    assert asked.question.instructions == "See blue"
    answer = BuildQuestionAnswered(asked.id, PersonId("p"), resumes=True, comment="Good")
    resumed = told(build, answer)
    assert statuses(resumed) == {"S": "succeeded", "B": "waiting"}
    answered = resumed.current[0].question
    assert answered is not None
    assert (answered.answered_by, answered.comment) == ("p", "Good")
    with pytest.raises(Refused, match="already approved"):
        told(resumed, answer)
    rejected = told(build, replace(answer, resumes=False))
    assert statuses(rejected) == {"S": "failed", "B": "skipped"}
    assert "Look was rejected. Good" in rejected.current[0].error
    for nobody in (resumed.newest("B").id, JobId(77)):
        with pytest.raises(NotFound, match="There is no manual validation"):
            told(resumed, replace(answer, job=nobody))


def test_nobody_answers_in_time():
    limit = timedelta(minutes=10)
    rejects = started(without_agent("S", replace(question(), timeout=limit)))
    assert later(rejects, 10).result is BuildResult.FAILED
    resumes = started(without_agent("S", replace(question(onTimeout="resume"), timeout=limit)))
    assert later(resumes, 9).result is None
    assert later(resumes, 10).result is BuildResult.SUCCEEDED


def test_the_time_of_the_phase_limits_its_tasks():
    build = started(without_agent("S", delay("30"), timeout=timedelta(minutes=10)))
    assert due_at(build) == NOW + 10 * MINUTE
    over = later(build, 10)
    assert (over.result, over.current[0].error) == (
        BuildResult.FAILED,
        "The job exceeded its maximum execution time.",
    )


def test_a_question_is_open_no_longer_than_its_phase_may_take():
    asking = without_agent("S", question(), timeout=timedelta(minutes=10))
    build = started(asking)
    assert over_at(build, build.current[0]) == NOW + 10 * MINUTE
    [reason] = explain_build(build, BuildSurroundings("Web"))
    assert reason.clears_at == NOW + 10 * MINUTE
    unlimited = started(without_agent("S", question()))
    assert over_at(unlimited, unlimited.current[0]) == unlimited.current[0].due_at


def test_a_cancel_ends_pauses_at_once_and_nothing_follows():
    build = started(without_agent("S", question(), delay()))
    canceled = told(build, BuildCanceled(PersonId("p")))
    assert canceled.result is BuildResult.CANCELED
    assert statuses(canceled) == {"S.1": "canceled", "S.2": "canceled"}


def test_a_retry_runs_all_tasks_of_a_phase_again():
    build = started(without_agent("S", delay("1"), delay("x")))
    build = later(build, 1)
    assert build.result is BuildResult.FAILED
    again = told(build, BuildRetried(), LATER)
    assert [(one.key, one.attempt) for one in again.current] == [("S.1", 2), ("S.2", 2)]


def test_conditions_of_tasks_look_at_those_before_them():
    always = delay("1", condition="always()", continue_on_error=True)
    build = started(without_agent("S", delay("x"), delay("1"), always, delay("1", always_run=True)))
    assert statuses(build) == {"S.1": "failed", "S.2": "skipped", "S.3": "running"}
    build = later(later(build, 1), 2)
    assert statuses(build)["S.4"] == "succeeded"
    assert build.result is BuildResult.FAILED


def test_a_service_that_was_asked_reports_later_and_only_once():
    build = started(without_agent("S", task(CALL)))
    build = runs(build, "S")
    [asked] = build.current
    assert asked.kind is JobKind.SERVER
    waits = told(build, JobAwaits(asked.id, "t", NOW + 3 * MINUTE))
    assert (waits.current[0].kind, due_at(waits)) == (JobKind.CALL_BACK, NOW + 3 * MINUTE)
    with pytest.raises(Conflict):
        told(waits, JobFinished(asked.id, "t", JobStatus.SUCCEEDED))
    reported = told(waits, JobAnswered(asked.id, JobStatus.SUCCEEDED))
    assert reported.result is BuildResult.SUCCEEDED
    assert told(reported, JobAnswered(asked.id, JobStatus.FAILED)).result is BuildResult.SUCCEEDED
    silent = later(waits, 3)
    assert "did not report in time" in silent.current[0].error


def test_a_phase_without_tasks_is_over_at_once():
    assert started(without_agent("S")).result is BuildResult.SUCCEEDED


def test_a_worker_that_does_not_stop_in_time_loses_its_job():
    work = PhasePlan(1, "A", timeout=timedelta(minutes=10))
    build = runs(queued(BuildJobPlan("A", "", work)), "A")
    assert due_at(build) == NOW + 16 * MINUTE
    assert later(build, 15).result is None
    assert later(build, 16).result is BuildResult.FAILED


# ---- what is handed on -------------------------------------------------------------------------


def handing_on(build, key, **outputs):
    """The job ends with these outputs of its step `s`."""
    build = runs(build, key)
    named = {f"s.{name}": value for name, value in outputs.items()}
    jobs = (replace(one, outputs=named) if one.key == key else one for one in build.jobs)
    return ends(replace(build, jobs=tuple(jobs)), key)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("eq(dependencies.A.outputs['s.go'], 'yes')", "waiting"),
        ("eq(dependencies.a.OUTPUTS['S.GO'], 'yes')", "waiting"),
        ("eq(dependencies.A.outputs['s.go'], 'no')", "skipped"),
        ("eq(dependencies.Other.outputs['s.go'], 'yes')", "skipped"),
        ("eq(dependencies.A.result, 'Succeeded')", "waiting"),
        ("succeeded('A')", "waiting"),
        ("succeeded('Other')", "skipped"),
        ("failed('A')", "skipped"),
        ("and(succeededOrFailed('A'), eq(variables['go'], 'yes'))", "waiting"),
    ],
)
def test_conditions_look_at_what_jobs_before_them_handed_on(condition, expected):
    after = job("B", "A", condition=condition)
    after = replace(after, variables={"go": "$[dependencies.A.outputs['s.go']]"})
    build = handing_on(queued(job("A"), after), "A", go="yes")
    assert statuses(build)["B"] == expected


def test_computed_variables_read_outputs_of_jobs_and_of_stages():
    first, second = BuildStagePlan("One"), BuildStagePlan("Two", depends_on=("One",))
    gated = replace(
        second, condition="eq(dependencies.One.outputs['A.s.go'], stageDependencies.One.A.result)"
    )
    reading = {
        "whole": "$[ stageDependencies.One.A.outputs['s.go'] ]",
        "joined": "$[ format('{0}-{1}', variables.color, dependencies.X.outputs['s.n']) ]",
        "plain": "$(color)",
    }
    a = replace(job("One.A", stage="One"), work=PhasePlan(1, "A", reference_name="A"))
    x = replace(job("Two.X", stage="Two"), work=PhasePlan(1, "X", reference_name="X"))
    b = replace(job("Two.B", "Two.X", stage="Two"), variables=reading)
    build = queued(a, x, b, stages=[first, gated], variables={"color": "blue"})
    build = handing_on(build, "One.A", go="Succeeded")
    build = handing_on(build, "Two.X", n="3")
    assert own_variables(build, b) == {
        "whole": "Succeeded",
        "joined": "blue-3",
        "plain": "$(color)",
    }


def test_outputs_of_a_leg_are_named_by_it_and_the_newest_attempt_counts():
    legs = spread(
        BuildPlan(jobs=(parallel("A", Spread.CONFIGURATIONS, "os", most=2), job("B", "A"))),
        {"os": "x,y"},
    ).jobs
    last = replace(legs[-1], variables={"got": "$[dependencies.A.outputs['y.s.n']]"})
    build = queued(*legs[:-1], last)
    build = handing_on(build, "A.x", n="1")
    build = handing_on(build, "A.y", n="2")
    assert own_variables(build, last) == {"got": "2"}


def test_a_stage_follows_one_in_which_some_job_was_skipped():
    never = job("One.N", stage="One", condition="eq(1, 2)")
    stages = [BuildStagePlan("One"), BuildStagePlan("Two", depends_on=("One",))]
    build = queued(job("One.A", stage="One"), never, job("Two.B", stage="Two"), stages=stages)
    assert statuses(done(build, "One.A"))["Two.B"] == "waiting"


def test_numbers_are_given_to_all_jobs():
    assert all(one.id for one in numbered(started(without_agent("S", delay()))).jobs)
