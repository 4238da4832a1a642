"""Which pull request a commit's message says it merges (AVIATOR 1)."""

import pytest

from quaymaster.domain.pull_requests import number_in


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("Merge pull request #12 from acme/b\n\nAdd b (#7)", 12),
        ("Merge pull request 'Add b (#7)' (#12) from b into main", 12),
        ("Merged PR 12: Add b (#7)", 12),
        ("Add b (#12)", 12),
        ("Add b (#12) ", 12),
        ('Revert "Add b (#12)" (#15)', 15),
        ("Add b (#7) again (#12)\n\nmore", 12),
        ("Merge branch 'b' into 'main'\n\nSee merge request acme/shop!12", 12),
        ("Follow up to (#12): fix typo", None),
        ("Fix regression of (#12) in the parser", None),
        ('Revert "Add b (#12)"', None),
        ("Add b\n\nAs in (#12)", None),
        ("See merge request acme/shop!12", None),
        ("Add b\n\nSee merge request acme/shop!12 for more", None),
        ("Add b #12", None),
        ("(#1234567890)", None),
        ("", None),
    ],
)
def test_only_what_merges_a_pull_request_names_it(message: str, number: int | None):
    assert number_in(message) == number
