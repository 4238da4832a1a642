"""Digits that come from outside are bounded before a number is made of them (R-03)."""

import pytest

from quaymaster.domain.numbers import digits
from quaymaster.runner.tasks import registry
from quaymaster.sources.package_versions import highest_first
from tests.runner.make import BASH

ENDLESS = "9" * 5000  # more than `int` takes


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1.0", "²", "\u0661", "1" * 19, ENDLESS])
def test_what_is_no_number_of_a_few_digits_is_none(text: str) -> None:
    assert digits(text) is None


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_are_their_number(text: str, number: int) -> None:
    assert digits(text) == number
    assert digits(text, len(text) - 1) is None


@pytest.mark.parametrize("version", ["²", f"{ENDLESS}.*", "-3"])
def test_a_task_of_such_a_version_is_unknown(version: str) -> None:
    assert not registry.is_known(BASH, version)
    assert registry.is_known(BASH, "3.*")


def test_such_a_version_of_a_package_holds_up_no_other() -> None:
    listed = ["1.2", f"1.0-{ENDLESS}", "1.10", ENDLESS]
    assert highest_first(listed)[:2] == ["1.10", "1.2"]
