"""Why a phase on a deployment group waits, passes machines over, or gives up."""

from dataclasses import replace

from quaymaster.domain.explain import explain
from quaymaster.domain.plan import Demand
from quaymaster.domain.preview import Known, foresee
from quaymaster.domain.reasons import Offer, ReasonKind, Surroundings
from quaymaster.domain.release import Target
from quaymaster.domain.statuses import JobStatus
from tests import make
from tests.domain.test_jobs import ends, group, targets
from tests.story import started, story, works

AWAY = Target(9, "db", is_online=False)


def reasons(told, around=None):
    return explain(told.release, told.stage("Dev"), around or Surroundings(), told.now)


def of_targets(told, around=None):
    return [reason.text for reason in reasons(told, around) if reason.kind is ReasonKind.TARGET]


def there(told, *found):
    """From now on these are the targets of the group."""
    told.release = replace(told.release, targets={7: found})
    return told


def test_a_target_that_is_busy_has_gone_or_was_removed():
    told = group(*targets("a")).when(started())
    [waits] = of_targets(told)
    assert "'a' is busy" in waits
    there(told, Target(1, "a", is_online=False))
    assert "gone offline" in of_targets(told)[0]
    there(told)
    assert "no target of deployment group 7 any more" in of_targets(told)[0]


def test_workers_of_a_queue_with_the_number_of_the_group_are_not_meant():
    told = group(*targets("a")).when(started())
    around = Surroundings(offers={7: (Offer("somebody", is_busy=True),)})
    assert [reason.kind for reason in reasons(told, around)] == [ReasonKind.TARGET]


def test_targets_that_wait_for_their_turn():
    told = group(*targets(*"abc"), one_at_a_time=True).when(started())
    assert of_targets(told)[1] == ("2 targets wait for their turn, 1 at most being at work: b, c.")


def test_a_rollout_that_stopped_names_who_was_left_out():
    told = group(*targets(*"abc"), healthy_percent=60).when(started(), ends(0, JobStatus.FAILED))
    [ended, *_] = reasons(told)
    assert ended.details["targets"] == (
        "Failed on a. Not started on b, c, because too many had failed."
    )
    assert ended.text.startswith("Attempt 1 failed")


def test_a_partial_success_names_what_it_has_not_reached():
    told = group(*targets(*"ab"), AWAY).when(started(), ends(0, JobStatus.FAILED), ends(1))
    told.when(works("Dev"))
    [reason] = reasons(told)
    assert reason.text == (
        "Attempt 1 has not reached every target. Failed on a. Passed over: db. "
        "Redeploy to these alone with redeployFailedTargets."
    )


def test_a_success_everywhere_needs_no_words():
    told = group(*targets("a")).when(started(), ends(0), works("Dev"))
    assert reasons(told) == ()


def foreseen(told):
    found = foresee(told.release, Known(), told.now)
    return found.stages[0].phases[0], found.never


def test_a_preview_names_the_targets_and_what_can_never_work():
    phase, never = foreseen(group(*targets("a", "b"), AWAY))
    assert (phase.workers, phase.jobs, never) == (("a", "b"), ("a", "b", "db"), ())
    _, never = foreseen(group(AWAY))
    assert "every target is offline" in never[0]
    _, never = foreseen(group(*targets("a"), tags=("web",)))
    assert "no target with the tags web" in never[0]


def test_targets_that_do_not_offer_what_is_demanded_are_named():
    told = group(*targets("a", "b"), demands=(Demand("docker"), Demand("os", "linux")))
    around = Surroundings(target_offers={1: {"docker": "24", "os": "Linux"}, 2: {"os": "linux"}})
    found = foresee(told.release, Known({"Dev": around}), told.now)
    lacks = "Target b does not offer docker, so that phase Phase 1 fails there."
    assert found.stages[0].phases[0].problems == (lacks,)
    assert found.never == (), "with one of two it succeeds partially"
    nobody = Surroundings(target_offers={1: {}, 2: {}})
    found = foresee(told.release, Known({"Dev": nobody}), told.now)
    assert [text.partition(",")[0] for text in found.never] == [
        "Dev: Target a does not offer docker",
        "Dev: Target b does not offer docker",
    ]
    plan = make.plan(
        "Dev", Dev={"pre_approvals": make.asks("bob"), "phases": told.stage("Dev").plan.phases}
    )
    waiting = there(story(plan).when(started()), *targets("a", "b"))
    assert of_targets(waiting, around) == [
        "Phase Phase 1 will fail on b, which does not offer docker."
    ]
