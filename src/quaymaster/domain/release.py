"""A release in flight: frozen records, and the questions that can be read off them.

Only leaves are stored as they are (approvals, jobs, decisions taken); the status of everything
above them is derived in `quaymaster.domain.status`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from quaymaster.domain.circumstances import Circumstances
from quaymaster.domain.freezes import NOTHING_STANDS_STILL, Freeze, Hold, Standing
from quaymaster.domain.plan import PhasePlan, Plan, StagePlan
from quaymaster.domain.statuses import (
    ApprovalStatus,
    DeploymentReason,
    GateStatus,
    InterventionStatus,
    JobStatus,
    Priority,
    ReleaseReason,
    ReleaseStatus,
    ReportedStatus,
)

ReleaseId = NewType("ReleaseId", int)
StageId = NewType("StageId", int)
DeploymentId = NewType("DeploymentId", int)
ApprovalId = NewType("ApprovalId", int)
InterventionId = NewType("InterventionId", int)
JobId = NewType("JobId", int)
PersonId = NewType("PersonId", str)

UNSAVED = 0  # the id of a record that the store has not seen yet
RELEASE_START = ""  # the name under which a stage remembers that it has seen the release start


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks, with all groups they belong to, directly or through other groups."""

    id: PersonId
    groups: frozenset[str] = frozenset()
    may_override_approvals: bool = False

    def is_or_belongs_to(self, identity: str) -> bool:
        return identity == self.id or identity in self.groups


class Side(StrEnum):
    """Before or after the work of a deployment."""

    PRE = "preDeploy"
    POST = "postDeploy"


@dataclass(frozen=True, slots=True)
class Reassignment:
    """An earlier holder of an approval (SEMANTICS 9.12)."""

    approver: str
    changed_by: PersonId
    comment: str
    revision: int
    asked_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """One question to one person or group; `position` is its place in the policy's list."""

    side: Side
    position: int
    rank: int
    approver: str | None
    status: ApprovalStatus
    created_at: datetime
    modified_at: datetime
    due_at: datetime | None = None
    is_automated: bool = False
    approved_by: PersonId | None = None
    comment: str = ""
    revision: int = 1
    earlier: tuple[Reassignment, ...] = ()
    id: ApprovalId = ApprovalId(UNSAVED)


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate said in one sample: its evidence."""

    name: str
    succeeded: bool
    message: str = ""
    log: str = ""  # where its log is kept, for those who want all of it


@dataclass(frozen=True, slots=True)
class GateSample:
    """All gates of one side asked at the same time; without an end its answers are awaited."""

    number: int
    started_at: datetime
    ended_at: datetime | None = None
    results: tuple[GateResult, ...] = ()


@dataclass(frozen=True, slots=True)
class IgnoredGate:
    """A gate that somebody with the right to counts as successful from then on (10.4)."""

    name: str
    by: PersonId | None
    at: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True)
class GateRun:
    """The gates of one side of an attempt, from the delay to their end (SEMANTICS 10).

    Decisions look at the newest sample only; the store may leave earlier ones where they are.
    """

    side: Side
    started_at: datetime
    samples: tuple[GateSample, ...] = ()
    ignored: tuple[IgnoredGate, ...] = ()
    succeeding_since: datetime | None = None
    ended_as: GateStatus | None = None
    ended_at: datetime | None = None
    id: int = UNSAVED

    @property
    def status(self) -> GateStatus:
        if self.ended_as:
            return self.ended_as
        return GateStatus.IN_PROGRESS if self.samples else GateStatus.PENDING

    @property
    def open_sample(self) -> GateSample | None:
        """The sample whose answers are awaited."""
        newest = self.samples[-1] if self.samples else None
        return newest if newest and newest.ended_at is None and not self.ended_as else None

    @property
    def ignored_names(self) -> frozenset[str]:
        return frozenset(gate.name for gate in self.ignored)


class JobKind(StrEnum):
    """Who does a job: a worker of a pool, any worker, one target, the clock, a person, somebody
    outside who reports what becomes of it, or a service that a worker has asked and that reports
    when it is done (SEMANTICS 20.3)."""

    AGENT = "agent"
    SERVER = "server"
    TARGET = "target"
    DELAY = "delay"
    INTERVENTION = "intervention"
    EXTERNAL = "external"
    CALL_BACK = "callBack"

    @property
    def is_pause(self) -> bool:
        """Whether no worker is needed for it."""
        return self not in (JobKind.AGENT, JobKind.SERVER, JobKind.TARGET)


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a phase's tasks on one worker; in a server phase, one task.

    `position` counts from 0 within the phase; in a server phase it is the task's place in the
    plan. `token` fences the worker that claimed it: reports with another token change nothing.
    `variables` win over all others in this job; `target` is the machine it must run on.
    """

    position: int
    name: str
    status: JobStatus
    created_at: datetime
    worker: str = ""
    token: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    kind: JobKind = JobKind.AGENT
    due_at: datetime | None = None  # when a pause is over by itself, or given up
    target: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    id: JobId = JobId(UNSAVED)


