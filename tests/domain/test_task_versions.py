"""Which version of a task a step means (SEMANTICS 13.2)."""

import pytest

from quaymaster.domain.task_versions import exact, newest

INSTALLED = ["1.9.0", "2.1.3", "2.10.0", "2.9.9", "10.0.0", "latest", "2.1"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("2.*", "2.10.0"),
        ("2", "2.10.0"),
        ("2.1.*", "2.1.3"),
        ("2.1.3", "2.1.3"),
        (" 2.* ", "2.10.0"),
        ("*", "10.0.0"),
        ("", "10.0.0"),
        ("2.*.*", "2.10.0"),
        ("3.*", None),
        ("2.1.4", None),
        ("2.*.3", None),
        ("2.x", None),
        ("1.2.3.4", None),
        ("../2", None),
    ],
)
def test_the_newest_version_that_fits_is_meant(wanted: str, found: str | None) -> None:
    assert newest(wanted, INSTALLED) == found


def test_only_three_numbers_are_a_version() -> None:
    assert exact("2.10.0") == (2, 10, 0)
    assert [exact(text) for text in ("2.10", "2.10.x", "2.10.0.1", "", "²2.1.1")] == [None] * 5
