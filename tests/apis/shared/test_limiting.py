"""How many requests an identity may send in a minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.apis.shared.limiting import WINDOW_SECONDS, RequestLimits, TooManyRequests


def test_a_minutes_requests_may_come_at_once_and_then_one_for_each_that_time_frees() -> None:
    limits = RequestLimits()
    left = [limits.take("ann", 6, 100.0).remaining for _ in range(6)]
    assert left == [5, 4, 3, 2, 1, 0]
    with pytest.raises(TooManyRequests) as refused:
        limits.take("ann", 6, 100.0)
    assert refused.value.usage.retry_in == pytest.approx(10)
    assert refused.value.headers["Retry-After"] == "10"
    assert limits.take("ann", 6, 110.0).remaining == 0
    with pytest.raises(TooManyRequests):
        limits.take("ann", 6, 111.0)
    assert limits.take("ann", 6, 110.0 + WINDOW_SECONDS).remaining == 5


def test_nobody_is_refused_for_what_others_send() -> None:
    limits = RequestLimits()
    limits.take("ann", 1, 0.0)
    with pytest.raises(TooManyRequests):
        limits.take("ann", 1, 0.0)
    assert limits.take("bob", 1, 0.0).remaining == 0


def test_it_is_told_from_half_of_the_limit_on() -> None:
    limits = RequestLimits()
    told = [limits.take("ann", 4, 0.0).is_worth_telling for _ in range(4)]
    assert told == [False, False, True, True]


def test_only_so_many_identities_are_remembered() -> None:
    limits = RequestLimits(most_identities=100)
    for number in range(1000):
        limits.take(str(number), 5, float(number))
    assert len(limits) == 100


@given(st.integers(1, 50), st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_never_more_than_two_minutes_worth_pass_in_a_minute(
    limit: int, pauses: list[float]
) -> None:
    """The room of one minute, and what that minute frees."""
    limits, now = RequestLimits(), 0.0
    passed: list[float] = []
    waits: list[float] = []
    for pause in pauses:
        now += pause
        try:
            limits.take("ann", limit, now)
        except TooManyRequests as refused:
            waits.append(refused.usage.retry_in)
        else:
            passed.append(now)
    assert all(0 < wait <= WINDOW_SECONDS / limit + 1e-3 for wait in waits)
    for start in passed:
        inside = [at for at in passed if start <= at < start + WINDOW_SECONDS]
        assert len(inside) <= 2 * limit + 1
