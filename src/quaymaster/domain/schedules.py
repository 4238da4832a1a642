"""When a schedule fires: times of the week by the clocks of a place (SEMANTICS 8.7, 8.8)."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from quaymaster.domain.plan import Schedule
from quaymaster.domain.windows_zones import IANA_OF_WINDOWS

DAYS_TO_LOOK_AT = 9  # a week, and a day on either side for zones far from UTC

_WINDOWS = {name.casefold(): zone for name, zone in IANA_OF_WINDOWS.items()}


class UnknownTimeZone(ValueError):
    """No zone is known by this name, neither of Windows nor of the IANA database."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no time zone {name!r}. Use a name such as 'UTC', "
            "'W. Europe Standard Time' or 'Europe/Berlin'."
        )


@cache
def time_zone(name: str) -> ZoneInfo:
    """The zone of a Windows name (any case) or an IANA name; raises UnknownTimeZone."""
    wanted = _WINDOWS.get(name.strip().casefold(), name.strip())
    try:
        return ZoneInfo(wanted)
    except (KeyError, OSError, ValueError) as error:
        raise UnknownTimeZone(name) from error


def next_occurrence(schedule: Schedule, after: datetime) -> datetime | None:
    """The first time strictly later than `after`, in UTC; None for a schedule without days.

    A time that a clock change leaves out is the first instant after the gap; one that happens
    twice counts once, the first time. Raises UnknownTimeZone.
    """
    zone = time_zone(schedule.time_zone)
    return next((at for at in _occurrences(schedule, zone, after) if at > after), None)


def earliest(schedules: Iterable[Schedule], after: datetime) -> datetime | None:
    """The first time at which any of these fires; None when none ever will.

    A schedule in an unknown zone never fires: saving one is refused, but a plan may be old.
    """
    found = []
    for schedule in schedules:
        try:
            found.append(next_occurrence(schedule, after))
        except UnknownTimeZone:
            continue
    return min((at for at in found if at), default=None)


def newest_due(schedule: Schedule, since: datetime, now: datetime) -> datetime | None:
    """The last time at which the schedule fired after `since` and not after `now`.

    However long nobody looked, one release is made for all the times that passed.
    """
    newest = None
    looked_from = max(since, now - timedelta(days=DAYS_TO_LOOK_AT))
    while (at := next_occurrence(schedule, newest or looked_from)) and at <= now:
        newest = at
    return newest


def _occurrences(schedule: Schedule, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    first = after.astimezone(zone).date() - timedelta(days=1)
    for number in range(DAYS_TO_LOOK_AT):
        day = first + timedelta(days=number)
        if day.weekday() in schedule.days:
            yield _instant(day, time(schedule.hour, schedule.minute), zone)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks of the zone show this, in UTC."""
    wall = datetime.combine(day, at)
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after the clocks were put forward over `wall`."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    later = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == later:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
