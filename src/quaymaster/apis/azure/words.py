"""This contract's words for statuses and choices, with their published integers.

Every enum is one table. It is read in both directions: names in any case, integers, digits as
text and comma-joined flags come in; the published spelling goes out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from quaymaster.apis.azure.errors import Problem
from quaymaster.domain import statuses
from quaymaster.domain.release import Side
from quaymaster.plans import azure_words
from quaymaster.plans.azure_words import number_in


@dataclass(frozen=True, slots=True)
class Words(azure_words.Words):
    """One published enumeration as requests name it: what is wrong is told with its place."""

    def read(self, value: object, where: str) -> str:
        """The published name of one member. Raises Problem naming the place."""
        member = self.one(value)
        if member is None:
            raise self._unknown(value, where)
        return member

    def bits(self, given: Iterable[object], where: str) -> int:
        """All flags that are named or numbered, joined. Raises Problem naming the place."""
        joined = 0
        for value in given:
            for part in str(value).split(","):
                number = number_in(part)
                if number is not None and number <= self.every_bit:
                    joined |= number
                elif part.strip():
                    joined |= self.numbers[self.read(part, where)]
        return joined

    def names(self, bits: int) -> frozenset[str]:
        """The single members whose bit is set."""
        return frozenset(self.words_in(bits))

    def _unknown(self, value: object, where: str) -> Problem:
        shown = str(value)[:60]
        return Problem(
            400,
            "VssPropertyValidationException",
            f"'{shown}' is not a value of {where}. It may be one of: {', '.join(self.numbers)}.",
        )


RELEASE_STATUS = Words(
    "ReleaseStatus", {"undefined": 0, "draft": 1, "active": 2, "abandoned": 4}, is_flags=True
)
ENVIRONMENT_STATUS = Words(
    "EnvironmentStatus",
    azure_words.ENVIRONMENT_STATUS.numbers,  # conditions in documents use the same bits
    is_flags=True,
    also={"cancelled": "canceled"},
)
DEPLOYMENT_STATUS = Words(
    "DeploymentStatus",
    {
        "undefined": 0,
        "notDeployed": 1,
        "inProgress": 2,
        "succeeded": 4,
        "partiallySucceeded": 8,
        "failed": 16,
        "all": 31,
    },
    is_flags=True,
)
OPERATION_STATUS = Words(
    "DeploymentOperationStatus",
    {
        "undefined": 0,
        "queued": 1,
        "scheduled": 2,
        "pending": 4,
        "approved": 8,
        "rejected": 16,
        "deferred": 32,
        "queuedForAgent": 64,
        "phaseInProgress": 128,
        "phaseSucceeded": 256,
        "phasePartiallySucceeded": 512,
        "phaseFailed": 1024,
        "canceled": 2048,
        "phaseCanceled": 4096,
        "manualInterventionPending": 8192,
        "queuedForPipeline": 16384,
        "cancelling": 32768,
        "evaluatingGates": 65536,
        "gateFailed": 131072,
        "all": 258047,
    },
    is_flags=True,
)
APPROVAL_STATUS = Words(
    "ApprovalStatus",
    {
        "undefined": 0,
        "pending": 1,
        "approved": 2,
        "rejected": 4,
        "reassigned": 6,
        "canceled": 7,
        "skipped": 8,
    },
)
APPROVAL_TYPE = Words(
    "ApprovalType", {"undefined": 0, "preDeploy": 1, "postDeploy": 2, "all": 3}, is_flags=True
)
RELEASE_REASON = Words(
    "ReleaseReason",
    {"none": 0, "manual": 1, "continuousIntegration": 2, "schedule": 3, "pullRequest": 4},
)
DEPLOYMENT_REASON = Words(
    "DeploymentReason",
    {"none": 0, "manual": 1, "automated": 2, "scheduled": 4, "redeployTrigger": 8},
)
PHASE_STATUS = Words(
    "DeployPhaseStatus",
    {
        "undefined": 0,
        "notStarted": 1,
        "inProgress": 2,
        "partiallySucceeded": 4,
        "succeeded": 8,
        "failed": 16,
        "canceled": 32,
        "skipped": 64,
        "cancelling": 128,
    },
)
TASK_STATUS = Words(
    "TaskStatus",
    {
        "unknown": 0,
        "pending": 1,
        "inProgress": 2,
        "success": 3,
        "failure": 4,
        "canceled": 5,
        "skipped": 6,
        "succeeded": 7,
        "failed": 8,
        "partiallySucceeded": 9,
    },
)
GATE_STATUS = Words(
    "GateStatus",
    {"none": 0, "pending": 1, "inProgress": 2, "succeeded": 4, "failed": 8, "canceled": 16},
)
INTERVENTION_STATUS = Words(
    "ManualInterventionStatus",
    {"unknown": 0, "pending": 1, "rejected": 2, "approved": 4, "canceled": 8, "bypassed": 16},
)
QUERY_ORDER = Words("ReleaseQueryOrder", {"descending": 0, "ascending": 1})
DEFINITION_ORDER = Words(
    "ReleaseDefinitionQueryOrder",
    {
        "idAscending": 0,
        "idDescending": 1,
        "nameAscending": 2,
        "nameDescending": 3,
        "lastModifiedAscending": 4,
        "lastModifiedDescending": 5,
    },
    also={"none": "idAscending"},
)
DEFINITION_EXPANDS = Words(
    "ReleaseDefinitionExpands",
    {
        "none": 0,
        "environments": 2,
        "artifacts": 4,
        "triggers": 8,
        "variables": 16,
        "tags": 32,
        "lastRelease": 64,
        "all": 126,
    },
    is_flags=True,
)
RELEASE_EXPANDS = Words(
    "ReleaseExpands",
    {
        "none": 0,
        "environments": 2,
        "artifacts": 4,
        "approvals": 8,
        "manualInterventions": 16,
        "variables": 32,
        "tags": 64,
        "all": 126,
    },
    is_flags=True,
)
SINGLE_RELEASE_EXPANDS = Words(
    "SingleReleaseExpands",
    {"none": 0, "tasks": 1, "environments": 2, "artifacts": 4, "approvals": 8, "all": 15},
    is_flags=True,
)
ENVIRONMENT_EXPANDS = Words("ReleaseEnvironmentExpands", {"none": 0, "tasks": 1})
DEPLOYMENT_EXPANDS = Words(
    "DeploymentExpands", {"all": 0, "deploymentOnly": 1, "approvals": 2, "artifacts": 4}
)
APPROVAL_FILTERS = Words(
    "ApprovalFilters",
    {
        "none": 0,
        "manualApprovals": 1,
        "automatedApprovals": 2,
        "approvalSnapshots": 4,
        "all": 7,
    },
    is_flags=True,
)
MAIL_SECTION = Words(
    "MailSectionType",
    {
        "details": 0,
        "environments": 1,
        "issues": 2,
        "testResults": 3,
        "workItems": 4,
        "releaseInfo": 5,
    },
)
PROJECT_STATE = Words(
    "ProjectState",
    {"new": 0, "wellFormed": 1, "deleting": 2, "createPending": 3, "deleted": 4},
    also={"all": "all", "-1": "all", "unchanged": "unchanged", "-2": "unchanged"},
)
FOLDER_ORDER = Words("FolderPathQueryOrder", {"none": 0, "ascending": 1, "descending": 2})

# Where the domain's word is not the contract's.
_JOB = {
    statuses.JobStatus.HELD: "pending",
    statuses.JobStatus.WAITING: "pending",
    statuses.JobStatus.RUNNING: "inProgress",
    statuses.JobStatus.SUCCEEDED: "succeeded",
    statuses.JobStatus.WITH_ISSUES: "partiallySucceeded",
    statuses.JobStatus.FAILED: "failed",
    statuses.JobStatus.CANCELED: "canceled",
    statuses.JobStatus.SKIPPED: "skipped",
}
_SPOKEN_AS: dict[type[StrEnum], Words] = {
    statuses.ReleaseStatus: RELEASE_STATUS,
    statuses.ReleaseReason: RELEASE_REASON,
    statuses.StageStatus: ENVIRONMENT_STATUS,
    statuses.DeploymentStatus: DEPLOYMENT_STATUS,
    statuses.OperationStatus: OPERATION_STATUS,
    statuses.DeploymentReason: DEPLOYMENT_REASON,
    statuses.ApprovalStatus: APPROVAL_STATUS,
    statuses.GateStatus: GATE_STATUS,
    statuses.InterventionStatus: INTERVENTION_STATUS,
    statuses.PhaseStatus: PHASE_STATUS,
    statuses.JobStatus: TASK_STATUS,
    Side: APPROVAL_TYPE,
}


def word(status: StrEnum) -> str:
    """The published word for a status of the domain."""
    if isinstance(status, statuses.JobStatus):
        return _JOB[status]
    words = _SPOKEN_AS[type(status)]
    return words.read(status.value, words.name)


def operation_word(status: str) -> str:
    """A deployment's operationStatus, the one field that goes out in PascalCase (CONTRACT A.5)."""
    name = OPERATION_STATUS.read(status, "operationStatus")
    return name[0].upper() + name[1:]
