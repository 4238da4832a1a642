"""When schedules fire (SEMANTICS 8.7, 8.8; UNCERTAIN 38, 41)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.domain.plan import Schedule
from quaymaster.domain.schedules import (
    UnknownTimeZone,
    earliest,
    newest_due,
    next_occurrence,
    time_zone,
)
from quaymaster.domain.windows_zones import IANA_OF_WINDOWS
from tests import make
from tests.story import deployed, started, story, works

EVERY_DAY = tuple(range(7))
BERLIN = "W. Europe Standard Time"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_next_working_night():
    nightly = Schedule((0, 1, 2, 3, 4), 3, 30)
    assert next_occurrence(nightly, at("2026-03-02T09:00")) == at("2026-03-03T03:30")
    assert next_occurrence(nightly, at("2026-03-06T09:00")) == at("2026-03-09T03:30")


def test_strictly_later():
    daily = Schedule(EVERY_DAY, 3, 0)
    assert next_occurrence(daily, at("2026-03-02T03:00")) == at("2026-03-03T03:00")
    assert next_occurrence(daily, at("2026-03-02T02:59")) == at("2026-03-02T03:00")


def test_once_a_week_on_the_day_itself():
    monday = Schedule((0,), 9, 0)
    assert next_occurrence(monday, at("2026-03-02T09:00")) == at("2026-03-09T09:00")


@pytest.mark.parametrize("zone", [BERLIN, BERLIN.upper(), "Europe/Berlin"])
def test_summer_and_winter(zone):
    daily = Schedule(EVERY_DAY, 12, 0, zone)
    assert next_occurrence(daily, at("2026-01-10T00:00")) == at("2026-01-10T11:00")
    assert next_occurrence(daily, at("2026-07-10T00:00")) == at("2026-07-10T10:00")


def test_a_time_that_the_clocks_leave_out_is_the_first_instant_after_the_gap():
    daily = Schedule(EVERY_DAY, 2, 30, BERLIN)
    assert next_occurrence(daily, at("2026-03-28T12:00")) == at("2026-03-29T01:00")
    assert next_occurrence(daily, at("2026-03-29T01:00")) == at("2026-03-30T00:30")


def test_a_time_that_happens_twice_counts_once():
    daily = Schedule(EVERY_DAY, 2, 30, BERLIN)
    assert next_occurrence(daily, at("2026-10-24T12:00")) == at("2026-10-25T00:30")
    assert next_occurrence(daily, at("2026-10-25T00:30")) == at("2026-10-26T01:30")


def test_the_days_are_those_of_the_place():
    sunday = Schedule((6,), 1, 0, "Tokyo Standard Time")
    assert next_occurrence(sunday, at("2026-03-06T00:00")) == at("2026-03-07T16:00")


def test_without_days_it_never_fires():
    assert next_occurrence(Schedule((), 3, 0), make.NOW) is None


def test_a_zone_nobody_knows_is_refused_by_name():
    with pytest.raises(UnknownTimeZone, match="no time zone 'Mars/Olympus'"):
        next_occurrence(Schedule(EVERY_DAY, 3, 0, "Mars/Olympus"), make.NOW)
    for nonsense in ("", "../etc/passwd", "a\0b"):
        with pytest.raises(UnknownTimeZone):
            time_zone(nonsense)


def test_every_windows_zone_is_known():
    assert set(IANA_OF_WINDOWS.values()) <= available_timezones()
    assert {time_zone(name).key for name in IANA_OF_WINDOWS} == set(IANA_OF_WINDOWS.values())


def test_the_earliest_of_several():
    both = [Schedule(EVERY_DAY, 22, 0), Schedule(EVERY_DAY, 3, 0), Schedule((), 1, 0)]
    assert earliest(both, make.NOW) == at("2026-03-02T22:00")
    assert earliest([Schedule(EVERY_DAY, 3, 0, "Nowhere")], make.NOW) is None


def test_one_release_for_all_the_times_that_nobody_looked():
    daily = Schedule(EVERY_DAY, 3, 0)
    now = at("2026-03-10T09:00")
    assert newest_due(daily, now - timedelta(days=400), now) == at("2026-03-10T03:00")
    assert newest_due(daily, at("2026-03-10T03:00"), now) is None
    assert newest_due(daily, at("2026-03-10T02:59"), at("2026-03-10T03:00")) == at(
        "2026-03-10T03:00"
    )


schedules = st.builds(
    Schedule,
    st.sets(st.integers(0, 6), min_size=1).map(tuple),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(sorted(IANA_OF_WINDOWS)),
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(schedules, moments)
def test_it_fires_within_eight_days_on_a_wanted_day_at_the_wanted_time(schedule, after):
    found = next_occurrence(schedule, after)
    assert found
    assert after < found <= after + timedelta(days=8, hours=2)
    shown = found.astimezone(time_zone(schedule.time_zone))
    wanted = schedule.hour * 60 + schedule.minute
    # In a gap the clocks show a later time, at most as much later as they were put forward.
    late = (shown.hour * 60 + shown.minute - wanted) % (24 * 60)
    assert late <= 120 or shown.weekday() not in schedule.days
    if late == 0:
        assert shown.weekday() in schedule.days


@given(schedules, moments, moments)
def test_a_later_look_never_finds_an_earlier_time(schedule, one, other):
    first, second = sorted((one, other))
    assert next_occurrence(schedule, first) <= next_occurrence(schedule, second)


# ---- stages with a schedule -----------------------------------------------------------------

NIGHTLY = {"schedules": (Schedule(EVERY_DAY, 3, 0),)}


def test_a_stage_waits_for_its_next_occurrence_after_its_conditions_hold():
    told = story(make.plan("Dev → QA", QA=NIGHTLY)).when(started(), works("Dev"))
    told.then(QA="scheduled notDeployed scheduled")
    assert told.deployment("QA").scheduled_for == at("2026-03-03T03:00")
    assert told.deployment("QA").reason == "scheduled"
    assert told.stage("QA").trigger_reason == "Scheduled"
    told.later(hours=17, minutes=59).then(QA="scheduled").later(minutes=1).then(QA="queuedForAgent")


def test_a_hand_needs_no_schedule():
    told = story(make.plan("Dev → QA", QA=NIGHTLY)).when(started(), deployed("QA"))
    told.then(QA="queuedForAgent")


def test_a_stage_whose_schedule_never_fires_does_not_start_by_itself():
    never = {"schedules": (Schedule((), 3, 0),)}
    story(make.plan("Dev", Dev=never)).when(started()).then(Dev="notStarted")
