"""Somebody who may sign in always administers the installation."""

import pytest

from quaymaster.domain.administrators import check_somebody_is_left
from quaymaster.domain.errors import Refused

KIM, LEE, NOBODY = frozenset({"kim"}), frozenset({"lee"}), frozenset[str]()


@pytest.mark.parametrize(
    ("before", "after"), [(KIM | LEE, LEE), (KIM, KIM), (KIM, LEE), (NOBODY, NOBODY), (NOBODY, KIM)]
)
def test_an_administrator_may_go_while_another_is_left(
    before: frozenset[str], after: frozenset[str]
) -> None:
    check_somebody_is_left(before, after, "Administrators")


def test_the_last_one_stays() -> None:
    with pytest.raises(Refused, match="group add 'Administrators' NAME"):
        check_somebody_is_left(KIM | LEE, NOBODY, "Administrators")
