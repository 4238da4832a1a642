"""An environment's queue over all its releases (SEMANTICS 11, DESIGN 6 I1)."""

from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.queueing import Standing, in_order, next_moves
from quaymaster.domain.release import ReleaseId, StageId
from tests import make
from tests.story import canceled, claimed, deployed, fails, started, works
from tests.world import World


def world(*releases: str, **policy: int) -> World:
    told = World("QA")
    for name in releases:
        told.release(name, make.plan("QA", QA={"queue": QueuePolicy(**policy)}))
        told.when(name, started())
        told.later(seconds=1)
    return told


def shows(told: World) -> dict[str, str]:
    return {
        name: str(
            story.deployment("QA").outcome or ("in" if story.deployment("QA").has_slot else "waits")
        )
        for name, story in told.stories.items()
    }


def test_one_at_a_time_in_the_order_of_the_requests():
    told = world("R1", "R2", "R3", concurrency=1)
    assert shows(told) == {"R1": "in", "R2": "waits", "R3": "waits"}
    told.when("R1", works("QA"))
    assert shows(told) == {"R1": "succeeded", "R2": "in", "R3": "waits"}


def test_a_failure_and_a_cancellation_free_the_slot():
    told = world("R1", "R2", "R3", concurrency=1).when("R1", fails("QA"))
    told.when("R2", canceled("QA"))
    assert shows(told) == {"R1": "phaseFailed", "R2": "canceled", "R3": "in"}


def test_a_canceled_attempt_keeps_its_slot_until_its_job_has_stopped():
    told = world("R1", "R2", concurrency=1).when("R1", claimed("QA"), canceled("QA"))
    assert shows(told)["R2"] == "waits"
    told.later(minutes=3)
    assert shows(told) == {"R1": "canceled", "R2": "in"}


def test_latest_only_cancels_older_waiting_requests_never_the_one_that_is_in():
    told = world("R1", "R2", "R3", concurrency=1, depth=1)
    assert shows(told) == {"R1": "in", "R2": "superseded", "R3": "waits"}
    assert told.stories["R2"].deployment("QA").comment == "Superseded by R3."


def test_a_redeployment_stands_at_the_end():
    told = world("R1", "R2", concurrency=1).when("R1", works("QA"), deployed("QA"))
    assert shows(told) == {"R1": "waits", "R2": "in"}


def test_each_release_brings_its_own_policy():
    told = world("R1", "R2", concurrency=1)
    told.release("R3", make.plan("QA"))
    told.when("R3", started())
    assert shows(told) == {"R1": "in", "R2": "waits", "R3": "in"}


def test_a_raised_limit_lets_nobody_overtake():
    told = world("R1", "R2", concurrency=1)
    told.release("R3", make.plan("QA", QA={"queue": QueuePolicy(concurrency=2)}))
    told.when("R3", started())
    assert shows(told)["R3"] == "waits"
    told.when("R1", works("QA"))
    assert shows(told) == {"R1": "succeeded", "R2": "in", "R3": "in"}


def test_who_came_first_goes_first_whatever_the_order_of_the_rows():
    rows = [
        Standing(ReleaseId(n), f"R{n}", StageId(n), 1, make.NOW, n == 9, QueuePolicy(concurrency=1))
        for n in (3, 9, 1)
    ]
    assert [standing.release for standing in in_order(rows)] == [1, 3]
    assert next_moves(rows).granted == ()
