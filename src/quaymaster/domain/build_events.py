"""Everything that can happen to a build from outside; jobs are claimed, finish, get lost and await
reports as those of releases do."""

from dataclasses import dataclass

from quaymaster.domain.events import (
    JobAnswered,
    JobAwaits,
    JobClaimed,
    JobFinished,
    JobLost,
)
from quaymaster.domain.release import JobId, PersonId


@dataclass(frozen=True, slots=True)
class BuildQueued:
    """Somebody queued it, or a trigger did; `is_held` while its definition is paused."""

    is_held: bool = False


@dataclass(frozen=True, slots=True)
class BuildHeld:
    """Its definition was paused or disabled before it started (22.4)."""


@dataclass(frozen=True, slots=True)
class BuildLetGo:
    """Its definition is enabled again."""


@dataclass(frozen=True, slots=True)
class BuildCanceled:
    """Somebody asked it to stop (23.4); with a `stage` that part of it alone."""

    by: PersonId | None = None
    stage: str = ""


@dataclass(frozen=True, slots=True)
class BuildRetried:
    """What did not succeed runs again; `stage` limits it, `everything` runs all jobs again."""

    stage: str = ""
    everything: bool = False


@dataclass(frozen=True, slots=True)
class BuildQuestionAnswered:
    """Somebody lets a build go on that waits for a manual validation, or rejects it (21.2)."""

    job: JobId
    by: PersonId | None
    resumes: bool
    comment: str = ""


@dataclass(frozen=True, slots=True)
class BuildTimeCame:
    """A deadline may have passed."""


BuildEvent = (
    BuildQueued
    | BuildHeld
    | BuildLetGo
    | BuildCanceled
    | BuildRetried
    | BuildQuestionAnswered
    | BuildTimeCame
    | JobClaimed
    | JobFinished
    | JobLost
    | JobAwaits
    | JobAnswered
)
