"""A build: one run of a build definition, from its queueing to its end (SEMANTICS 23).

Its status and result are never set: they are folded from its jobs.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from quaymaster.domain.build_plan import BuildPlan
from quaymaster.domain.release import JobId, PersonId
from quaymaster.domain.statuses import JobStatus

BuildId = NewType("BuildId", int)
UNSAVED_JOB = JobId(0)


class BuildStatus(StrEnum):
    """How far a build is (SEMANTICS 23.1)."""

    NOT_STARTED = "notStarted"
    IN_PROGRESS = "inProgress"
    CANCELLING = "cancelling"
    POSTPONED = "postponed"
    COMPLETED = "completed"


class BuildResult(StrEnum):
    """How a completed build ended, from good to bad."""

    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partiallySucceeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class BuildJob:
    """One attempt of one job of the plan; `id` 0 until it is saved."""

    key: str
    status: JobStatus
    created_at: datetime
    attempt: int = 1
    id: JobId = UNSAVED_JOB
    worker: str = ""
    token: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """Everything that decides what happens next in a build.

    `variables` are those that conditions see. `is_held`: its definition is paused, so no job
    starts. `jobs` holds every attempt, oldest first.
    """

    id: BuildId
    definition_id: int
    plan: BuildPlan
    queued_at: datetime
    variables: dict[str, str] = field(default_factory=dict)
    jobs: tuple[BuildJob, ...] = ()
    is_held: bool = False
    cancel_requested_at: datetime | None = None
    canceled_by: PersonId | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def newest(self, key: str) -> BuildJob | None:
        """The newest attempt of a job of the plan; None when it has not begun."""
        return next((job for job in reversed(self.jobs) if job.key == key), None)

    @property
    def current(self) -> tuple[BuildJob, ...]:
        """The newest attempt of each job that has begun, in the order of the plan."""
        found = (self.newest(plan.key) for plan in self.plan.jobs)
        return tuple(job for job in found if job is not None)

    @property
    def status(self) -> BuildStatus:
        """Folded from the jobs: completed once every job of the plan has ended."""
        if self.finished_at is not None:
            return BuildStatus.COMPLETED
        if self.cancel_requested_at is not None:
            return BuildStatus.CANCELLING
        return BuildStatus.NOT_STARTED if self.started_at is None else BuildStatus.IN_PROGRESS

    @property
    def result(self) -> BuildResult | None:
        """The worst end of a job, once the build is completed; a canceled build is canceled."""
        if self.finished_at is None:
            return None
        if self.cancel_requested_at is not None:
            return BuildResult.CANCELED
        return max(map(self._counted, self.current), key=_BADNESS.index, default=_BADNESS[0])

    def _counted(self, job: BuildJob) -> BuildResult:
        result = RESULTS[job.status]
        if result is BuildResult.FAILED and self.plan.job(job.key).continue_on_error:
            return BuildResult.PARTIALLY_SUCCEEDED
        return result


_BADNESS = list(BuildResult)
RESULTS = {
    JobStatus.SUCCEEDED: BuildResult.SUCCEEDED,
    JobStatus.SKIPPED: BuildResult.SUCCEEDED,
    JobStatus.WITH_ISSUES: BuildResult.PARTIALLY_SUCCEEDED,
    JobStatus.FAILED: BuildResult.FAILED,
    JobStatus.CANCELED: BuildResult.CANCELED,
}
