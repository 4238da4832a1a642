"""Commands that set, list and lift freezes."""

from datetime import datetime, timedelta
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from quaymaster.actions.call import Call
from quaymaster.actions.deployments import freezing
from quaymaster.actions.people import projects
from quaymaster.cli.homes import on_installation
from quaymaster.cli.options import Home
from quaymaster.cli.printing import say, show_table
from quaymaster.domain.errors import Invalid
from quaymaster.domain.freezes import Freeze, FreezeKind


def set_freeze(  # noqa: PLR0913 - each is an option
    reason: str,
    *,
    project: Annotated[str, Parameter(help="Only this project; otherwise all of them.")] = "",
    starts: Annotated[str, Parameter(name="--from", help="When it begins, with a zone.")] = "",
    until: Annotated[str, Parameter(help="When it ends, with a zone.")] = "",
    cron: Annotated[str, Parameter(help="Begins anew at these times: `0 16 * * 5`.")] = "",
    minutes: Annotated[int, Parameter(help="How long it lasts each time, with --cron.")] = 0,
    zone: Annotated[str, Parameter(help="The zone of --cron.")] = "UTC",
    window: Annotated[bool, Parameter(help="Let deployments start only while it lasts.")] = False,
    home: Home = None,
) -> None:
    freeze = Freeze(
        id=0,
        kind=FreezeKind.ALLOW if window else FreezeKind.DENY,
        reason=reason,
        starts_at=_time(starts),
        ends_at=_time(until),
        cron=cron,
        duration=timedelta(minutes=minutes),
        time_zone=zone,
    )

    async def add(call: Call) -> Freeze:
        return await freezing.create_for(call, freeze, await _project(call, project))

    say(on_installation(home, add).id)


def show(*, home: Home = None) -> None:
    found = on_installation(home, freezing.all_listed)
    table = Table("id", "level", "kind", "from", "until", "again", "reason")
    show_table(table, map(_row, found), "Nothing is frozen.")


def _row(one: Freeze) -> tuple[object, ...]:
    again = f"{one.cron} {one.time_zone} for {one.duration}" if one.cron else ""
    times = _shown(one.starts_at), _shown(one.ends_at)
    return (one.id, one.level, one.kind, *times, again, one.reason)


def lift(number: int, *, home: Home = None) -> None:
    on_installation(home, lambda call: freezing.lift_any(call, number))


async def _project(call: Call, name: str) -> str | None:
    return await projects.id_of(call.database, name) if name else None


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise Invalid(f"{text!r} is no time with a zone; write it as 2026-12-31T18:00+01:00.")
    return time


def _shown(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M %Z}" if time else ""
