"""Where an environment goes back to: the documented table, and random histories (AVIATOR 5)."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.domain.rollbacks import Past, Rollback, rollback

OUTCOMES = {
    "S": Outcome.SUCCEEDED,
    "F": Outcome.PHASE_FAILED,
    "E": Outcome.ERROR,
    "C": Outcome.CANCELED,
    "U": Outcome.UNKNOWN,
    "I": None,
}


def history(text: str) -> list[Past]:
    """ "A S, B F": releases by letter, oldest first."""
    rows = [one.split() for one in text.split(", ")] if text else []
    return [
        Past(number, ReleaseId(ord(letter)), ord(letter), OUTCOMES[status])
        for number, (letter, status) in enumerate(rows, 1)
    ]


def target(found: Rollback | None) -> str:
    return chr(found.target.release) if found else ""


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ("A S, B S", "A"),
        ("A S, B S, C S", "B"),
        ("A S, B F", "A"),
        ("A S, B S, C F, D F", "B"),
        ("A S, B F, C S", "A"),
        ("A S, B S, B S", "A"),
        ("A S, B I", "A"),
        ("A S, B S, C I, D I", "B"),
        ("A S, B S, C C", "B"),
        ("A S, B S, A S", "B"),
        ("A S, B S, A F", "B"),
        ("A S, B S, A I", "B"),
        ("A S", ""),
        ("A F", ""),
        ("", ""),
        ("A F, B S", ""),
        ("A S, A S", ""),
        ("A I", ""),
        ("A S, B U", "A"),
        ("A S, B E", "A"),
    ],
)
def test_the_documented_table(rows, wanted):
    assert target(rollback(history(rows))) == wanted


def test_whatever_is_under_way_is_canceled_first():
    found = rollback(history("A S, B I, C I"))
    assert found
    assert [chr(row.release) for row in found.canceled] == ["B", "C"]
    assert chr(found.leaving.release) == "C"


def test_any_release_that_has_succeeded_here_can_be_named():
    rows = history("A S, B S, C S, D F")
    assert target(rollback(rows, to=ReleaseId(ord("A")))) == "A"
    assert rollback(rows, to=ReleaseId(ord("D"))) is None


ROWS = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.sampled_from(list(OUTCOMES))), max_size=12
).map(lambda rows: history(", ".join(f"{who} {how}" for who, how in rows)))


@given(ROWS)
def test_the_target_is_what_the_rule_says(rows):
    assert target(rollback(rows)) == by_the_book(rows)


def by_the_book(rows: Sequence[Past]) -> str:
    """AVIATOR 5, step 2, said once more from the end of the list."""
    if not rows:
        return ""
    last, before = rows[-1], list(reversed(rows))
    for row in before:
        if row.outcome is Outcome.SUCCEEDED and not (
            last.outcome is Outcome.SUCCEEDED and row.release == last.release
        ):
            return chr(row.release)
    return ""


@given(ROWS)
def test_a_few_rows_settle_it(rows):
    """What the store reads: the newest, those under way, and two successes."""
    assert rollback(few(rows)) == rollback(rows)


def few(rows: Sequence[Past]) -> list[Past]:
    successes = [row for row in rows if row.has_succeeded]
    others = [row for row in successes if row.release != rows[-1].release] if rows else []
    kept = {*rows[-1:], *(row for row in rows if row.is_under_way), *successes[-1:], *others[-1:]}
    return list(kept)


@given(ROWS)
def test_it_never_goes_to_where_it_came_from_or_to_what_did_not_run(rows):
    found = rollback(rows)
    if found:
        assert found.target.has_succeeded
        assert found.leaving == rows[-1]
        if rows[-1].has_succeeded:
            assert found.target.release != rows[-1].release
