"""The outside world as the actions need it; connectors implement these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from quaymaster.domain.plan import ArtifactPlan


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an artifact: a build, a commit, a package.

    `reference` holds the further published keys of the version (SEMANTICS 4.1), flat text.
    """

    id: str
    name: str
    branch: str = ""
    commit: str = ""
    message: str = ""
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    reference: Mapping[str, str] = field(default_factory=dict)


class ArtifactSource(Protocol):
    """One kind of source that releases take versions from (SEMANTICS 4)."""

    async def versions(self, artifact: ArtifactPlan, most: int) -> list[Version]:
        """The newest versions first, at most `most`. Raises Invalid when the source cannot
        be asked, saying what to change in the definition."""

    async def resolve(self, artifact: ArtifactPlan, version: str) -> Version:
        """The full version behind an id that a caller gave. Raises Invalid when unknown."""


@dataclass(frozen=True, slots=True)
class Outside:
    """All connectors, keyed by the type they serve (casefolded)."""

    artifacts: Mapping[str, ArtifactSource] = field(default_factory=dict)

    def artifact_source(self, artifact_type: str) -> ArtifactSource | None:
        return self.artifacts.get(artifact_type.casefold())
