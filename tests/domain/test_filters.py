"""Branch and tag filters read as SEMANTICS 8.1, 8.2 and UNCERTAIN 34 to 36 put them."""

import pytest

from quaymaster.domain.filters import any_matches, branch_matches, matches
from quaymaster.domain.plan import ArtifactFilter


@pytest.mark.parametrize(
    ("pattern", "branch"),
    [
        ("main", "refs/heads/main"),
        ("refs/heads/main", "main"),
        ("Refs/Heads/main", "refs/heads/main"),
        ("release/*", "refs/heads/release/2026/1"),
        ("*", "refs/heads/any/thing"),
        ("*", ""),
        ("*/hotfix", "team/a/hotfix"),
        ("a*b*c", "a-b-b-c"),
        ("a**c", "ac"),
        ("refs/pull/*", "refs/pull/7/merge"),
        ("refs/TAGS/v1", "refs/tags/v1"),
    ],
)
def test_a_branch_bears_the_name(pattern, branch):
    assert branch_matches(pattern, branch)


@pytest.mark.parametrize(
    ("pattern", "branch"),
    [
        ("main", "refs/heads/Main"),
        ("main", "refs/heads/main2"),
        ("main", "refs/tags/main"),
        ("release/*", "release"),
        ("release*", "my/release"),
        ("ab*ba", "aba"),
        ("a*b*c", "a-c"),
        ("a*bb*b", "a-bb"),
        ("", "main"),
    ],
)
def test_a_branch_has_another_name(pattern, branch):
    assert not branch_matches(pattern, branch)


def test_no_filter_lets_everything_pass():
    assert any_matches([], "refs/heads/anything", [])


def test_filters_are_alternatives():
    wanted = [ArtifactFilter(branch="main"), ArtifactFilter(branch="release/*")]
    assert any_matches(wanted, "refs/heads/release/1", [])
    assert not any_matches(wanted, "refs/heads/feature", [])


def test_an_exclusion_wins_over_any_inclusion():
    wanted = [ArtifactFilter(branch="release/*"), ArtifactFilter(branch="-release/old*")]
    assert any_matches(wanted, "release/new", [])
    assert not any_matches(wanted, "release/old/1", [])


def test_with_only_exclusions_everything_else_passes():
    assert any_matches([ArtifactFilter(branch="-main")], "feature", [])
    assert not any_matches([ArtifactFilter(branch="-refs/heads/main")], "refs/heads/main", [])


def test_an_exclusion_with_tags_excludes_only_what_bears_them():
    wanted = ArtifactFilter(branch="-main", tags=("draft",))
    assert matches(wanted, "main", [])
    assert not matches(wanted, "main", ["draft"])


def test_all_tags_must_be_there_in_any_case():
    wanted = ArtifactFilter(tags=("Tested", "signed"))
    assert matches(wanted, "main", ["SIGNED", "tested", "more"])
    assert not matches(wanted, "main", ["tested"])


def test_branch_and_tags_must_both_hold():
    wanted = ArtifactFilter(branch="main", tags=("tested",))
    assert not matches(wanted, "feature", ["tested"])
    assert not matches(wanted, "main", [])


def test_the_default_branch_of_the_source_may_be_asked_for():
    wanted = ArtifactFilter(branch="ignored", use_default_branch=True)
    assert matches(wanted, "refs/heads/trunk", [], default_branch="trunk")
    assert not matches(wanted, "refs/heads/main", [], default_branch="trunk")


def test_an_unknown_default_branch_matches_nothing():
    assert not matches(ArtifactFilter(use_default_branch=True), "", [])


def test_a_pattern_is_searched_in_each_tag():
    wanted = ArtifactFilter(tag_pattern="v1")

    def starts(pattern, tag):
        return tag.startswith(pattern)

    assert matches(wanted, "main", ["x", "v1.2"], pattern_found=starts)
    assert not matches(wanted, "main", ["x"], pattern_found=starts)


def test_a_pattern_that_nobody_can_search_matches_nothing():
    assert not matches(ArtifactFilter(tag_pattern="v1"), "main", ["v1"])
