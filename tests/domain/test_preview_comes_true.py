"""What a preview foresees is what happens when everybody agrees and every worker is well."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.due import next_due
from quaymaster.domain.gate_run import enabled_gates
from quaymaster.domain.preview import Known, StageForesight, foresee
from quaymaster.domain.release import GateResult, Person, PersonId, Stage
from quaymaster.domain.status import gate_policy, stage_status
from quaymaster.domain.statuses import ApprovalStatus, InterventionStatus, JobStatus, StageStatus
from tests import make
from tests.domain.actors import TARGETS, any_plan
from tests.story import Story

SEEDS = range(120)
HELPER = PersonId("helper")
GOOD = (StageStatus.SUCCEEDED, StageStatus.PARTIALLY_SUCCEEDED)


@pytest.mark.parametrize("first", range(0, len(SEEDS), 40))
def test_what_is_foreseen_comes_true(first):
    for seed in SEEDS[first : first + 40]:
        chance = random.Random(seed)
        draft = make.release(
            any_plan(chance.choice),
            manual=("Dev",) if chance.random() < 0.2 else (),
            variables={"A": "1,2", "b": "x, y"},
            targets={1: TARGETS},
        )
        lived = Lived(Story(draft))
        lived.to_the_end(chance)
        foreseen = foresee(draft, Known(), make.NOW)
        try:
            for stage in foreseen.stages:
                check(stage, lived)
            check_dead_ends(foreseen.never, lived)
        except AssertionError as broken:
            broken.add_note(f"seed {seed}\n{lived.told.timeline()}")
            raise


@dataclass(slots=True)
class Lived:
    """A release that people and workers helped along, in any order, until nothing moved it."""

    told: Story
    begun: dict[str, datetime] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)

    def to_the_end(self, chance: random.Random) -> None:
        self.happens(c.Activated(HELPER))
        while True:
            possible = [event for stage in self.told.release.stages for event in help_for(stage)]
            due = next_due(self.told.release)
            if possible:
                self.happens(chance.choice(possible))
            elif due:
                self.told.now = due
                self.happens(c.TimeCame())
            else:
                return

    def happens(self, event: c.Event) -> None:
        names = {stage.id: stage.name for stage in self.told.release.stages}
        for change in self.told.take_in(event):
            if isinstance(change, c.StageTriggered):
                self.begun.setdefault(names[change.stage], self.told.now)
            elif isinstance(change, c.DeploymentEnded):
                self.ended.setdefault(names[change.stage], self.told.now)


def help_for(stage: Stage) -> Iterator[c.Event]:
    """Everything that somebody can do for the attempt under way."""
    attempt = stage.active
    if attempt is None:
        return
    if attempt.entered_queue_at and not attempt.has_slot:
        yield c.SlotGranted(stage.id, attempt.attempt)
    for asked in attempt.approvals:
        if asked.status is ApprovalStatus.PENDING:
            yield c.ApprovalGiven(asked.id, Person(HELPER, may_override_approvals=True))
    for run in attempt.gates:
        if run.open_sample:
            agreed = tuple(GateResult(n, True) for n in enabled_gates(gate_policy(stage, run.side)))
            number = run.open_sample.number
            yield c.GateSampled(stage.id, attempt.attempt, run.side, number, agreed)
    for question in attempt.interventions:
        if question.status is InterventionStatus.PENDING:
            yield c.InterventionAnswered(question.id, HELPER, resumes=True)
    for job in attempt.jobs:
        if job.status is JobStatus.WAITING:
            yield c.JobClaimed(job.id, "w1", f"token-{job.id}")
        elif job.status is JobStatus.RUNNING and not job.kind.is_pause:
            yield c.JobFinished(job.id, job.token, JobStatus.SUCCEEDED)


def check(stage: StageForesight, lived: Lived) -> None:
    """The stage starts or not, when, with which phases and jobs, and ends, as it was foreseen."""
    name = stage.name
    assert (stage.order is not None) == (name in lived.begun), f"{name} starts"
    assert (stage.starts_at, stage.ends_at) == (lived.begun.get(name), lived.ended.get(name)), name
    assert bool(stage.needs) == (name not in lived.begun), f"{name} needs {stage.needs}"
    newest = lived.told.stage(name).newest
    ran = {phase.rank: phase for phase in newest.phases} if newest else {}
    for phase in stage.phases:
        done = ran.get(phase.rank)
        jobs = tuple(job.name for job in done.jobs) if done else ()
        assert phase.jobs == jobs, f"{name}, phase {phase.rank}"
        assert phase.is_skipped == bool(done and done.is_skipped), f"{name}, phase {phase.rank}"


def check_dead_ends(never: tuple[str, ...], lived: Lived) -> None:
    """Whatever starts and does not end well is told of beforehand, and nothing else is."""
    for stage in lived.told.release.stages:
        told = [reason for reason in never if reason.startswith(f"{stage.name}: ")]
        told = [reason for reason in told if "not enough approvers are left" not in reason]
        if stage.name in lived.begun:
            assert (stage_status(stage) in GOOD) == (not told), f"{stage.name}: {never}"
