"""Which releases may go, told as people would ask (SEMANTICS 6.6-6.8)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from quaymaster.domain.plan import RetentionPolicy
from quaymaster.domain.retention import Deployed, Held, RetentionSettings, verdicts
from tests.make import NOW

DEV, PROD = 1, 2
STAGES = {DEV: "Dev", PROD: "Prod"}
POLICIES = {DEV: RetentionPolicy(10, 1), PROD: RetentionPolicy(60, 2)}


def ago(days: float) -> timedelta:
    return timedelta(days=days)


def release(number: int, days: float, *stages: int, **changes: object) -> Held:
    """A release last touched, and deployed to these stages, so many days ago."""
    at = NOW - ago(days)
    deployed = tuple(Deployed(stage, at) for stage in stages)
    told = {"modified_at": at, "deployed": deployed, **changes}
    return Held(number, f"Release-{number}", **told)


def reasons(*held: Held, of: int = 1, settings: RetentionSettings | None = None) -> str:
    found = verdicts(held, POLICIES, STAGES, settings or RetentionSettings(), NOW)
    return " ".join(next(one.reasons for one in found if one.release == of))


def test_an_old_one_behind_newer_ones_may_go():
    assert reasons(release(1, 90, DEV), release(2, 5, DEV)) == ""


def test_the_longest_of_its_stages_counts():
    newer = [release(number, 1, DEV, PROD) for number in (2, 3)]
    assert "kept until" in reasons(release(1, 30, DEV, PROD), *newer)
    assert reasons(release(1, 61, DEV, PROD), *newer) == ""


def test_the_most_recent_are_kept_whatever_their_age():
    assert "2 most recently deployed to Prod" in reasons(release(1, 999, PROD))


def test_a_later_change_resets_the_clock():
    touched = release(1, 90, DEV, modified_at=NOW - ago(1))
    assert "kept until" in reasons(touched, release(2, 5, DEV))


def test_kept_for_ever_means_for_ever():
    assert "kept forever" in reasons(release(1, 999, DEV, keep_forever=True), release(2, 5, DEV))


def test_nothing_under_way_goes():
    assert "in progress" in reasons(release(1, 999, DEV, is_under_way=True), release(2, 5, DEV))


def test_what_is_deployed_now_stays():
    at = NOW - ago(999)
    there = release(1, 999, deployed=(Deployed(DEV, at, is_there_now=True),))
    assert "deployed to Dev now" in reasons(there, release(2, 5, DEV))


def test_one_that_was_never_deployed_follows_the_project():
    assert "kept until" in reasons(release(1, 29))
    assert reasons(release(1, 31)) == ""


def test_a_stage_that_is_gone_counts_with_the_project_default():
    gone = 99
    others = [release(number, 1, gone) for number in (2, 3, 4)]
    assert "kept until" in reasons(release(1, 20, gone), *others)
    assert reasons(release(1, 31, gone), *others) == ""


def test_the_project_caps_what_a_definition_asks():
    strict = RetentionSettings(longest=RetentionPolicy(20, 1))
    newer = release(2, 1, PROD)
    assert reasons(release(1, 30, PROD), newer, settings=strict) == ""


@given(
    st.lists(
        st.tuples(st.floats(0, 2000), st.sampled_from([DEV, PROD]), st.booleans()), max_size=30
    )
)
def test_the_promised_number_is_always_left(many):
    """However old everything is, each stage keeps as many as its policy says."""
    held = [
        release(number, days, stage, keep_forever=forever)
        for number, (days, stage, forever) in enumerate(many, 1)
    ]
    kept = {
        one.release
        for one in verdicts(held, POLICIES, STAGES, RetentionSettings(), NOW)
        if not one.may_go
    }
    for stage, policy in POLICIES.items():
        there = [one.release for one in held if one.deployed[0].definition_stage_id == stage]
        assert len(kept & set(there)) >= min(policy.releases, len(there))
