"""Everything that can happen to a release: what comes from outside, and what follows from it.

Events are raised by people, workers, clocks and the queue of an environment; conclusions are
drawn by the rules. Both are changes: applied to the release, kept in its history, acted upon.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from quaymaster.domain.release import (
    Approval,
    ApprovalId,
    GateResult,
    Intervention,
    InterventionId,
    Job,
    JobId,
    Outcome,
    Person,
    PersonId,
    Side,
    StageId,
)
from quaymaster.domain.statuses import ApprovalStatus, DeploymentReason, GateStatus, JobStatus

# ---- from people ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Activated:
    """A draft, or a release just made, goes live: conditions count from now on."""

    by: PersonId | None


@dataclass(frozen=True, slots=True)
class Abandoned:
    """No further deployments; whatever only waits is canceled (SEMANTICS 6.3)."""

    by: PersonId | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class DetailsChanged:
    """Words about the release changed; None leaves a part as it is."""

    by: PersonId | None
    name: str | None = None
    description: str | None = None
    keep_forever: bool | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentRequested:
    """Somebody, or the release itself, asks for a new attempt of a stage (SEMANTICS 7.4, 8.6)."""

    stage: StageId
    by: PersonId | None
    requested_for: PersonId | None
    reason: DeploymentReason
    trigger_reason: str = "Manual"
    after_stages: tuple[str, ...] = ()
    scheduled_for: datetime | None = None
    comment: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody asks to stop the attempt under way (SEMANTICS 7.6)."""

    stage: StageId
    by: PersonId | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """Somebody agrees; others of the same or a later rank may still be asked."""

    approval: ApprovalId
    by: Person
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalRefused:
    """Somebody says no, which ends the attempt (SEMANTICS 9.4)."""

    approval: ApprovalId
    by: Person
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalReassigned:
    """The question is passed on; it keeps its id and is pending again (SEMANTICS 9.12)."""

    approval: ApprovalId
    by: Person
    to: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentDeferred:
    """The attempt's work must not start before this time (SEMANTICS 9.13)."""

    stage: StageId
    until: datetime
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class GatesIgnored:
    """These gates count as successful from the next evaluation on (SEMANTICS 10.4)."""

    stage: StageId
    side: Side
    names: tuple[str, ...]
    by: PersonId | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class InterventionAnswered:
    """Somebody lets a paused phase go on, or rejects it (SEMANTICS 21.2)."""

    intervention: InterventionId
    by: PersonId | None
    resumes: bool
    comment: str = ""


# ---- from the queue of an environment -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SlotGranted:
    """The environment lets this attempt in (SEMANTICS 11.2)."""

    stage: StageId
    attempt: int


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer request took this waiting attempt's place (SEMANTICS 11.4)."""

    stage: StageId
    attempt: int
    by_release: str


# ---- from workers and clocks ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobClaimed:
    """A worker takes the job and is about to run it; `token` fences all others."""

    job: JobId
    worker: str
    token: str


@dataclass(frozen=True, slots=True)
class JobFinished:
    """The worker that holds the token reports how the job ended."""

    job: JobId
    token: str
    status: JobStatus
    error: str = ""


@dataclass(frozen=True, slots=True)
class JobLost:
    """The worker's lease ran out while the job was running; what it did last is unknown."""

    job: JobId
    token: str
    reason: str


@dataclass(frozen=True, slots=True)
class GateSampled:
    """A worker has asked all gates of a sample; a gate that is missing did not answer in time."""

    stage: StageId
    attempt: int
    side: Side
    number: int
    results: tuple[GateResult, ...]


@dataclass(frozen=True, slots=True)
class TimeCame:
    """Look again: something may be due."""


# ---- conclusions ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConditionsEvaluated:
    """A stage answered these completions and did not start."""

    stage: StageId
    seen: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class StageTriggered:
    """A stage's conditions hold: it answers these completions with a new attempt."""

    stage: StageId
    seen: frozenset[tuple[str, int]]
    request: DeploymentRequested


@dataclass(frozen=True, slots=True)
class QueueEntered:
    """The attempt's time has come; it stands in the environment's queue from now on."""

    stage: StageId


