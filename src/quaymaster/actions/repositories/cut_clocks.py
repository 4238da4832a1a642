"""The clocks by which definitions cut candidates, and which paths are theirs (AVIATOR 1)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cronsim import CronSim

from quaymaster.actions.call import Call
from quaymaster.actions.decisions import freeze_times
from quaymaster.actions.repositories import path_globs, sources
from quaymaster.domain.errors import Invalid
from quaymaster.domain.release_versions import Numbering
from quaymaster.domain.schedules import time_zone
from quaymaster.store.postgres.database import Connection
from quaymaster.store.triggers import cut_schedules
from quaymaster.store.triggers.cut_schedules import CutSchedule

# Keys of a definition's settings. The clock is kept as an object of the four below it.
SCHEDULED_CUT, FILE_PATHS = "scheduled_cut", "file_paths"
CRON, ZONE, VERSIONS, BRANCH = "cron", "time_zone", "versions", "branch"
LONGEST_BRANCH = 250
NO_SOURCE = (
    f"Invalid {SCHEDULED_CUT}: the repository is connected to nothing, so that there is nothing to "
    f"cut. Set {sources.URL}, or {sources.CONNECTION} alone for one at GitHub, GitLab or Gitea; "
    f"{SCHEDULED_CUT} null ends the clock."
)


def check(settings: Mapping[str, Any]) -> None:
    """Raise Invalid or UnknownTimeZone for a clock that nobody can follow, for paths that are
    none."""
    path_globs.matcher(settings.get(FILE_PATHS) or ())
    clock = settings.get(SCHEDULED_CUT)
    if not clock:
        return
    freeze_times.check_cron(clock[CRON])
    time_zone(clock[ZONE])
    if clock[VERSIONS] not in set(Numbering):
        raise Invalid(f"Invalid {VERSIONS}: use one of {', '.join(Numbering)}.")
    branch = clock[BRANCH]
    if branch and (len(branch) > LONGEST_BRANCH or not branch.isprintable()):
        raise Invalid(f"Invalid {BRANCH}: it is none that a repository can have.")


def check_source(settings: Mapping[str, Any]) -> None:
    """Raise Invalid for a clock without a repository: nothing could ever be cut by it."""
    if settings.get(SCHEDULED_CUT) and not any(sources.said(settings)):
        raise Invalid(NO_SOURCE)


async def check_reach(call: Call, settings: Mapping[str, Any], repository: str) -> None:
    """The same for a service connection alone that leads to no repository, such as one of the
    type Generic; `call` is inside the project whose connections are meant."""
    check_source(settings)
    address, connection = sources.said(settings)
    if settings.get(SCHEDULED_CUT) and not address:
        own = replace(call, caller=None)  # who set it was allowed to use it
        if not (await sources.opened(own, address, connection, repository)).address:
            raise Invalid(NO_SOURCE)


def following(cron: str, zone: str, after: datetime) -> datetime:
    """The first time of the cron after this one, in UTC."""
    return next(CronSim(cron, after.astimezone(time_zone(zone)))).astimezone(UTC)


async def follow(
    connection: Connection, definition: int, settings: Mapping[str, Any], now: datetime
) -> None:
    """Have the definition cut as its settings say, from the next time on."""
    clock = settings.get(SCHEDULED_CUT)
    if not clock:
        await cut_schedules.remove(connection, definition)
        return
    at = following(clock[CRON], clock[ZONE], now)
    new = CutSchedule(definition, clock[CRON], clock[ZONE], clock[VERSIONS], clock[BRANCH], at, at)
    await cut_schedules.put(connection, new)
