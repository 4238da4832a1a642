"""Which work items the messages of changes mention."""

import pytest

from quaymaster.domain.work_items import mentioned


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        ("Fix login (#12)", (12,)),
        ("AB#7 and ab#8", (7, 8)),
        ("#3 #4 #3", (3, 4)),
        ("x#1 ##2 &#39; a/b#5 #0 #1x #99999999999", ()),
        ("", ()),
    ],
)
def test_numbers_behind_a_hash_are_work_items(message: str, numbers: tuple[int, ...]) -> None:
    assert mentioned([message]) == numbers


def test_each_is_named_once_over_all_messages() -> None:
    assert mentioned(["b #2", "a #1 #2"]) == (2, 1)
