"""A build: one run of a build definition, from its queueing to its end (SEMANTICS 23).

Its status and result are never set: they are folded from its jobs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType

from quaymaster.domain.build_plan import BuildJobPlan, BuildPlan
from quaymaster.domain.release import Intervention, JobId, JobKind, PersonId
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
    """One attempt of one job of the plan; `id` 0 until it is saved.

    `kind` says who does it; what waits for the clock or a person does so until `due_at`, or until
    the `question` is answered. What a worker runs has a `due_at` once its stage is canceled: by
    then it has stopped, or is given up. `outputs` are the variables that it handed on, secrets left
    out.
    """

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
    kind: JobKind = JobKind.AGENT
    due_at: datetime | None = None
    question: Intervention | None = None
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has begun it yet."""
        return self.status in (JobStatus.HELD, JobStatus.WAITING)

    @property
    def is_worked_on(self) -> bool:
        """Whether a worker runs it now."""
        return self.status is JobStatus.RUNNING and not self.kind.is_pause

    @property
    def is_stopping(self) -> bool:
        """Whether its worker was asked to stop it, because its stage was canceled."""
        return self.is_worked_on and self.due_at is not None

    def over(self, status: JobStatus, error: str, at: datetime) -> "BuildJob":
        """The job as it is at its end."""
        return replace(self, status=status, error=error, ended_at=at)


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
    _newest: dict[str, BuildJob] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Rules ask for the newest attempt of every job again and again."""
        object.__setattr__(self, "_newest", {job.key: job for job in self.jobs})

    def newest(self, key: str) -> BuildJob | None:
        """The newest attempt of a job of the plan; None when it has not begun."""
        return self._newest.get(key)

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

    def each(
        self, which: Callable[[BuildJob], bool], made: Callable[[BuildJob], BuildJob]
    ) -> "Build":
        """The build with those attempts made anew that are meant."""
        return replace(self, jobs=tuple(made(job) if which(job) else job for job in self.jobs))

    def counts(self, job: BuildJob) -> JobStatus:
        """How a job counts for the build and for those that wait for it: a failure that is allowed
        counts as issues."""
        if job.status is not JobStatus.FAILED:
            return job.status
        plan = self.plan.job(job.key)
        is_allowed = plan.continue_on_error or (
            plan.group is not None and plan.group.tolerant and self._has_good(plan.group.name)
        )
        return JobStatus.WITH_ISSUES if is_allowed else job.status

    def group_of(self, plan: BuildJobPlan) -> tuple[BuildJobPlan, ...]:
        """All jobs that became of the same job or phase of the definition, this one too."""
        if plan.group is None:
            return (plan,)
        name = plan.group.name
        return tuple(one for one in self.plan.jobs if one.group and one.group.name == name)

    def _has_good(self, group: str) -> bool:
        good = (JobStatus.SUCCEEDED, JobStatus.WITH_ISSUES)
        mates = [one.key for one in self.plan.jobs if one.group and one.group.name == group]
        return any(job is not None and job.status in good for job in map(self.newest, mates))

    def _counted(self, job: BuildJob) -> BuildResult:
        return RESULTS[self.counts(job)]


_BADNESS = list(BuildResult)
RESULTS = {
    JobStatus.SUCCEEDED: BuildResult.SUCCEEDED,
    JobStatus.SKIPPED: BuildResult.SUCCEEDED,
    JobStatus.WITH_ISSUES: BuildResult.PARTIALLY_SUCCEEDED,
    JobStatus.FAILED: BuildResult.FAILED,
    JobStatus.CANCELED: BuildResult.CANCELED,
}
