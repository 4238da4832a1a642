"""What the rules conclude from the state of a release, one small step at a time."""

from dataclasses import dataclass
from datetime import datetime

from quaymaster.domain.events import DeploymentRequested
from quaymaster.domain.release import (
    Approval,
    Intervention,
    Job,
    JobId,
    Outcome,
    Side,
    StageId,
)
from quaymaster.domain.statuses import ApprovalStatus, GateStatus, JobStatus


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
class ReportMissed:
    """Whoever does the attempt outside has been silent for too long: it counts as an error."""

    stage: StageId
    problem: str


@dataclass(frozen=True, slots=True)
class DeploymentEnded:
    stage: StageId
    outcome: Outcome
    reason: str = ""


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
    | ReportMissed
    | DeploymentEnded
)
