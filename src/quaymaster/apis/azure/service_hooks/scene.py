"""What an event is about, looked up once in the release as it stands."""

from dataclasses import dataclass

from quaymaster.actions.announcements.deliveries import Told
from quaymaster.actions.releases.reading import ReleaseFound
from quaymaster.apis.azure.links import Links
from quaymaster.apis.azure.present.shown import Shown, person
from quaymaster.domain.announcements import Announcement
from quaymaster.domain.release import Approval
from quaymaster.store.releases.views import AttemptView, StageView


@dataclass(frozen=True, slots=True)
class Linked:
    """A name in a sentence and where it leads."""

    name: str
    address: str


class Scene:
    """The release, and the stage, attempt and approval of the announcement where it has them."""

    def __init__(self, told: Told, found: ReleaseFound) -> None:
        self.fact: Announcement = told.letter.fact
        self.found = found
        self.links = Links(f"{told.url}/{told.organization}")
        self.shown = Shown(self.links, found.people, found.groups)
        self.head = found.view.head
        self.project = str(self.head.project_id)
        self.stage = next((one for one in found.view.stages if one.id == self.fact.stage), None)
        self.attempt = self._attempt(self.stage)
        self.approval = self._approval(self.attempt)

    def _attempt(self, stage: StageView | None) -> AttemptView | None:
        attempts = stage.attempts if stage else ()
        return next((one for one in attempts if one.attempt == self.fact.attempt), None)

    def _approval(self, attempt: AttemptView | None) -> Approval | None:
        approvals = attempt.approvals if attempt else ()
        return next((one for one in approvals if one.id == self.fact.approval), None)

    def release_link(self) -> Linked:
        return Linked(self.head.name, self.links.release(self.project, self.head.id))

    def definition_link(self) -> Linked:
        address = self.links.definition(self.project, self.head.definition_id)
        return Linked(self.head.definition_name, address)

    def stage_link(self) -> Linked:
        name = self.stage.name if self.stage else ""
        return Linked(name, self.links.environment(self.project, self.head.id, self.fact.stage))

    def name_of(self, who: str | None) -> str:
        shown = person(self.shown, who)
        return shown["displayName"] if shown else ""