@dataclass(frozen=True, slots=True)
class Intervention:
    """A question that stops a server phase until somebody resumes or rejects (SEMANTICS 21)."""

    phase_rank: int
    position: int
    name: str
    instructions: str
    status: InterventionStatus
    created_at: datetime
    modified_at: datetime
    due_at: datetime
    resumes_on_timeout: bool = False
    answered_by: PersonId | None = None
    comment: str = ""
    id: InterventionId = InterventionId(UNSAVED)


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase that was begun or skipped; `problem` is why it failed before any job.

    In a tolerant phase some jobs may fail: it then succeeds partially (SEMANTICS 12.6).
    """

    rank: int
    started_at: datetime
    jobs: tuple[Job, ...] = ()
    is_skipped: bool = False
    problem: str = ""
    is_tolerant: bool = False
    id: int = UNSAVED


class Outcome(StrEnum):
    """How an attempt ended; with the jobs it decides all three published statuses."""

    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partiallySucceeded"
    REJECTED = "rejected"
    PHASE_FAILED = "phaseFailed"
    GATE_FAILED = "gateFailed"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """The newest word of whoever does an attempt outside, and when the first one came."""

    status: ReportedStatus
    at: datetime
    first_at: datetime


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A release that must not be deployed anywhere until somebody lifts this."""

    by: PersonId | None
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """One attempt to bring a release to an environment."""

    attempt: int
    reason: DeploymentReason
    requested_by: PersonId | None
    requested_for: PersonId | None
    queued_at: datetime
    modified_at: datetime
    modified_by: PersonId | None = None
    after_stages: tuple[str, ...] = ()
    scheduled_for: datetime | None = None  # not before this time
    deferred_until: datetime | None = None  # set when a pre-approval was given for later
    entered_queue_at: datetime | None = None  # None while it waits for its schedule
    has_slot: bool = False
    priority: Priority = Priority.NORMAL
    approvals: tuple[Approval, ...] = ()
    gates: tuple[GateRun, ...] = ()
    phases: tuple[Phase, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    cancel_requested_at: datetime | None = None
    outcome: Outcome | None = None
    completed_at: datetime | None = None
    comment: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    report: Report | None = None  # once there is one, the outside says what becomes of it
    problem: str = ""  # why it did not succeed
    rolls_back: ReleaseId | None = None  # the release that this attempt takes away
    override: str = ""  # why it may start in a freeze
    only_targets: tuple[int, ...] = ()  # of deployment groups; empty is all of them
    id: DeploymentId = DeploymentId(UNSAVED)

    @property
    def is_ended(self) -> bool:
        return self.outcome is not None

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(job for phase in self.phases for job in phase.jobs)

    def side(self, side: Side) -> tuple[Approval, ...]:
        return tuple([approval for approval in self.approvals if approval.side is side])

    def intervention(self, phase: Phase, job: Job) -> Intervention | None:
        """The question that this job of the phase asks."""
        place = (phase.rank, job.position)
        return next((i for i in self.interventions if (i.phase_rank, i.position) == place), None)

    def gate_run(self, side: Side) -> GateRun | None:
        return next((run for run in self.gates if run.side is side), None)

    @property
    def started_at(self) -> datetime | None:
        """When the first job started, or the outside first told of it; None before that."""
        times = [job.started_at for job in self.jobs if job.started_at]
        return min([*times, self.report.first_at] if self.report else times, default=None)


@dataclass(frozen=True, slots=True)
class Stage:
    """An environment's place in one release. `deployments` holds the newest attempt only.

    `evaluated` remembers which completions (stage name, attempt) this stage has already answered,
    so that each starts it at most once (SEMANTICS 8.6).
    """

    id: StageId
    plan: StagePlan
    modified_at: datetime
    is_manual: bool = False  # named in manualEnvironments: never starts by itself
    evaluated: frozenset[tuple[str, int]] = frozenset()
    trigger_reason: str = ""
    newest: Deployment | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def active(self) -> Deployment | None:
        """The attempt that is under way, if there is one."""
        return self.newest if self.newest and not self.newest.is_ended else None

    def phase_plan(self, phase: Phase) -> PhasePlan:
        return next(plan for plan in self.plan.phases if plan.rank == phase.rank)


@dataclass(frozen=True, slots=True)
class ArtifactVersion:
    """The version of one artifact that this release carries."""

    alias: str
    branch: str = ""
    tags: tuple[str, ...] = ()
    default_branch: str = ""
    is_chosen: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """A machine of a deployment group as it stands now."""

    id: int
    name: str
    tags: frozenset[str] = frozenset()
    is_online: bool = True


@dataclass(frozen=True, slots=True)
class Release:
    """One run of a definition with chosen artifacts.

    `targets` are the machines of the deployment groups that its plan names, by group, as they
    stand at the time of a decision; they are looked up, never saved with the release. So are the
    `freezes` and `holds` of its environments, and `standing`: what they mean at this moment, by
    environment; `is_deleted`, which its definition can be in its place; the `circumstances`, where
    its plan reads them, and in `tag_hits` which of the tag patterns of its conditions is found in
    which tag: pairs of both.
    """

    id: ReleaseId
    plan: Plan
    status: ReleaseStatus
    reason: ReleaseReason
    created_by: PersonId | None
    created_for: PersonId | None
    created_at: datetime
    modified_at: datetime
    modified_by: PersonId | None
    stages: tuple[Stage, ...]
    name: str = ""
    description: str = ""
    keep_forever: bool = False
    artifacts: tuple[ArtifactVersion, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[int, tuple[Target, ...]] = field(default_factory=dict)
    quarantine: Quarantine | None = None
    is_deleted: bool = False
    freezes: tuple[Freeze, ...] = ()
    holds: tuple[Hold, ...] = ()
    standing: Mapping[int, Standing] = field(default_factory=dict)
    circumstances: Circumstances | None = None
    tag_hits: frozenset[tuple[str, str]] = frozenset()

    def stands(self, stage: "Stage") -> Standing:
        """What keeps the stage's environment from taking deployments at this moment."""
        return self.standing.get(stage.plan.definition_stage_id, NOTHING_STANDS_STILL)

    def stage(self, stage_id: StageId) -> Stage | None:
        return next((stage for stage in self.stages if stage.id == stage_id), None)

    def stage_named(self, name: str) -> Stage | None:
        """Stage names ignore case, as conditions written by hand do."""
        for stage in self.stages:
            if stage.plan.name == name:
                return stage
        folded = name.casefold()
        return next((stage for stage in self.stages if stage.name.casefold() == folded), None)
