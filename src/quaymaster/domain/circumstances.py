"""What a release's own record does not say of it: where it is and what it carries, in full.

Looked up for a decision that reads it, as in conditions of phases and in questions to people.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from quaymaster.domain.plan import PhaseKind, StagePlan
from quaymaster.domain.predefined import CarriedArtifact, Requester

# Names that the product sets; a text without any of these asks for nothing that is looked up.
_PREDEFINED = re.compile(r"\b(?:release|build|system)\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """`url` is where clients reach us; `people` are those who asked for the release and for its
    deployments, by identity."""

    url: str
    organization_id: str
    organization_name: str
    project_id: str
    project_name: str
    definition_id: int
    definition_name: str
    triggering_alias: str = ""
    artifacts: tuple[CarriedArtifact, ...] = ()
    people: Mapping[str, Requester] = field(default_factory=dict)

    def person(self, identity: str | None) -> Requester:
        """Somebody as scripts see them; nobody for the product itself."""
        return self.people.get(identity or "") or Requester(identity or "", identity or "")


def reads_predefined(stages: Iterable[StagePlan]) -> bool:
    """Whether a decision on these stages may have to know the circumstances."""
    return any(_PREDEFINED.search(text) for stage in stages for text in _texts(stage))


def _texts(stage: StagePlan) -> Iterator[str]:
    """Everything of a stage that is read by the server while it decides."""
    for phase in stage.phases:
        yield phase.condition
        if phase.kind is PhaseKind.SERVER:
            for task in phase.tasks:
                yield task.condition
                yield task.display_name
                yield from task.inputs.values()
