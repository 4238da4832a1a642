"""The statuses of this contract and what they are here (AVIATOR 4, 9)."""

from quaymaster.domain.release import Outcome
from quaymaster.domain.statuses import OperationStatus, ReportedStatus
from quaymaster.store.candidates.cherry_picks import PickStatus

STATUS = {
    ReportedStatus.PENDING: "pending",
    ReportedStatus.IN_PROGRESS: "in_progress",
    ReportedStatus.SUCCEEDED: "success",
    ReportedStatus.FAILED: "failure",
    ReportedStatus.CANCELING: "canceling",
    ReportedStatus.CANCELED: "canceled",
    ReportedStatus.ERROR: "error",
    ReportedStatus.UNKNOWN: "unknown",
}
REPORTED = {word: status for status, word in STATUS.items()}

ENDED = {
    Outcome.SUCCEEDED: "success",
    Outcome.PARTIALLY_SUCCEEDED: "success",
    Outcome.REJECTED: "failure",
    Outcome.PHASE_FAILED: "failure",
    Outcome.GATE_FAILED: "failure",
    Outcome.CANCELED: "canceled",
    Outcome.SUPERSEDED: "canceled",
    Outcome.ERROR: "error",
    Outcome.UNKNOWN: "unknown",
}
# Whatever only waits is pending here: for its time, its turn, people, gates or a worker.
AT_WORK = {
    OperationStatus.PHASE_IN_PROGRESS: "in_progress",
    OperationStatus.PHASE_SUCCEEDED: "in_progress",
    OperationStatus.PHASE_PARTIALLY_SUCCEEDED: "in_progress",
    OperationStatus.MANUAL_INTERVENTION_PENDING: "in_progress",
    OperationStatus.CANCELLING: "canceling",
}
PICKS = {
    PickStatus.IN_PROGRESS: "in_progress",
    PickStatus.CONFLICT: "conflict",
    PickStatus.SUCCEEDED: "success",
    PickStatus.SKIPPED: "skipped",
    PickStatus.FAILED: "failure",
}


def status(outcome: str | None, operation: str) -> str:
    """The one word for how a deployment stands."""
    if outcome:
        return ENDED[Outcome(outcome)]
    return AT_WORK.get(OperationStatus(operation), "pending")
