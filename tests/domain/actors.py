"""People, workers, clocks and the outside, acting at random on the releases of a world.

Used by the hypothesis machine and by the seeded simulator: `pick` chooses among possibilities.
What is refused changes nothing; what is taken in leaves the invariants holding.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import DomainError
from quaymaster.domain.plan import (
    ApprovalOrder,
    ApprovalPolicy,
    Approver,
    GatePolicy,
    Parallelism,
    PhaseKind,
    PhasePlan,
    Plan,
    QueuePolicy,
    ReleaseStarts,
    Spread,
    StagePlan,
    StageReached,
    TargetGroup,
)
from quaymaster.domain.release import (
    ApprovalId,
    GateResult,
    InterventionId,
    JobId,
    PersonId,
    Side,
    Stage,
    Target,
)
from quaymaster.domain.statuses import DeploymentReason, JobStatus, Priority, StageStatus
from tests import make
from tests.story import Story
from tests.world import World

T = TypeVar("T")
Pick = Callable[[Sequence[T]], T]

TARGETS = (Target(1, "web1"), Target(2, "web2"), Target(3, "db", is_online=False))
PEOPLE = ("alice", "bob", "carol", "ops")
ENDS = (JobStatus.SUCCEEDED, JobStatus.WITH_ISSUES, JobStatus.FAILED, JobStatus.CANCELED)
CONDITIONS = ("", "", "always()", "failed()", "succeeded()", "eq(1,", "eq(variables.a, '1')")
REACHED = (
    frozenset({StageStatus.SUCCEEDED}),
    frozenset({StageStatus.SUCCEEDED, StageStatus.PARTIALLY_SUCCEEDED}),
    frozenset(StageStatus),
)


# ---- plans ----------------------------------------------------------------------------------


def any_plan(pick: Pick[Any]) -> Plan:
    """One to four stages, in whatever order and with whatever waiting for each other."""
    names = ("Dev", "QA", "Load", "Prod")[: pick((1, 2, 3, 4))]
    stages = tuple(_stage(pick, number, name, names) for number, name in enumerate(names, 1))
    return Plan(stages=stages)


def _stage(pick: Pick[Any], number: int, name: str, names: Sequence[str]) -> StagePlan:
    before = [StageReached(pick(names), pick(REACHED)) for _ in range(pick((0, 1, 1, 2)))]
    conditions = before or ([ReleaseStarts()] if pick((True, True, False)) else [])
    return make.stage_plan(
        name,
        number,
        conditions=tuple(conditions),
        pre_approvals=_policy(pick),
        post_approvals=_policy(pick),
        pre_gates=pick((GatePolicy(), GatePolicy(), make.gates("g1", "g2"))),
        post_gates=pick((GatePolicy(), make.gates("g1", minimum_success=10), make.gates())),
        queue=pick((QueuePolicy(), QueuePolicy(1), QueuePolicy(1, 1), QueuePolicy(2, 1))),
        phases=tuple(_phase(pick, rank) for rank in range(1, 1 + pick((0, 1, 1, 2)))),
    )


def _policy(pick: Pick[Any]) -> ApprovalPolicy:
    people = tuple(Approver(who, pick((1, 1, 2))) for who in PEOPLE[1 : 1 + pick((0, 0, 1, 2, 3))])
    return ApprovalPolicy(
        approvers=people,
        required_count=pick((0, 0, 1, 2)),
        requester_may_approve=pick((True, False)),
        skip_if_approved_before=pick((False, True)),
        order=pick(tuple(ApprovalOrder)),
        timeout=timedelta(minutes=pick((30, 43_200))),
    )


def _server_phase(pick: Pick[Any], rank: int) -> PhasePlan:
    tasks = (
        make.delay(pick(("0", "10", "nonsense")), continue_on_error=pick((False, True))),
        make.intervention(onTimeout=pick(("reject", "resume")), condition=pick(CONDITIONS)),
        make.task(always_run=pick((False, True))),
    )
    return make.server_phase(*tasks[pick((0, 1, 2)) :], rank=rank)


def _phase(pick: Pick[Any], rank: int) -> PhasePlan:
    if pick((False, False, True)):
        return _server_phase(pick, rank)
    timeout = timedelta(minutes=pick((0, 10)))
    parallel = pick(
        (
            Parallelism(),
            Parallelism(Spread.MACHINES, most_agents=2),
            Parallelism(Spread.CONFIGURATIONS, ("a", "b"), 2, pick((False, True))),
        )
    )
    kind = pick((PhaseKind.AGENT, PhaseKind.AGENT, PhaseKind.DEPLOYMENT_GROUP))
    return make.phase(
        rank,
        kind=kind,
        condition=pick(CONDITIONS),
        timeout=timeout,
        parallelism=parallel,
        queue_id=1,
        targets=TargetGroup(healthy_percent=pick((0, 50)), one_at_a_time=pick((False, True))),
    )


# ---- what happens ---------------------------------------------------------------------------


class Actors:
    """A world of up to three releases of one plan, and everything that can happen in it."""

    def __init__(self, plan: Plan, pick: Pick[Any], releases: int = 2) -> None:
        self.world = World("Dev")
        self.pick = pick
        self.told: list[c.Event] = []
        for number in range(1, releases + 1):
            manual = ("Dev",) if pick((False, False, True)) else ()
            self.world.release(
                f"Release-{number}",
                plan,
                manual=manual,
                variables={"A": "1,2", "b": "x, y"},
                targets={1: TARGETS},
            )

    def act(self, action: str) -> None:
        """One thing happens, or is refused; the world settles."""
        told: Story = self.pick(list(self.world.stories.values()))
        for event in getattr(self, action)(told):
            self.raise_event(told, event)
        self.world.admit()
        self.settle_other_queues()

    def raise_event(self, told: Story, event: c.Event) -> None:
        before = told.release
        try:
            told.take_in(event)
        except DomainError:
            assert told.release is before
            return
        self.told = [*self.told[-20:], event]
        again, changes = decide(told.release, c.TimeCame(), told.now)
        assert changes == [c.TimeCame()], "a settled release moved when looked at again"
        assert again == told.release

    def settle_other_queues(self) -> None:
        """Stages other than the shared one let in one attempt of each release."""
        for told in self.world.stories.values():
            for stage in told.release.stages:
                attempt = stage.active
                if attempt is None or attempt.has_slot or not attempt.entered_queue_at:
                    continue
                if stage.name != self.world.environment:
                    told.take_in(c.SlotGranted(stage.id, attempt.attempt))

    # -- people --

    def start(self, _: Story) -> list[c.Event]:
        return [c.Activated(PersonId("alice"))]

    def abandon(self, _: Story) -> list[c.Event]:
        return [c.Abandoned(PersonId(self.pick(PEOPLE)))] if self.pick((False, True)) else []

    def deploy(self, told: Story) -> list[c.Event]:
        who = PersonId(self.pick(PEOPLE))
        hours = self.pick((None, None, 0, 2))
        at = None if hours is None else told.now + timedelta(hours=hours)
        asked = c.DeploymentRequested(
            self.stage(told).id,
            who,
            who,
            DeploymentReason.MANUAL,
            scheduled_for=at,
            only_failed_targets=self.pick((False, False, True)),
        )
        return [asked]

    def come_and_go(self, told: Story) -> list[c.Event]:
        """Targets are online or not, as the next decision finds them."""
        there = tuple(replace(one, is_online=self.pick((True, True, False))) for one in TARGETS)
        told.release = replace(told.release, targets={1: there})
        return []

    def cancel(self, told: Story) -> list[c.Event]:
        return [c.CancelRequested(self.stage(told).id, PersonId(self.pick(PEOPLE)))]

    def defer(self, told: Story) -> list[c.Event]:
        until = told.now + timedelta(hours=self.pick((0, 1, 5)))
        return [c.DeploymentDeferred(self.stage(told).id, until, PersonId(self.pick(PEOPLE)))]

    def prioritise(self, told: Story) -> list[c.Event]:
        priority = self.pick(tuple(Priority))
        return [c.PriorityChanged(self.stage(told).id, priority, PersonId("alice"))]

    def answer(self, told: Story) -> list[c.Event]:
        who = make.person(
            self.pick(PEOPLE), *self.pick(((), ("ops",))), admin=self.pick((False, True))
        )
        asked = [a.id for stage in told.release.stages for a in told.approvals(stage.name)]
        approval = self.pick([*asked, ApprovalId(0)])
        given = c.ApprovalGiven(approval, who)
        kinds = [given, given, given, c.ApprovalRefused(approval, who)]
        return [self.pick([*kinds, c.ApprovalReassigned(approval, who, self.pick(PEOPLE))])]

    def ignore(self, told: Story) -> list[c.Event]:
        names, side = self.pick((("g1",), ("g2",), ("g1", "g2"))), self.pick(tuple(Side))
        return [c.GatesIgnored(self.stage(told).id, side, names, PersonId("alice"))]

    def resume(self, told: Story) -> list[c.Event]:
        newest = [stage.newest for stage in told.release.stages if stage.newest]
        asked = [i.id for deployment in newest for i in deployment.interventions]
        resumes = self.pick((True, True, False))
        question = self.pick([*asked, InterventionId(0)])
        return [c.InterventionAnswered(question, PersonId(self.pick(PEOPLE)), resumes)]

    # -- workers --

    def gates_answer(self, told: Story) -> list[c.Event]:
        stage = self.stage(told)
        attempt = stage.newest.attempt if stage.newest else 1
        number = max(
            [len(run.samples) for run in stage.newest.gates] if stage.newest else [], default=1
        )
        good = self.pick((True, True, False))
        results = tuple(GateResult(name, good) for name in self.pick((("g1", "g2"), ("g1",))))
        side = self.pick(tuple(Side))
        return [c.GateSampled(stage.id, attempt, side, number - self.pick((0, 0, 1)), results)]

    def claim(self, told: Story) -> list[c.Event]:
        return [
            c.JobClaimed(job, "worker", self.pick((f"token-{job}", f"token-{job}", "other")))
            for job in self.jobs(told)[-1:]
        ]

    def finish(self, told: Story) -> list[c.Event]:
        token = self.pick(("token", "token", "token", "other"))
        return [
            c.JobFinished(job, f"{token}-{job}", self.pick(ENDS)) for job in self.jobs(told)[-1:]
        ]

    def wait_for_service(self, told: Story) -> list[c.Event]:
        due = told.now + timedelta(minutes=self.pick((0, 10)))
        return [c.JobAwaits(job, f"token-{job}", due) for job in self.jobs(told)[-1:]]

    def service_reports(self, told: Story) -> list[c.Event]:
        return [c.JobAnswered(job, self.pick(ENDS)) for job in self.jobs(told)[-1:]]

    def lose(self, told: Story) -> list[c.Event]:
        return [c.JobLost(job, f"token-{job}", "gone") for job in self.jobs(told)[-1:]]

    def repeat(self, _: Story) -> list[c.Event]:
        """An earlier event arrives again, perhaps at another release."""
        return [self.pick(self.told)] if self.told else []

    # -- clocks --

    def wait(self, _: Story) -> list[c.Event]:
        self.world.later(minutes=self.pick((1, 5, 5, 29, 61, 400, 50_000)))
        return []

    def clock_is_set_back(self, _: Story) -> list[c.Event]:
        """Another machine's clock is behind ours, or ours was wrong (R-28)."""
        self.world.later(minutes=-self.pick((1, 30, 90)))
        return []

    def stage(self, told: Story) -> Stage:
        stage: Stage = self.pick(told.release.stages)
        return stage

    def jobs(self, told: Story) -> list[JobId]:
        all_jobs = [
            job for stage in told.release.stages if stage.newest for job in stage.newest.jobs
        ]
        ended_first = sorted(all_jobs, key=lambda job: not job.status.is_ended)
        return [self.pick([job.id for job in ended_first[-3:]])] if ended_first else []


