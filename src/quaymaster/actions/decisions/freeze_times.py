"""What the freezes and holds of a release's environments mean at one moment, by the calendar."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, takewhile

from cronsim import CronSim, CronSimError

from quaymaster.domain.errors import Invalid
from quaymaster.domain.freezes import Freeze, FreezeKind, Standing, Standstill
from quaymaster.domain.release import Release
from quaymaster.domain.schedules import time_zone

LONGEST_CRON = 200
CRON_FIELDS = 5
_MINUTE = timedelta(minutes=1)
_CLOCK_CHANGE = timedelta(hours=3)  # longer than any clock is ever put forward or back


def at(release: Release, now: datetime) -> Release:
    """The release with what stands still in its environments now, ready for a decision."""
    if not release.freezes and not release.holds:
        return release
    numbers = {stage.plan.definition_stage_id for stage in release.stages}
    return replace(release, standing={number: standing(release, number, now) for number in numbers})


def standing(release: Release, environment: int, now: datetime) -> Standing:
    """All that is in force for one environment of the release's definition."""
    own = [one for one in release.freezes if one.environment_id in (None, environment)]
    stops, changes = in_force(own, now)
    holds = [
        Standstill(hold.reason, is_hold=True)
        for hold in release.holds
        if hold.environment_id == environment
    ]
    return Standing((*stops, *holds), changes)


def in_force(
    freezes: Iterable[Freeze], now: datetime
) -> tuple[tuple[Standstill, ...], datetime | None]:
    """The freezes that stop deployments now, and when that next changes by itself.

    Windows of one level are alternatives: none stops while one of them is open. Levels add up.
    What has ended is no rule any more, also a window.
    """
    lasting = [freeze for freeze in freezes if freeze.ends_at is None or now < freeze.ends_at]
    spells = [(freeze, _spell(freeze, now)) for freeze in lasting]
    denying = [
        Standstill(freeze.reason, spell.until, freeze.running, freeze.id)
        for freeze, spell in spells
        if freeze.kind is FreezeKind.DENY and spell.is_open
    ]
    allowing = [pair for pair in spells if pair[0].kind is FreezeKind.ALLOW]
    changes = [spell.until for _, spell in spells if spell.until]
    changes += [window.ends_at for window, _ in allowing if window.ends_at]
    return (*denying, *_closed(allowing)), min(changes, default=None)


def _closed(windows: list[tuple[Freeze, "_Spell"]]) -> Iterator[Standstill]:
    by_level = sorted(windows, key=lambda pair: pair[0].level)
    for _, group in groupby(by_level, key=lambda pair: pair[0].level):
        pairs = list(group)
        if any(spell.is_open for _, spell in pairs):
            continue
        opens = min((spell.until for _, spell in pairs if spell.until), default=None)
        first = pairs[0][0]
        until = opens or _all_end([window for window, _ in pairs])
        yield Standstill(first.reason, until, first.running, first.id)


def _all_end(windows: list[Freeze]) -> datetime | None:
    """When none of the windows is a rule any more; None when one of them has no end."""
    ends = [window.ends_at for window in windows if window.ends_at]
    return max(ends) if len(ends) == len(windows) else None


@dataclass(frozen=True, slots=True)
class _Spell:
    """Whether a time before its end lies in a freeze's window, and when that changes; None: until
    the end."""

    is_open: bool
    until: datetime | None


def _spell(freeze: Freeze, now: datetime) -> _Spell:
    starts, ends = freeze.starts_at, freeze.ends_at
    if not freeze.cron:
        if starts and now < starts:
            return _Spell(is_open=False, until=starts)
        return _Spell(is_open=True, until=ends)
    newest = _newest(freeze, now)
    if newest and now < newest + freeze.duration and not (starts and newest < starts):
        end = newest + freeze.duration
        return _Spell(is_open=True, until=min(end, ends) if ends else end)
    after = max(now, starts - _MINUTE) if starts else now
    following = next(_occurrences(freeze, after), None)
    is_past = following is None or (ends is not None and following >= ends)
    return _Spell(is_open=False, until=None if is_past else following)


def _newest(freeze: Freeze, now: datetime) -> datetime | None:
    """The last time of the cron that is not after now, None when there is none.

    Backwards the times around a change of the clocks are not those that come forwards, so that
    looking back only says where to begin.
    """
    before = next(_occurrences(freeze, now, reverse=True), now)
    times = takewhile(lambda time: time <= now, _occurrences(freeze, before - _CLOCK_CHANGE))
    return max(times, default=None)


def _occurrences(freeze: Freeze, after: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """The times of the cron after this one, or before it, the next one first."""
    local = after.astimezone(time_zone(freeze.time_zone))
    return (found.astimezone(UTC) for found in CronSim(freeze.cron, local, reverse=reverse))


def check_cron(cron: str) -> None:
    """Raise Invalid unless this is a Unix cron expression that fires at some time."""
    try:
        if len(cron) > LONGEST_CRON:
            raise CronSimError("too long")  # noqa: TRY301 - said as for the others
        if len(cron.split()) != CRON_FIELDS:  # a sixth one would be seconds
            raise CronSimError("Bad number of fields")  # noqa: TRY301 - the same
        if next(CronSim(cron, datetime.now(UTC)), None) is None:
            raise Invalid(f"The cron expression {cron!r} never fires.")
    except CronSimError as error:
        raise Invalid(
            f"{cron[:LONGEST_CRON]!r} is no cron expression ({error}): five fields are wanted, "
            "such as `0 18 * * 5`."
        ) from error
