"""The words for where a release, a stage, a deployment and their parts stand (SEMANTICS 7.1)."""

from enum import IntEnum, StrEnum


class ReleaseStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ABANDONED = "abandoned"


class ReleaseReason(StrEnum):
    """Why a release was made."""

    NONE = "none"
    MANUAL = "manual"
    CONTINUOUS_INTEGRATION = "continuousIntegration"
    SCHEDULE = "schedule"
    PULL_REQUEST = "pullRequest"


class StageStatus(StrEnum):
    """What a stage of a release shows to the outside; a failed stage is REJECTED."""

    NOT_STARTED = "notStarted"
    IN_PROGRESS = "inProgress"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    REJECTED = "rejected"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    PARTIALLY_SUCCEEDED = "partiallySucceeded"
    UNDEFINED = "undefined"


class DeploymentStatus(StrEnum):
    """What became of the target: the result side of an attempt."""

    NOT_DEPLOYED = "notDeployed"
    IN_PROGRESS = "inProgress"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partiallySucceeded"
    FAILED = "failed"
    UNDEFINED = "undefined"


class OperationStatus(StrEnum):
    """What an attempt is doing or waiting for at this moment, or how it ended."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    PENDING = "pending"
    DEFERRED = "deferred"
    EVALUATING_GATES = "evaluatingGates"
    QUEUED_FOR_AGENT = "queuedForAgent"
    PHASE_IN_PROGRESS = "phaseInProgress"
    MANUAL_INTERVENTION_PENDING = "manualInterventionPending"
    PHASE_SUCCEEDED = "phaseSucceeded"
    PHASE_PARTIALLY_SUCCEEDED = "phasePartiallySucceeded"
    CANCELLING = "cancelling"
    APPROVED = "approved"
    REJECTED = "rejected"
    PHASE_FAILED = "phaseFailed"
    GATE_FAILED = "gateFailed"
    CANCELED = "canceled"
    PHASE_CANCELED = "phaseCanceled"
    UNDEFINED = "undefined"  # whoever deploys outside lost track of it


class DeploymentReason(StrEnum):
    """Why an attempt was started."""

    MANUAL = "manual"
    AUTOMATED = "automated"
    SCHEDULED = "scheduled"
    REDEPLOY_TRIGGER = "redeployTrigger"


class ApprovalStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELED = "canceled"
    SKIPPED = "skipped"


class GateStatus(StrEnum):
    """Where the gates of one side stand: PENDING until the first sample is taken."""

    PENDING = "pending"
    IN_PROGRESS = "inProgress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class InterventionStatus(StrEnum):
    """Where a manual intervention stands; approved means that the deployment goes on."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELED = "canceled"


class ReportedStatus(StrEnum):
    """What somebody outside, who does a deployment, says about it (AVIATOR 4)."""

    PENDING = "pending"
    IN_PROGRESS = "inProgress"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ERROR = "error"
    UNKNOWN = "unknown"

    @property
    def is_active(self) -> bool:
        return self in (
            ReportedStatus.PENDING,
            ReportedStatus.IN_PROGRESS,
            ReportedStatus.CANCELING,
        )


class Priority(IntEnum):
    """Who goes first of those that wait for an environment; of equals, who came first."""

    LOW = -2
    BELOW_NORMAL = -1
    NORMAL = 0
    ABOVE_NORMAL = 1
    HIGH = 2


class PhaseStatus(StrEnum):
    NOT_STARTED = "notStarted"
    IN_PROGRESS = "inProgress"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partiallySucceeded"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"


class JobStatus(StrEnum):
    """A job may be held back at first; it waits for a worker, runs on one, and ends once."""

    HELD = "held"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WITH_ISSUES = "withIssues"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"

    @property
    def is_ended(self) -> bool:
        return self not in _JOB_UNDER_WAY


_JOB_UNDER_WAY = (JobStatus.HELD, JobStatus.WAITING, JobStatus.RUNNING)
