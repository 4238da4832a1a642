"""What happens to a release from outside: by people, workers, clocks and queues."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from quaymaster.domain.plan import Plan
from quaymaster.domain.release import (
    ApprovalId,
    GateResult,
    InterventionId,
    JobId,
    Person,
    PersonId,
    ReleaseId,
    Side,
    StageId,
)
from quaymaster.domain.statuses import DeploymentReason, JobStatus, Priority, ReportedStatus

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
    """Words about the release changed; None leaves a part as it is.

    `manual_stages` name stages that shall not start by themselves any more (CONTRACT B 20).
    """

    by: PersonId | None
    name: str | None = None
    description: str | None = None
    keep_forever: bool | None = None
    comment: str = ""
    manual_stages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SnapshotEdited:
    """Somebody changed what this release itself will do, not its definition (SEMANTICS 6.2).

    `stage_variables` are keyed by definition stage id; a stage that is missing keeps its own.
    """

    by: PersonId | None
    plan: Plan
    variables: Mapping[str, str]
    stage_variables: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentRequested:
    """Somebody, or the release itself, asks for a new attempt of a stage (SEMANTICS 7.4, 8.6).

    `only_targets` limits its phases on deployment groups to these targets (8.11);
    `only_failed_targets` to those on which the attempt before has not succeeded.
    """

    stage: StageId
    by: PersonId | None
    requested_for: PersonId | None
    reason: DeploymentReason
    trigger_reason: str = "Manual"
    after_stages: tuple[str, ...] = ()
    scheduled_for: datetime | None = None
    comment: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    rolls_back: ReleaseId | None = None
    override: str = ""  # why it may start although the environment is frozen
    only_targets: tuple[int, ...] = ()
    only_failed_targets: bool = False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Nobody may deploy this release anywhere from now on; what only waits is canceled."""

    by: PersonId | None
    comment: str


@dataclass(frozen=True, slots=True)
class QuarantineLifted:
    """The release may be deployed again."""

    by: PersonId | None
    comment: str = ""


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
class PriorityChanged:
    """Somebody lets an attempt that has not been let in go before others, or after them."""

    stage: StageId
    priority: Priority
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class FreezeOverridden:
    """Somebody lets an attempt that a freeze holds back, or has paused, go on all the same."""

    stage: StageId
    by: PersonId | None
    reason: str


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


# ---- from those who deploy outside ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeploymentReported:
    """Somebody outside tells how a deployment stands; it is a fact, not a request (AVIATOR 4).

    Without an attempt, or with an ended one that is told to be under way again, a new attempt
    begins; `reopens` takes up the ended one instead. Another end corrects the one told before.
    """

    stage: StageId
    by: PersonId | None
    status: ReportedStatus
    problem: str = ""
    reopens: bool = False


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
class JobAwaits:
    """The worker that holds the token has asked a service, which will report how the job ended.

    Nobody holds the job from then on; without a report it fails when it is due.
    """

    job: JobId
    token: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class JobAnswered:
    """The service reports; whoever is not asked any more changes nothing."""

    job: JobId
    status: JobStatus
    error: str = ""


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


Event = (
    Activated
    | Abandoned
    | DetailsChanged
    | SnapshotEdited
    | DeploymentRequested
    | CancelRequested
    | ApprovalGiven
    | ApprovalRefused
    | ApprovalReassigned
    | DeploymentDeferred
    | PriorityChanged
    | FreezeOverridden
    | GatesIgnored
    | InterventionAnswered
    | SlotGranted
    | Superseded
    | JobClaimed
    | JobFinished
    | JobLost
    | JobAwaits
    | JobAnswered
    | GateSampled
    | DeploymentReported
    | Quarantined
    | QuarantineLifted
    | TimeCame
)
