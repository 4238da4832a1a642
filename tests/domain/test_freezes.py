"""A freeze stops every start, whoever or whatever asks (DESIGN 6, I3)."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from quaymaster.domain.due import next_due
from quaymaster.domain.errors import Refused
from quaymaster.domain.freezes import OnRunning, Standing, Standstill
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import Release
from quaymaster.domain.statuses import DeploymentReason
from quaymaster.domain.statuses import ReportedStatus as R
from tests import make
from tests.domain.actors import USUAL, Actors, any_plan
from tests.story import (
    Story,
    approved,
    claimed,
    deployed,
    let_in,
    phase_ends,
    reported,
    started,
    story,
    works,
)

FREEZE = Standstill("Closing the books")


def frozen(told: Story, *in_force: Standstill, until: datetime | None = None) -> Story:
    """All environments of the release stand still for this; nothing means that they do not."""
    standing = Standing(in_force, until)
    told.release = standing_still(told.release, standing)
    return told


def standing_still(release: Release, standing: Standing) -> Release:
    numbers = [stage.plan.definition_stage_id for stage in release.stages]
    return replace(release, standing=dict.fromkeys(numbers, standing))


def test_a_condition_starts_nothing_until_the_freeze_is_over():
    told = frozen(story("Dev"), FREEZE).when(started()).then(Dev="scheduled")
    frozen(told).later(minutes=1).then(Dev="queuedForAgent")


def test_a_person_waits_too():
    told = frozen(story("Dev", manual=("Dev",)).when(started()), FREEZE)
    told.when(deployed("Dev")).then(Dev="scheduled notDeployed scheduled")
    frozen(told).later(minutes=1).then(Dev="queuedForAgent")


def test_it_is_looked_at_again_when_the_freeze_ends_by_itself():
    end = make.NOW + timedelta(hours=3)
    told = frozen(story("Dev"), replace(FREEZE, until=end), until=end).when(started())
    assert next_due(told.release) == end


def test_a_schedule_does_not_fire_into_a_freeze():
    told = story("Dev", manual=("Dev",)).when(started())
    told.when(deployed("Dev", scheduled_for=make.NOW + timedelta(hours=1)))
    frozen(told, FREEZE).later(hours=2).then(Dev="scheduled")


def test_a_redeployment_by_trigger_waits():
    told = frozen(story("Dev", manual=("Dev",)).when(started()), FREEZE)
    told.when(deployed("Dev", reason=DeploymentReason.REDEPLOY_TRIGGER)).then(Dev="scheduled")


def test_the_queue_lets_nobody_in():
    plan = make.plan("Dev", Dev={"queue": QueuePolicy(concurrency=1)})
    told = frozen(story(plan).when(started()).then(Dev="queued"), FREEZE)
    told.ignores(let_in("Dev"))
    frozen(told).when(let_in("Dev")).then(Dev="queuedForAgent")


def test_people_may_agree_but_the_work_does_not_begin():
    plan = make.plan("Dev", Dev={"pre_approvals": make.asks("bob")})
    told = frozen(story(plan).when(started()).then(Dev="pending"), FREEZE)
    told.when(approved("Dev"))
    assert not told.deployment("Dev").phases
    frozen(told).later(minutes=1)
    assert told.deployment("Dev").phases


def test_gates_are_not_asked_for_what_may_not_start():
    plan = make.plan("Dev", Dev={"pre_approvals": make.asks("bob"), "pre_gates": make.gates("g1")})
    told = frozen(story(plan).when(started()), FREEZE).when(approved("Dev"))
    assert not told.deployment("Dev").gates


def test_an_override_starts_and_says_why():
    told = frozen(story("Dev", manual=("Dev",)).when(started()), FREEZE)
    told.when(deployed("Dev", override="The shop is down.")).then(Dev="queuedForAgent")
    assert told.deployment("Dev").override == "The shop is down."


def test_an_override_frees_what_waits_already():
    told = frozen(story("Dev", manual=("Dev",)).when(started()), FREEZE).when(deployed("Dev"))
    told.when(deployed("Dev", override="The shop is down.")).then(Dev="queuedForAgent")


def test_an_override_lets_go_on_what_people_have_agreed_to():
    plan = make.plan("Dev", Dev={"pre_approvals": make.asks("bob")})
    told = frozen(story(plan).when(started()), FREEZE).when(approved("Dev"))
    before = told.deployment("Dev")
    told.when(deployed("Dev", override="The shop is down.")).then(Dev="queuedForAgent")
    after = told.deployment("Dev")
    assert (after.attempt, after.requested_by) == (before.attempt, before.requested_by)
    assert after.override == "The shop is down."


def test_an_override_lets_paused_work_go_on():
    plan = make.plan("Dev", Dev={"phases": make.phases(2)})
    told = story(plan).when(started(), claimed("Dev"))
    frozen(told, replace(FREEZE, running=OnRunning.PAUSE)).when(phase_ends("Dev"))
    told.when(deployed("Dev", override="It must be whole."))
    assert len(told.deployment("Dev").phases) == 2


def test_only_what_a_freeze_holds_back_goes_on_by_an_override():
    told = frozen(story("Dev").when(started(), claimed("Dev")), FREEZE)
    told.refuses(deployed("Dev", override="Once more."), Refused, "cannot be started while")


def test_work_that_has_begun_goes_on():
    plan = make.plan("Dev", Dev={"phases": make.phases(2)})
    told = frozen(story(plan).when(started(), claimed("Dev")), FREEZE)
    told.when(works("Dev")).then(Dev="approved")


def test_work_that_has_begun_pauses_before_its_next_phase():
    plan = make.plan("Dev", Dev={"phases": make.phases(2)})
    told = story(plan).when(started(), claimed("Dev"))
    frozen(told, replace(FREEZE, running=OnRunning.PAUSE)).when(phase_ends("Dev"))
    assert len(told.deployment("Dev").phases) == 1
    frozen(told).later(minutes=1)
    assert len(told.deployment("Dev").phases) == 2


def test_work_that_has_begun_is_canceled():
    told = story("Dev").when(started(), claimed("Dev"))
    frozen(told, replace(FREEZE, running=OnRunning.CANCEL)).later(minutes=1)
    told.then(Dev="cancelling")


def test_what_is_told_from_outside_is_a_fact():
    told = frozen(story("Dev", manual=("Dev",)).when(started()), FREEZE)
    told.when(reported("Dev", R.SUCCEEDED)).then(Dev="approved")


def test_a_hold_keeps_back_only_what_nobody_asked_for():
    hold = Standstill("Rolled back.", is_hold=True)
    told = frozen(story("Dev; QA", manual=("QA",)), hold).when(started())
    told.then(Dev="scheduled").when(deployed("QA")).then(QA="queuedForAgent")
    frozen(told).later(minutes=1).then(Dev="queuedForAgent")


@pytest.mark.parametrize("first", range(0, 200, 40))
def test_whatever_happens_nothing_starts_in_a_freeze(first):
    for seed in range(first, first + 40):
        live_through_a_freeze(seed)


def live_through_a_freeze(seed: int) -> None:
    """Random lives of three releases: what had not begun when the freeze came does not begin."""
    chance = random.Random(seed)
    actors = Actors(any_plan(chance.choice), chance.choice, releases=3)
    for told in list(actors.world.stories.values())[:2]:
        told.when(actors.start)
    for _ in range(chance.randrange(20)):
        actors.act(chance.choice(USUAL))
    stories = list(actors.world.stories.values())
    for told in stories:
        frozen(told, FREEZE)
    allowed = [begun(told) for told in stories]
    for _ in range(30):
        actors.act(chance.choice(USUAL))
        for told, may in zip(stories, allowed, strict=True):
            assert begun(told) <= may, f"seed {seed}\n{told.timeline()}"


def begun(told: Story) -> set[tuple[int, int, str]]:
    """Attempts that have a slot, and those whose work has begun."""
    found = set()
    for stage in told.release.stages:
        if stage.newest and stage.newest.has_slot:
            found.add((stage.id, stage.newest.attempt, "slot"))
        if stage.newest and stage.newest.phases:
            found.add((stage.id, stage.newest.attempt, "work"))
    return found
