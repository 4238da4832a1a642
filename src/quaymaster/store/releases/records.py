"""Records that only the store and its callers share: what is asked for, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from quaymaster.domain.plan import Plan
from quaymaster.domain.release import ArtifactVersion, PersonId
from quaymaster.domain.release_names import Named
from quaymaster.domain.statuses import ReleaseReason, ReleaseStatus


@dataclass(frozen=True, slots=True)
class ReleaseArtifact:
    """The version of one artifact with all that an API tells about it.

    `reference` holds the published keys of SEMANTICS 4.1 beside those with a field of their own.
    """

    alias: str
    type: str = ""
    source_id: str = ""
    version_id: str = ""
    version_name: str = ""
    branch: str = ""
    tags: tuple[str, ...] = ()
    default_branch: str = ""
    is_primary: bool = False
    is_chosen: bool = True
    is_retained: bool = False
    reference: Mapping[str, str] = field(default_factory=dict)

    def version(self) -> ArtifactVersion:
        """The part of it that rules look at."""
        return ArtifactVersion(
            self.alias, self.branch, self.tags, self.default_branch, self.is_chosen
        )


@dataclass(frozen=True, slots=True)
class NewStage:
    """What differs from the plan for one stage of a new release."""

    is_manual: bool = False
    trigger_reason: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A release about to be inserted; it is named by the format of its plan.

    `document` is the snapshot of the definition as JSON, `stages` says what differs from the plan
    by definition stage id, `named` holds what the tokens of its name stand for (SEMANTICS 3.4);
    the release's id is filled in. `name`, where there is one, is taken as it is.
    """

    project_id: UUID
    definition_id: int
    definition_revision: int
    plan: Plan
    document: str
    created_at: datetime
    created_by: PersonId | None
    created_for: PersonId | None
    named: Named
    reason: ReleaseReason = ReleaseReason.MANUAL
    status: ReleaseStatus = ReleaseStatus.DRAFT
    description: str = ""
    keep_forever: bool = False
    tags: tuple[str, ...] = ()
    artifacts: tuple[ReleaseArtifact, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    properties: Mapping[str, object] = field(default_factory=dict)
    stages: Mapping[int, NewStage] = field(default_factory=dict)
    triggering_alias: str = ""
    name: str = ""
