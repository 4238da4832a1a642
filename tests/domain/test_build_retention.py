"""Which builds may go: days, minimum, branches, and who keeps them (SEMANTICS 23.7)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quaymaster.domain.build_retention import (
    BuildRetentionSettings,
    BuildRule,
    BuildRules,
    Fate,
    HeldBuild,
    RecentBuild,
)

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
MAIN, TOPIC, PULL = "refs/heads/main", "refs/heads/topic", "refs/pull/4/merge"
ALL = BuildRule(("+refs/heads/*",), days=10, minimum=1)


def build(number, days_ago, branch=MAIN, **changes):
    return HeldBuild(number, str(number), branch, NOW - timedelta(days=days_ago), **changes)


def verdicts(*builds, rules=(ALL,), **settings):
    recent = [RecentBuild(one.id, one.branch, one.finished_at) for one in builds]
    known = BuildRules(tuple(rules), BuildRetentionSettings(**settings), MAIN, recent)
    return known.verdicts(builds, NOW)


def fates(*builds, **more):
    return {one.build: one.fate for one in verdicts(*builds, **more)}


def gone(*builds, **more):
    return [number for number, fate in fates(*builds, **more).items() if fate is Fate.GOES]


def test_what_is_older_than_its_days_goes_but_for_the_minimum():
    assert gone(build(1, 30), build(2, 20), build(3, 11), build(4, 9)) == [1, 2, 3]
    assert gone(build(1, 30), build(2, 20), build(3, 11)) == [1, 2]


def test_the_minimum_counts_for_the_default_branch_and_for_all_branches_of_the_rule():
    assert gone(build(1, 40), build(2, 30), build(3, 20, TOPIC)) == [1]


def test_the_minimum_counts_what_is_recent_and_no_more():
    rule = replace(ALL, minimum=2)
    assert gone(build(1, 40), build(2, 30), build(3, 20), build(4, 1), rules=[rule]) == [1, 2]


def test_the_first_rule_that_names_the_branch_counts():
    rules = (
        BuildRule(("+refs/heads/main",), days=100, minimum=0),
        BuildRule(("+refs/heads/*", "-refs/heads/kept"), days=5, minimum=0),
    )
    builds = (build(1, 50), build(2, 50, TOPIC), build(3, 20, "refs/heads/kept"))
    assert gone(*builds, rules=rules, minimum=0) == [2]


def test_without_a_rule_the_project_decides():
    assert gone(build(1, 31), build(2, 29), rules=(), minimum=0) == [1]
    assert gone(build(1, 31), rules=(), minimum=1) == []
    assert gone(build(1, 11, PULL, is_pull_request=True), minimum=0) == [1]
    assert gone(build(1, 11, TOPIC, is_pull_request=True), rules=[replace(ALL, days=20)]) == []


def test_the_project_limits_what_a_definition_asks_for():
    rule = BuildRule(("+*",), days=999, minimum=99)
    assert gone(build(1, 50), rules=[rule], longest_days=40, most_minimum=0) == [1]


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ({"keep_forever": True}, "marked to be kept forever"),
        ({"is_leased": True}, "retention lease"),
        ({"is_retained": True}, "marked as retained by a release"),
        ({"is_retained": True, "retained_by": ("Release-4",)}, "retained by Release-4"),
        ({"used_by": ("Release-5",)}, "needed by Release-5"),
        ({"there_now": ("Prod",)}, "what is deployed to Prod now"),
    ],
)
def test_who_keeps_a_build_is_said(kept, said):
    [verdict] = verdicts(build(1, 500, **kept), rules=[replace(ALL, minimum=0)])
    assert verdict.fate is Fate.KEPT
    assert said in verdict.reasons[0]


def test_a_rule_may_keep_the_record_and_let_artifacts_go():
    rule = BuildRule(("+*",), 10, 0, deletes_record=False, artifacts=("drop",))
    [verdict] = verdicts(build(1, 20), rules=[rule])
    assert (verdict.fate, verdict.artifacts) == (Fate.LOSES_FILES, ("drop",))
    assert fates(build(1, 20, has_files=False), rules=[rule]) == {1: Fate.KEPT}


def test_artifacts_go_before_the_record_where_the_project_says_so():
    settings = {"rules": (), "days": 90, "artifact_days": 30, "minimum": 0}
    assert fates(build(1, 40), build(2, 20), **settings) == {1: Fate.LOSES_FILES, 2: Fate.KEPT}
    assert fates(build(1, 40, keep_forever=True), **settings) == {1: Fate.KEPT}
