"""What explain says is complete and true: whoever follows it gets the stage deployed.

From any state a life can lead to, the first reason is cleared by somebody it names, or by the time
it tells; again and again, until nothing is left to be said and the stage has been deployed.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.explain import ADMINISTRATORS, explain
from quaymaster.domain.freezes import Standing, Standstill
from quaymaster.domain.reasons import Offer, Reason, ReasonKind, Surroundings
from quaymaster.domain.release import (
    ApprovalId,
    InterventionId,
    JobId,
    JobKind,
    PersonId,
    Release,
    Side,
    Stage,
)
from quaymaster.domain.status import stage_status
from quaymaster.domain.statuses import DeploymentReason, JobStatus, ReleaseStatus, StageStatus
from tests import make
from tests.domain.actors import Actors
from tests.domain.test_random_life import simulate
from tests.story import Story

SEEDS = range(90)
MOST_STEPS = 80
ALICE = PersonId("alice")
DEPLOYED = (StageStatus.SUCCEEDED, StageStatus.PARTIALLY_SUCCEEDED)
WORKERS = {1: (Offer("w1"),)}


@pytest.mark.parametrize("first", range(0, len(SEEDS), 30))
def test_who_follows_the_reasons_gets_there(first):
    for seed in SEEDS[first : first + 30]:
        actors = simulate(seed, steps=seed % 41)
        chance = random.Random(seed)
        told = chance.choice(list(actors.world.stories.values()))
        stage = chance.choice(told.release.stages).name
        if chance.random() < 0.2:
            freeze(told)
        if chance.random() < 0.1:
            quarantine(told)
        try:
            Following(actors, told, stage, chance).to_the_end()
        except BaseException as broken:
            broken.add_note(f"seed {seed}, {told.release.name}, {stage}\n{told.timeline()}")
            raise


def freeze(told: Story) -> None:
    """Every environment of the release stands still from now on, held and frozen."""
    stops = (Standstill("Christmas"), Standstill("Incident", is_hold=True))
    numbers = [stage.plan.definition_stage_id for stage in told.release.stages]
    told.release = replace(told.release, standing=dict.fromkeys(numbers, Standing(stops)))
    told.take_in(c.TimeCame())


def quarantine(told: Story) -> None:
    if told.release.status is ReleaseStatus.ACTIVE:
        told.take_in(c.Quarantined(ALICE, "It loses orders."))


class Following:
    """Somebody who reads why a stage is not deploying, and has the first reason cleared."""

    def __init__(self, actors: Actors, told: Story, stage: str, chance: random.Random) -> None:
        self.actors = actors
        self.world = actors.world
        self.told = told
        self.name = stage
        self.chance = chance

    @property
    def stage(self) -> Stage:
        return self.told.stage(self.name)

    def reasons(self) -> tuple[Reason, ...]:
        is_shared = self.name == self.world.environment
        around = Surroundings(
            standings=tuple(self.world.standings()) if is_shared else (), offers=WORKERS
        )
        return explain(self.told.release, self.stage, around, self.told.now)

    def to_the_end(self) -> None:
        attempts = set()
        for _ in range(MOST_STEPS):
            found = self.reasons()
            if not found:
                assert stage_status(self.stage) in DEPLOYED, "nothing is said and it is not there"
                return
            first = found[0]
            assert not first.is_ahead, f"only what is to come is told: {first.text}"
            if first.cleared_by == ("nobody: make another release",):
                assert self.told.release.status is ReleaseStatus.ABANDONED
                return
            if first.kind is ReasonKind.ENDED and self.stage.newest:
                attempts.add(self.stage.newest.attempt)
                if len(attempts) > 2:
                    return  # by itself it fails whoever helps, and says why
            self.clear(first)
        pytest.fail(f"still not there: {[reason.text for reason in self.reasons()]}")

    def clear(self, reason: Reason) -> None:
        """Something happens that the reason names; it is not the first one after that."""
        before = (self.told.release, self.reasons())
        if reason.kind is ReasonKind.FREEZE:
            self.lift(reason)
        elif reason.clears_at and (not reason.cleared_by or self.chance.random() < 0.3):
            self.wait_for(reason)
        else:
            for event in list(self.cleared(reason)):
                self.told.take_in(event)
        self.world.admit()
        self.actors.settle_other_queues()
        assert before != (self.told.release, self.reasons()), f"nothing comes of clearing {reason}"
        assert reason not in self.reasons()[:1], f"it was cleared and is still there: {reason}"

    def lift(self, reason: Reason) -> None:
        def left(standing: Standing) -> Standing:
            stays = [one for one in standing.in_force if one.reason not in reason.text]
            return replace(standing, in_force=tuple(stays))

        standing = {number: left(one) for number, one in self.told.release.standing.items()}
        self.told.release = replace(self.told.release, standing=standing)
        self.told.take_in(c.TimeCame())

    def wait_for(self, reason: Reason) -> None:
        due = reason.clears_at - self.told.now
        assert due > timedelta(0), f"it should have cleared by itself: {reason}"
        for told in self.world.stories.values():
            told.now = self.told.now
        self.world.now = self.told.now
        self.world.later(seconds=due.total_seconds())

    def cleared(self, reason: Reason) -> Iterator[c.Event]:
        match reason.kind:
            case ReasonKind.RELEASE:
                yield from self.of_release(self.told.release)
            case ReasonKind.APPROVAL:
                who = self.chance.choice(reason.cleared_by)
                is_admin = who == ADMINISTRATORS
                person = make.person("root" if is_admin else who, admin=is_admin)
                yield c.ApprovalGiven(ApprovalId(int(reason.details["approval"])), person)
            case ReasonKind.GATE:
                side = Side(reason.details["side"])
                yield c.GatesIgnored(self.stage.id, side, (reason.details["gate"],), ALICE)
            case ReasonKind.INTERVENTION:
                asked = InterventionId(int(reason.details["intervention"]))
                yield c.InterventionAnswered(asked, ALICE, resumes=True)
            case ReasonKind.QUEUE:
                self.cancel_others()
            case ReasonKind.WORKER | ReasonKind.TARGET | ReasonKind.RUNNING | ReasonKind.STOPPING:
                yield from self.work(reason)
            case ReasonKind.DELAY:
                yield c.CancelRequested(self.stage.id, ALICE)
            case _:
                assert "whoever may deploy this stage" in " ".join(reason.cleared_by), reason
                yield c.DeploymentRequested(self.stage.id, ALICE, ALICE, DeploymentReason.MANUAL)

    def of_release(self, release: Release) -> Iterator[c.Event]:
        if release.status is ReleaseStatus.DRAFT:
            yield c.Activated(ALICE)
        else:
            yield c.QuarantineLifted(ALICE)

    def work(self, reason: Reason) -> Iterator[c.Event]:
        """Workers and services do what they are waited for; as it stops, they stop."""
        ends = JobStatus.SUCCEEDED
        if reason.kind is ReasonKind.STOPPING:
            ends = JobStatus.CANCELED
        under_way = [job for job in self.told.jobs(self.name) if job.status is not JobStatus.HELD]
        for job in under_way:
            if job.kind is JobKind.CALL_BACK:
                yield c.JobAnswered(job.id, ends)
            elif not job.kind.is_pause:
                yield from self.by_a_worker(JobId(job.id), job.status, job.token, ends)

    def by_a_worker(
        self, job: JobId, status: JobStatus, token: str, ends: JobStatus
    ) -> Iterator[c.Event]:
        if status is JobStatus.WAITING:
            token = f"token-{job}"
            yield c.JobClaimed(job, "w1", token)
        yield c.JobFinished(job, token, ends)

    def cancel_others(self) -> None:
        """Whoever holds the environment gives it up."""
        for told in self.world.stories.values():
            stage = told.release.stage_named(self.name)
            if told is self.told or not stage or not stage.active or not stage.active.has_slot:
                continue
            if not stage.active.cancel_requested_at:
                told.take_in(c.CancelRequested(stage.id, ALICE))
            for job in told.jobs(self.name):
                told.take_in(c.JobFinished(job.id, job.token, JobStatus.CANCELED))