@dataclass(frozen=True, slots=True)
class SlotTaken:
    """The environment has no limit: the attempt goes straight in."""

    stage: StageId


@dataclass(frozen=True, slots=True)
class ApprovalsAsked:
    """The next rank of one side is asked; automated records come already approved."""

    stage: StageId
    side: Side
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class ApprovalExpired:
    """Nobody answered in time, which counts as a rejection (SEMANTICS 9.10)."""

    stage: StageId
    side: Side
    position: int


@dataclass(frozen=True, slots=True)
class ApprovalsClosed:
    """Open questions are no longer needed: skipped after enough agreed, else canceled."""

    stage: StageId
    status: ApprovalStatus


@dataclass(frozen=True, slots=True)
class GatesStarted:
    """The gates of one side begin with their delay."""

    stage: StageId
    side: Side


@dataclass(frozen=True, slots=True)
class GateSampleStarted:
    """All gates are to be asked now; a worker answers with GateSampled."""

    stage: StageId
    side: Side
    number: int


@dataclass(frozen=True, slots=True)
class GateSampleGivenUp:
    """The answers did not come before the next sample was due: the sample failed."""

    stage: StageId
    side: Side
    number: int


@dataclass(frozen=True, slots=True)
class GatesEnded:
    stage: StageId
    side: Side
    status: GateStatus


@dataclass(frozen=True, slots=True)
class DeferralEnded:
    stage: StageId


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """The phase begins with these jobs; those that are held go later."""

    stage: StageId
    rank: int
    jobs: tuple[Job, ...]
    is_tolerant: bool = False


@dataclass(frozen=True, slots=True)
class PhaseSkipped:
    """The phase's condition does not hold; that is not an error (SEMANTICS 12.2)."""

    stage: StageId
    rank: int


@dataclass(frozen=True, slots=True)
class PhaseFailed:
    """The phase failed before any job could start; `problem` says why."""

    stage: StageId
    rank: int
    problem: str


@dataclass(frozen=True, slots=True)
class HeldJobsReleased:
    """It is the turn of these jobs of the phase: workers may take them."""

    stage: StageId
    rank: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PauseStarted:
    """A server phase waits for the clock, or for a person when there is an intervention."""

    stage: StageId
    rank: int
    position: int
    due_at: datetime
    intervention: Intervention | None = None


@dataclass(frozen=True, slots=True)
class JobSettled:
    """A job that no worker holds is over: a pause has ended, or it will not run at all."""

    stage: StageId
    rank: int
    position: int
    status: JobStatus
    error: str = ""


@dataclass(frozen=True, slots=True)
class WaitingJobsCanceled:
    """Jobs that no worker had taken yet will not run."""

    stage: StageId


@dataclass(frozen=True, slots=True)
class JobGivenUp:
    """A canceled job's worker did not answer in time; it is counted as canceled."""

    stage: StageId
    job: JobId


@dataclass(frozen=True, slots=True)
class DeploymentEnded:
    stage: StageId
    outcome: Outcome
    reason: str = ""


Event = (
    Activated
    | Abandoned
    | DetailsChanged
    | DeploymentRequested
    | CancelRequested
    | ApprovalGiven
    | ApprovalRefused
    | ApprovalReassigned
    | DeploymentDeferred
    | GatesIgnored
    | InterventionAnswered
    | SlotGranted
    | Superseded
    | JobClaimed
    | JobFinished
    | JobLost
    | GateSampled
    | TimeCame
)
Conclusion = (
    ConditionsEvaluated
    | StageTriggered
    | QueueEntered
    | SlotTaken
    | ApprovalsAsked
    | ApprovalExpired
    | ApprovalsClosed
    | GatesStarted
    | GateSampleStarted
    | GateSampleGivenUp
    | GatesEnded
    | DeferralEnded
    | PhaseStarted
    | PhaseSkipped
    | PhaseFailed
    | HeldJobsReleased
    | PauseStarted
    | JobSettled
    | WaitingJobsCanceled
    | JobGivenUp
    | DeploymentEnded
)
Change = Event | Conclusion
