"""What keeps an environment from taking deployments: freezes, windows and holds (DESIGN 6, I3).

A freeze is a rule that people set; a standstill is what it means at one moment for one
environment. Whether a time lies in a recurring window is worked out before a decision, because
only that needs a calendar.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class FreezeKind(StrEnum):
    """A DENY freeze stops deployments while it lasts, an ALLOW window whenever it is not open."""

    DENY = "deny"
    ALLOW = "allow"


class OnRunning(StrEnum):
    """What becomes of a deployment whose work has begun when a freeze begins."""

    CONTINUE = "continue"
    PAUSE = "pause"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A rule for one environment, or for all of a definition, a project or an organization.

    Without `cron` it lasts from `starts_at` to `ends_at`, either open; with `cron` it begins anew
    at those times of the zone and lasts for `duration`, within the same bounds.
    """

    id: int
    kind: FreezeKind
    reason: str
    running: OnRunning = OnRunning.CONTINUE
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    cron: str = ""
    duration: timedelta = timedelta(0)
    time_zone: str = "UTC"
    project_id: str | None = None
    definition_id: int | None = None
    environment_id: int | None = None
    created_by: str | None = None

    @property
    def level(self) -> str:
        """How far it reaches: windows of one level are alternatives to each other."""
        if self.environment_id is not None:
            return "environment"
        if self.definition_id is not None:
            return "definition"
        return "project" if self.project_id is not None else "organization"


@dataclass(frozen=True, slots=True)
class Hold:
    """After a rollback: nothing starts here by itself until somebody resumes."""

    environment_id: int
    reason: str
    held_by: str | None
    held_at: datetime


@dataclass(frozen=True, slots=True)
class Standstill:
    """A freeze, a closed window or a hold in force. `until` None lasts until it is lifted."""

    reason: str
    until: datetime | None = None
    running: OnRunning = OnRunning.CONTINUE
    freeze_id: int = 0
    is_hold: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is in force for an environment, and when that next changes by itself."""

    in_force: tuple[Standstill, ...] = ()
    changes_at: datetime | None = None

    @property
    def freezes(self) -> tuple[Standstill, ...]:
        return tuple(one for one in self.in_force if not one.is_hold)


NOTHING_STANDS_STILL = Standing()
