"""What others are told of a release, read off what changed (SEMANTICS 24.2)."""

from quaymaster.domain.announcements import Announcement, Happening, announcements
from quaymaster.domain.release import Side
from tests import make
from tests.story import (
    Step,
    Story,
    abandoned,
    approved,
    canceled,
    claimed,
    deployed,
    fails,
    reassigned,
    refused,
    started,
    story,
    works,
)


def told(of: Story, *steps: Step) -> list[Announcement]:
    """What is announced while these happen, but for every small change of a deployment."""
    return [one for one in all_told(of, *steps) if one.happening is not CHANGED]


def all_told(of: Story, *steps: Step) -> list[Announcement]:
    found = []
    for step in steps:
        for event in step(of):
            before = of.release
            of.take_in(event)
            found += announcements(before, of.release)
    return found


CHANGED = Happening.DEPLOYMENT_CHANGED


def names(of: list[Announcement]) -> list[str]:
    return [str(one.happening) for one in of]


def test_a_release_that_succeeds_tells_of_its_start_and_its_end() -> None:
    found = told(story("Dev"), started(), works("Dev"))
    assert names(found) == [
        "releaseCreated",
        "deploymentCreated",
        "deploymentStarted",
        "deploymentCompleted",
    ]
    assert [one.status for one in found] == ["active", "queued", "inProgress", "succeeded"]
    assert {one.attempt for one in found} == {0, 1}


def test_a_failure_is_told_with_its_result() -> None:
    last = told(story("Dev"), started(), fails("Dev"))[-1]
    assert (last.happening, last.status) == (Happening.DEPLOYMENT_COMPLETED, "rejected")


def test_of_a_worker_that_takes_a_job_only_the_change_is_told() -> None:
    of = story("Dev").when(started())
    [change] = all_told(of, claimed("Dev"))
    assert (change.happening, change.status) == (CHANGED, "phaseInProgress")


def test_changes_go_from_waiting_over_work_to_the_outcome() -> None:
    of = story(make.plan("Dev", Dev={"pre_approvals": make.asks("bob")})).when(started())
    assert [one.status for one in all_told(of, approved("Dev")) if one.happening is CHANGED] == []
    changes = [one for one in all_told(of, works("Dev")) if one.happening is CHANGED]
    assert [one.status for one in changes] == ["phaseInProgress", "succeeded"]
    assert [one.status for one in all_told(of, deployed("Dev")) if one.happening is CHANGED] == []


def test_a_question_and_its_answer_are_told_with_the_side_and_the_approval() -> None:
    of = story(make.plan("Dev", Dev={"pre_approvals": make.asks("bob")}))
    asked = told(of, started())
    assert names(asked) == ["releaseCreated", "deploymentCreated", "approvalPending"]
    assert asked[-1].side is Side.PRE
    assert asked[-1].approval == of.approvals("Dev", Side.PRE)[0].id

    answered = told(of, approved("Dev"))
    assert names(answered) == ["approvalCompleted", "deploymentStarted"]
    assert (answered[0].status, answered[0].approval) == ("approved", asked[-1].approval)


def test_a_refusal_is_told_and_so_is_the_end_it_brings() -> None:
    of = story(make.plan("Dev", Dev={"pre_approvals": make.asks("bob")})).when(started())
    found = told(of, refused("Dev"))
    assert [(str(one.happening), one.status) for one in found] == [
        ("approvalCompleted", "rejected"),
        ("deploymentCompleted", "rejected"),
    ]


def test_who_is_asked_instead_is_told() -> None:
    of = story(make.plan("Dev", Dev={"pre_approvals": make.asks("bob")})).when(started())
    assert names(told(of, reassigned("Dev", "carol"))) == ["approvalPending"]


def test_a_canceled_attempt_has_an_end_and_the_next_one_a_start() -> None:
    of = story("Dev").when(started())
    assert names(told(of, canceled("Dev"))) == ["deploymentCompleted"]
    assert names(told(of, deployed("Dev"))) == ["deploymentCreated", "deploymentStarted"]


def test_an_abandoned_release_is_told_once() -> None:
    of = story("Dev").when(started(), works("Dev"))
    assert names(told(of, abandoned())) == ["releaseAbandoned"]
