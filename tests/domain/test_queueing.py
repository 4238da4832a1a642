"""Waiting for a time and for the environment's queue (SEMANTICS 7.3, 9.13, 11)."""

from datetime import timedelta

from quaymaster.domain.allowed import situation
from quaymaster.domain.errors import Forbidden, Invalid, Refused
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import Side
from quaymaster.domain.statuses import Priority
from tests import make
from tests.story import (
    approved,
    canceled,
    deferred,
    deployed,
    let_in,
    prioritised,
    started,
    story,
    superseded,
    works,
)
from tests.world import World

LIMITED = {"queue": QueuePolicy(concurrency=1)}
ASKS = {"pre_approvals": make.asks("bob")}
NIGHT = make.NOW + timedelta(hours=18)


def test_without_a_limit_an_attempt_goes_straight_in():
    story().when(started()).then(Dev="inProgress inProgress queuedForAgent")


def test_with_a_limit_nobody_is_asked_before_the_slot_is_granted():
    told = story(make.plan("Dev", Dev={**LIMITED, **ASKS})).when(started())
    told.then(Dev="queued notDeployed queued").asked("Dev")
    told.when(let_in("Dev")).then(Dev="pending").asked("Dev", bob="pending")


def test_a_slot_granted_too_late_changes_nothing():
    told = story(make.plan("Dev", Dev=LIMITED)).when(started(), canceled("Dev"))
    told.ignores(let_in("Dev")).then(Dev="canceled notDeployed canceled")


def test_a_superseded_attempt_is_canceled_and_says_by_whom():
    told = story(make.plan("Dev", Dev=LIMITED)).when(started(), superseded("Dev"))
    told.then(Dev="canceled notDeployed canceled")
    assert told.deployment("Dev").comment == "Superseded by Release-2."


def test_an_attempt_that_is_in_is_never_superseded():
    told = story(make.plan("Dev", Dev=LIMITED)).when(started(), let_in("Dev"))
    told.ignores(superseded("Dev")).then(Dev="queuedForAgent")


def test_a_scheduled_attempt_enters_the_queue_only_when_due():
    told = story(make.plan("Dev", Dev=LIMITED), manual=("Dev",)).when(started())
    told.when(deployed("Dev", scheduled_for=NIGHT)).then(Dev="scheduled notDeployed scheduled")
    told.later(hours=17, minutes=59).then(Dev="scheduled notDeployed scheduled")
    told.later(minutes=1).then(Dev="queued notDeployed queued")
    assert told.deployment("Dev").entered_queue_at == NIGHT


def test_a_scheduled_attempt_can_be_started_now_by_somebody_else():
    told = story(manual=("Dev",)).when(started(), deployed("Dev", scheduled_for=NIGHT))
    told.when(deployed("Dev", by="carol")).then(Dev="queuedForAgent")
    deployment = told.deployment("Dev")
    assert deployment.attempt == 1
    assert (deployment.requested_by, deployment.requested_for) == ("carol", "alice")


def test_a_scheduled_attempt_that_is_started_now_takes_what_is_told_with_it():
    told = story(manual=("Dev",)).when(started())
    first = {"variables": {"Target": "green", "Size": "small"}, "comment": "tonight"}
    told.when(deployed("Dev", scheduled_for=NIGHT, **first))
    told.when(deployed("Dev", variables={"Target": "blue"}, comment="now", only_targets=(7,)))
    deployment = told.deployment("Dev")
    assert deployment.variables == {"Target": "blue", "Size": "small"}
    assert (deployment.comment, deployment.only_targets) == ("now", (7,))


def test_a_scheduled_attempt_that_is_started_now_without_a_word_keeps_what_it_has():
    told = story(manual=("Dev",)).when(started())
    first = {"variables": {"Target": "green"}, "comment": "tonight", "only_targets": (7,)}
    told.when(deployed("Dev", scheduled_for=NIGHT, **first), deployed("Dev"))
    deployment = told.deployment("Dev")
    assert (deployment.variables, deployment.comment) == ({"Target": "green"}, "tonight")
    assert deployment.only_targets == (7,)


def test_who_starts_a_scheduled_attempt_now_may_not_approve_it():
    alone = {"pre_approvals": make.asks("carol", requester_may_approve=False)}
    told = story(make.plan("Dev", Dev=alone), manual=("Dev",))
    told.when(started(), deployed("Dev", scheduled_for=NIGHT), deployed("Dev", by="carol"))
    told.refuses(approved("Dev", by="carol"), Forbidden, "Somebody else has to decide")


def test_deferring_after_the_approval_waits_and_keeps_the_slot():
    told = story(make.plan("Dev", Dev={**LIMITED, **ASKS})).when(started(), let_in("Dev"))
    told.when(deferred("Dev", NIGHT), approved("Dev"))
    told.then(Dev="scheduled notDeployed deferred")
    assert told.deployment("Dev").has_slot
    told.later(hours=18).then(Dev="queuedForAgent")


def test_deferring_to_the_past_is_refused():
    told = story(make.plan("Dev", Dev=ASKS)).when(started())
    told.refuses(deferred("Dev", make.NOW), Invalid, "is not in the future")


def test_work_that_has_begun_cannot_be_deferred():
    told = story(make.plan("Dev", Dev={"post_approvals": make.asks("bob")}))
    told.when(started(), works("Dev")).asked("Dev", Side.POST, bob="pending")
    told.refuses(deferred("Dev", NIGHT), Refused, "its work has begun")


# ---- who goes first -------------------------------------------------------------------------


def queued(policy: QueuePolicy, count: int = 4) -> World:
    """Releases R1 … of one stage, which R1 holds."""
    world = World("Dev")
    for number in range(1, count + 1):
        world.release(f"R{number}", make.plan("Dev", Dev={"queue": policy}))
        world.when(f"R{number}", started()).later(minutes=1)
    return world


def shown(world: World) -> dict[str, str]:
    return {name: situation(told.stage("Dev")) for name, told in world.stories.items()}


def test_a_higher_priority_goes_before_those_who_came_earlier():
    world = queued(QueuePolicy(1)).when("R4", prioritised("Dev", Priority.HIGH))
    world.when("R3", prioritised("Dev", Priority.LOW)).when("R1", works("Dev"))
    assert [one for one, state in shown(world).items() if state == "queuedForAgent"] == ["R4"]
    world.when("R4", works("Dev")).when("R2", works("Dev"))
    assert shown(world)["R3"] == "queuedForAgent"


def test_a_priority_saves_nobody_from_being_superseded():
    world = queued(QueuePolicy(1), 2).when("R2", prioritised("Dev", Priority.HIGH))
    latest = make.plan("Dev", Dev={"queue": QueuePolicy(1, 1)})
    world.release("R9", latest)
    world.when("R9", started())
    assert shown(world)["R2"] == "canceled"
    assert shown(world)["R9"] == "queued"


def test_who_is_in_needs_no_priority():
    told = story(make.plan("Dev", Dev=LIMITED)).when(started(), let_in("Dev"))
    told.refuses(prioritised("Dev", Priority.HIGH), Refused, "cannot be given another priority")