ACTIONS = (
    "start",
    "abandon",
    "deploy",
    "come_and_go",
    "cancel",
    "defer",
    "prioritise",
    "ignore",
    "gates_answer",
    "resume",
    "answer",
    "claim",
    "finish",
    "wait_for_service",
    "service_reports",
    "lose",
    "repeat",
    "wait",
    "clock_is_set_back",
)
# How often each happens in a simulated day; ends are rare so that releases get somewhere.
USUAL = (
    (
        "start",
        "deploy",
        "come_and_go",
        "wait",
        "cancel",
        "defer",
        "prioritise",
        "lose",
        "repeat",
        "repeat",
        "ignore",
        "clock_is_set_back",
    )
    + (
        "wait_for_service",
        "service_reports",
    )
    * 2
    + (
        "gates_answer",
        "resume",
        "answer",
        "claim",
        "finish",
    )
    * 5
)


def everybody_goes_home(actors: Actors) -> None:
    """From any state: cancel everything, and a bounded wait later nothing is under way (I11)."""
    for told in actors.world.stories.values():
        for stage in told.release.stages:
            if stage.active:
                actors.raise_event(told, c.CancelRequested(stage.id, PersonId("alice")))
    actors.world.later(days=3)  # more than all clocks together can have been set back
    under_way = [
        stage.name
        for told in actors.world.stories.values()
        for stage in told.release.stages
        if stage.active and stage.active.cancel_requested_at
    ]
    assert not under_way, f"{under_way} did not stop"
