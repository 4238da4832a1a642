"""What a freeze means at one moment: bounds, windows, zones and the clocks' changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.actions.decisions import freeze_times
from quaymaster.domain.errors import Invalid
from quaymaster.domain.freezes import Freeze, FreezeKind

WEEKEND = Freeze(
    1,
    FreezeKind.DENY,
    "Weekend",
    cron="0 16 * * 5",
    duration=timedelta(hours=64),
    time_zone="Europe/Berlin",
)
MINUTE = timedelta(minutes=1)
HOURS = Freeze(2, FreezeKind.ALLOW, "Office hours", cron="0 9 * * 1-5", duration=timedelta(hours=8))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


moments = st.integers(0, 31 * 24 * 60).map(lambda minutes: at("2026-03-01") + minutes * MINUTE)
freezes_with_an_end = st.builds(
    Freeze,
    st.just(1),
    st.sampled_from(FreezeKind),
    st.just("x"),
    ends_at=moments,
    cron=st.just("0 9 * * 1-5"),
    duration=st.just(timedelta(hours=8)),
    definition_id=st.sampled_from([None, 1]),
) | st.builds(
    Freeze,
    st.just(2),
    st.sampled_from(FreezeKind),
    st.just("y"),
    starts_at=st.none() | moments,
    ends_at=moments,
)


def stands(moment: str, *freezes: Freeze) -> tuple[bool, datetime | None]:
    found, changes = freeze_times.in_force(freezes, at(moment))
    return bool(found), changes


def test_a_freeze_lasts_from_and_to():
    one = Freeze(1, FreezeKind.DENY, "x", starts_at=at("2026-03-02"), ends_at=at("2026-03-04"))
    assert stands("2026-03-01 23:59", one) == (False, at("2026-03-02"))
    assert stands("2026-03-02", one) == (True, at("2026-03-04"))
    assert stands("2026-03-04", one) == (False, None)
    assert stands("2026-03-04", replace(one, ends_at=None)) == (True, None)


def test_it_begins_anew_by_the_clocks_of_its_zone():
    assert stands("2026-03-06 14:59", WEEKEND) == (False, at("2026-03-06 15:00"))
    assert stands("2026-03-06 15:00", WEEKEND) == (True, at("2026-03-09 07:00"))
    assert stands("2026-03-09 07:00", WEEKEND) == (False, at("2026-03-13 15:00"))
    assert stands("2026-07-03 14:00", WEEKEND)[0]  # an hour earlier in summer


def test_a_window_across_the_change_of_the_clocks_lasts_as_long():
    assert stands("2026-03-27 15:00", WEEKEND) == (True, at("2026-03-30 07:00"))


def test_it_recurs_within_its_bounds_only():
    bounded = replace(WEEKEND, starts_at=at("2026-03-10"), ends_at=at("2026-03-14"))
    assert stands("2026-03-07", bounded) == (False, at("2026-03-13 15:00"))
    assert stands("2026-03-13 16:00", bounded) == (True, at("2026-03-14"))
    assert stands("2026-03-14 16:00", bounded) == (False, None)


def test_outside_of_a_window_nothing_starts():
    assert stands("2026-03-02 08:59", HOURS) == (True, at("2026-03-02 09:00"))
    assert stands("2026-03-02 09:00", HOURS) == (False, at("2026-03-02 17:00"))
    assert stands("2026-03-06 17:00", HOURS) == (True, at("2026-03-09 09:00"))


def test_windows_of_one_level_are_alternatives_and_levels_add_up():
    evening = replace(HOURS, id=3, cron="0 20 * * *", duration=timedelta(hours=1))
    assert not stands("2026-03-02 20:30", HOURS, evening)[0]
    assert stands("2026-03-02 18:30", HOURS, evening) == (True, at("2026-03-02 20:00"))
    assert stands("2026-03-02 20:30", HOURS, replace(evening, environment_id=7))[0]


def test_a_window_past_its_end_is_no_rule_any_more():
    once = Freeze(3, FreezeKind.ALLOW, "x", starts_at=at("2026-03-02"), ends_at=at("2026-03-04"))
    assert stands("2026-03-01", once) == (True, at("2026-03-02"))
    assert stands("2026-03-03", once) == (False, at("2026-03-04"))
    assert stands("2026-03-04", once) == (False, None)
    assert stands("2026-03-04", once, HOURS) == (True, at("2026-03-04 09:00"))


def test_a_window_that_opens_no_more_stops_until_the_rule_ends():
    week = replace(HOURS, ends_at=at("2026-03-07"))
    assert stands("2026-03-06 17:00", week) == (True, at("2026-03-07"))
    assert stands("2026-03-07", week) == (False, None)
    longer = replace(week, id=3, ends_at=at("2026-03-08"))
    (closed,), changes = freeze_times.in_force([week, longer], at("2026-03-06 17:00"))
    assert (closed.until, changes) == (at("2026-03-08"), at("2026-03-07"))
    (closed,), _ = freeze_times.in_force([week, HOURS], at("2026-03-06 17:00"))
    assert closed.until == at("2026-03-09 09:00")


@given(st.lists(freezes_with_an_end, max_size=4), st.timedeltas(timedelta(0), timedelta(days=900)))
def test_nothing_stands_still_once_all_freezes_have_ended(freezes, later):
    end = max((one.ends_at for one in freezes), default=at("2026-03-02"))
    assert freeze_times.in_force(freezes, end + later) == ((), None)


@given(st.lists(freezes_with_an_end, min_size=1, max_size=4), moments)
def test_what_stands_still_is_looked_at_again_until_nothing_does(freezes, now):
    for _ in range(200):
        _, changes = freeze_times.in_force(freezes, now)
        if changes is None:
            break
        assert changes > now
        now = changes
    assert freeze_times.in_force(freezes, now) == ((), None)


def test_a_freeze_wins_over_an_open_window():
    assert stands("2026-03-06 16:00", HOURS, WEEKEND)[0]


@pytest.mark.parametrize("cron", ["", "nonsense", "0 0 31 2 *", "* * * *", "0 " * 300])
def test_what_is_no_cron_expression(cron):
    with pytest.raises(Invalid):
        freeze_times.check_cron(cron)


@pytest.mark.parametrize(("cron", "minutes"), [("0 16 * * *", 1440), ("*/30 * * * *", 60)])
def test_times_that_follow_each_other_at_once_leave_no_gap(cron: str, minutes: int):
    one = replace(HOURS, kind=FreezeKind.DENY, cron=cron, duration=timedelta(minutes=minutes))
    for second in range(0, 120, 5):
        assert freeze_times.in_force([one], at("2026-03-02 15:59") + timedelta(seconds=second))[0]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("cron", ["30 2 * * *", "30 1 * * *", "0 3 * * *", "0 * * * *"])
def test_it_lasts_as_long_as_is_said_whenever_the_clocks_change(zone: str, cron: str):
    """Asked at any moment it is in force for its minutes from each time that it begins."""
    one = replace(
        HOURS, kind=FreezeKind.DENY, cron=cron, duration=timedelta(minutes=45), time_zone=zone
    )
    for day in ("2026-03-08", "2026-03-29", "2026-04-04", "2026-10-03", "2026-10-25", "2026-11-01"):
        moment = at(day) - timedelta(hours=3)
        for _ in range(12):
            is_frozen, changes = stands(moment.replace(tzinfo=None).isoformat(" "), one)
            assert changes
            if not is_frozen:
                begins, changes = changes, changes + timedelta(minutes=45)
                for after in (0, 20, 44):
                    now = begins + timedelta(minutes=after)
                    found, ends = freeze_times.in_force([one], now)
                    assert (bool(found), ends) == (True, changes), now
            moment = changes
