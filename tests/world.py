"""Several releases around one environment: who is let in is decided as the product does it."""

from datetime import timedelta
from typing import Self

from quaymaster.domain.changes import SlotGranted, Superseded, TimeCame
from quaymaster.domain.plan import Plan
from quaymaster.domain.queueing import Standing, next_moves
from quaymaster.domain.release import Deployment, ReleaseId
from quaymaster.domain.standstills import blocked
from tests import make
from tests.story import Step, Story


class World:
    """Stories by release name; `environment` is the stage whose queue they share."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.stories: dict[str, Story] = {}
        self.now = make.NOW

    def release(self, name: str, plan: Plan, **changes: object) -> Story:
        number = ReleaseId(len(self.stories) + 1)
        told = Story(make.release(plan, id=number, name=name, **changes), self.now)
        self.stories[name] = told
        return told

    def when(self, name: str, *steps: Step) -> Self:
        """Let something happen to one release, then let the environment decide."""
        self.stories[name].when(*steps)
        self.admit()
        return self

    def later(self, **delta: float) -> Self:
        self.now += timedelta(**delta)
        for told in self.stories.values():
            told.now = self.now
            told.take_in(TimeCame())
        self.admit()
        return self

    def admit(self) -> None:
        """Grant and supersede until the environment has settled; the limit always holds (I1)."""
        by_id = {told.release.id: told for told in self.stories.values()}
        while True:
            moves = next_moves(self.standings())
            if not moves.granted and not moves.superseded:
                return
            for standing, newer in moves.superseded:
                event = Superseded(standing.stage, standing.attempt, newer)
                by_id[standing.release].take_in(event)
            for standing in moves.granted:
                holding = sum(other.has_slot for other in self.standings())
                limit = standing.policy.concurrency
                assert limit == 0 or holding < limit, "more attempts let in than the limit"
                by_id[standing.release].take_in(SlotGranted(standing.stage, standing.attempt))

    def standings(self) -> list[Standing]:
        found = []
        for told in self.stories.values():
            stage = told.release.stage_named(self.environment)
            deployment = stage.active if stage else None
            if not stage or not deployment or not deployment.entered_queue_at:
                continue
            if deployment.has_slot or not blocked(told.release, stage, deployment):
                found.append(
                    Standing(
                        release=told.release.id,
                        release_name=told.release.name,
                        stage=stage.id,
                        attempt=deployment.attempt,
                        entered_at=deployment.entered_queue_at,
                        has_slot=deployment.has_slot,
                        policy=stage.plan.queue,
                        priority=deployment.priority,
                    )
                )
        return found

    def deployment(self, name: str) -> Deployment | None:
        stage = self.stories[name].release.stage_named(self.environment)
        return stage.newest if stage else None
