"""What a repository is told of a commit that is built or released (SEMANTICS 8.9, 12.12)."""

from dataclasses import dataclass
from enum import StrEnum

from quaymaster.domain.announcements import Announcement, Happening
from quaymaster.domain.build import Build, BuildResult, BuildStatus
from quaymaster.domain.build_plan import RepositoryPlan
from quaymaster.domain.statuses import StageStatus

LONGEST_DESCRIPTION = 140
# Types of repositories whose servers take statuses, asked through a service connection.
TYPES = ("github", "githubenterprise", "git", "gitlab", "gitea")


class CommitState(StrEnum):
    """How a commit stands; every server has its own words for these."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """One thing to tell. `context` says who tells it: a later status of the same context and
    commit takes the place of an earlier one. `repository` is owner/name or an address,
    `connection` the id or name of the service connection that signs in."""

    type: str
    repository: str
    url: str
    connection: str
    commit: str
    context: str
    state: CommitState
    description: str
    target_url: str

    @property
    def topic(self) -> str:
        """What must be told in order."""
        return f"{self.commit} {self.context}"


def takes_statuses(repository: RepositoryPlan, commit: str) -> bool:
    """Whether the repository wants to know, and can be told."""
    known = repository.type.casefold() in TYPES and bool(repository.connection.strip())
    return repository.reports_status and known and bool(commit)


def state_of(build: Build) -> CommitState:
    """How a build makes its commit stand."""
    if build.status is not BuildStatus.COMPLETED or build.result is None:
        return CommitState.PENDING
    match build.result:
        case BuildResult.SUCCEEDED | BuildResult.PARTIALLY_SUCCEEDED:
            return CommitState.SUCCEEDED
        case BuildResult.CANCELED:
            return CommitState.CANCELED
        case BuildResult.FAILED:
            return CommitState.FAILED


def described(number: str, state: CommitState, build: Build) -> str:
    """One sentence about a build."""
    if state is CommitState.PENDING:
        word = "is under way" if build.started_at else "is queued"
    else:
        word = "succeeded with issues" if _has_issues(build) else state.value
    return f"Build {number} {word}."[:LONGEST_DESCRIPTION]


def _has_issues(build: Build) -> bool:
    return build.result is BuildResult.PARTIALLY_SUCCEEDED


# ---- releases --------------------------------------------------------------------------------

STATES = (Happening.DEPLOYMENT_STARTED, Happening.DEPLOYMENT_COMPLETED)
_ENDS = {
    StageStatus.SUCCEEDED: CommitState.SUCCEEDED,
    StageStatus.PARTIALLY_SUCCEEDED: CommitState.SUCCEEDED,
    StageStatus.CANCELED: CommitState.CANCELED,
}


def state_of_deployment(told: Announcement) -> CommitState:
    """How a deployment that began or ended makes its commit stand."""
    if told.happening is Happening.DEPLOYMENT_STARTED:
        return CommitState.PENDING
    return _ENDS.get(StageStatus(told.status), CommitState.FAILED)


def deployment_described(release: str, stage: str, told: Announcement) -> str:
    """One sentence about a deployment."""
    state = state_of_deployment(told)
    word = "is under way" if state is CommitState.PENDING else state.value
    return f"Deployment of {release} on {stage} {word}."[:LONGEST_DESCRIPTION]
