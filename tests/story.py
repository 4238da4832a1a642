"""Stories on the pure core: given a plan, when this happens, then that is shown.

`story("Dev → QA").when(started()).then(Dev="queuedForAgent", QA="notStarted")`. After each event
the invariants of DESIGN 6 are checked; a failed expectation prints everything that happened.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Self

import pytest

from quaymaster.domain.allowed import situation
from quaymaster.domain.changes import (
    Abandoned,
    Activated,
    ApprovalGiven,
    ApprovalReassigned,
    ApprovalRefused,
    CancelRequested,
    Change,
    DeploymentDeferred,
    DeploymentReported,
    DeploymentRequested,
    Event,
    GateSampled,
    GatesIgnored,
    InterventionAnswered,
    JobAnswered,
    JobAwaits,
    JobClaimed,
    JobFinished,
    JobLost,
    PriorityChanged,
    Quarantined,
    QuarantineLifted,
    SlotGranted,
    Superseded,
    TimeCame,
)
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import DomainError
from quaymaster.domain.plan import Plan
from quaymaster.domain.record import entries
from quaymaster.domain.release import (
    Approval,
    Deployment,
    GateResult,
    Job,
    JobKind,
    Person,
    PersonId,
    Release,
    Side,
    Stage,
)
from quaymaster.domain.status import deployment_status, stage_status
from quaymaster.domain.statuses import (
    ApprovalStatus,
    DeploymentReason,
    JobStatus,
    Priority,
    ReportedStatus,
)
from tests import invariants, make


class Story:
    """A release, the time, and what has happened so far."""

    def __init__(self, release: Release, now: datetime = make.NOW) -> None:
        self.now = now
        self.free = make.ids()
        self.release = make.saved(release, self.free)
        self.happened: list[tuple[datetime, Change]] = []
        self.checked_at: datetime | None = None  # when the invariants were looked at last

    # -- what happens ----------------------------------------------------------------------

    def when(self, *steps: "Step") -> Self:
        """Let these happen, one after another; what is refused raises."""
        for step in steps:
            for event in step(self):
                self.take_in(event)
        return self

    def take_in(self, event: Event) -> list[Change]:
        """One decision, saved; the invariants hold afterwards."""
        before = self.release
        after, changes = decide(before, event, self.now)
        self.happened += [(self.now, change) for change in changes]
        self.release = make.saved(after, self.free)
        entries(self.release, changes)  # every change has words for the history
        if after is before and self.now == self.checked_at:
            return changes
        self.checked_at = self.now
        try:
            invariants.check(self.release, self.now)
            invariants.check_step(before, self.release)
        except AssertionError as broken:
            self._fail(str(broken))
        return changes

    def later(self, **delta: float) -> Self:
        """Time passes, and the clock rings."""
        self.now += timedelta(**delta)
        self.take_in(TimeCame())
        return self

    def refuses(self, step: "Step", error: type[DomainError], words: str) -> Self:
        """The step is turned down with these words, and nothing has changed."""
        before = self.release
        with pytest.raises(error, match=words):
            self.when(step)
        assert self.release is before
        return self

    def ignores(self, step: "Step") -> Self:
        """The step is taken as a repeat: no change, no error."""
        for event in step(self):
            after, changes = decide(self.release, event, self.now)
            assert (after, changes) == (self.release, []), self.timeline()
        return self

    # -- what is shown ---------------------------------------------------------------------

    def then(self, **stages: str) -> Self:
        """Each stage shows this: one word is what its attempt is doing (or notStarted), three
        are stage, deployment and operation status."""
        for name, wanted in stages.items():
            stage = self.stage(name)
            words = wanted.split()
            shown = [situation(stage)]
            if len(words) == 3 and stage.newest:
                deployed = deployment_status(stage, stage.newest)
                shown = [stage_status(stage), deployed, situation(stage)]
            if shown != words:
                self._fail(f"{name} shows {' '.join(shown)}, not {wanted}")
        return self

    def asked(self, stage: str, side: Side = Side.PRE, **people: str) -> Self:
        """The approvals of one side by approver, all of them; `automated` is nobody's."""
        found = {a.approver or "automated": str(a.status) for a in self.approvals(stage, side)}
        if found != people:
            self._fail(f"{stage} {side} asked {found}, not {people}")
        return self

    def stage(self, name: str) -> Stage:
        stage = self.release.stage_named(name)
        assert stage, f"no stage {name}"
        return stage

    def deployment(self, name: str) -> Deployment:
        newest = self.stage(name).newest
        assert newest, f"{name} has no deployment\n{self.timeline()}"
        return newest

    def approvals(self, stage: str, side: Side | None = None) -> list[Approval]:
        newest = self.stage(stage).newest
        found = newest.approvals if newest else ()
        return [a for a in found if side is None or a.side is side]

    def jobs(self, stage: str) -> list[Job]:
        newest = self.stage(stage).newest
        return [job for job in (newest.jobs if newest else ()) if not job.status.is_ended]

    def changes(self, kind: type[Change]) -> list[Any]:
        """What has happened of one kind, oldest first."""
        return [change for _, change in self.happened if isinstance(change, kind)]

    def timeline(self) -> str:
        return "\n".join(f"{at:%a %H:%M:%S} {change}" for at, change in self.happened)

    def _fail(self, text: str) -> None:
        pytest.fail(f"{text}\n{self.timeline()}", pytrace=True)


Step = Callable[[Story], Iterable[Event]]


def story(of: Plan | str = "Dev", **changes: Any) -> Story:
    """A story about a draft release of this plan."""
    return Story(make.release(of, **changes))


def started(by: str = "alice") -> Step:
    return lambda _: [Activated(PersonId(by))]


def abandoned(by: str = "alice") -> Step:
    return lambda _: [Abandoned(PersonId(by))]


def deployed(stage: str, by: str = "alice", **changes: Any) -> Step:
    def events(told: Story) -> Iterable[Event]:
        who = PersonId(by)
        reason = changes.pop("reason", DeploymentReason.MANUAL)
        yield DeploymentRequested(told.stage(stage).id, who, who, reason, **changes)

    return events


def reported(stage: str, status: ReportedStatus, by: str = "cd", **more: Any) -> Step:
    """Whoever deploys outside tells how it stands."""
    return lambda told: [DeploymentReported(told.stage(stage).id, PersonId(by), status, **more)]


def quarantined(why: str = "It loses orders.", by: str = "alice") -> Step:
    return lambda _: [Quarantined(PersonId(by), why)]


def quarantine_lifted(by: str = "alice") -> Step:
    return lambda _: [QuarantineLifted(PersonId(by))]


def canceled(stage: str, by: str = "alice") -> Step:
    return lambda told: [CancelRequested(told.stage(stage).id, PersonId(by))]


def deferred(stage: str, until: datetime, by: str = "alice") -> Step:
    return lambda told: [DeploymentDeferred(told.stage(stage).id, until, PersonId(by))]


def prioritised(stage: str, priority: Priority, by: str = "alice") -> Step:
    return lambda told: [PriorityChanged(told.stage(stage).id, priority, PersonId(by))]


def _pending(told: Story, stage: str, of: str, by: Person) -> Approval:
    """The approval meant by "bob approves": bob's own, else one he may answer for."""
    asked = [a for a in told.approvals(stage) if not a.is_automated]
    own = [a for a in asked if a.approver == (of or by.id)]
    groups = [a for a in asked if a.approver and by.is_or_belongs_to(a.approver)]
    still = [a for a in (*own, *groups, *asked) if a.status is ApprovalStatus.PENDING]
    found = [*(own if of else ()), *still, *own, *asked]
    assert found, f"nobody is asked at {stage}\n{told.timeline()}"
    return found[0]


def _person(by: str | Person) -> Person:
    return make.person(by) if isinstance(by, str) else by


def approved(stage: str, by: str | Person = "bob", of: str = "", comment: str = "") -> Step:
    who = _person(by)
    return lambda told: [ApprovalGiven(_pending(told, stage, of, who).id, who, comment)]


def refused(stage: str, by: str | Person = "bob", of: str = "", comment: str = "") -> Step:
    who = _person(by)
    return lambda told: [ApprovalRefused(_pending(told, stage, of, who).id, who, comment)]


def reassigned(stage: str, to: str, by: str | Person = "bob", of: str = "") -> Step:
    who = _person(by)
    return lambda told: [ApprovalReassigned(_pending(told, stage, of, who).id, who, to)]


def claimed(stage: str, worker: str = "worker-1") -> Step:
    def events(told: Story) -> Iterator[Event]:
        for job in told.jobs(stage):
            if job.status is JobStatus.WAITING and not job.kind.is_pause:
                yield JobClaimed(job.id, worker, f"token-{job.id}")

    return events


def phase_ends(stage: str, status: JobStatus = JobStatus.SUCCEEDED, error: str = "") -> Step:
    """Workers take the jobs under way and end them; a further phase is left alone."""

    def events(told: Story) -> Iterator[Event]:
        jobs = [job for job in told.jobs(stage) if job.status is not JobStatus.HELD]
        assert jobs, f"{stage} has no job under way\n{told.timeline()}"
        yield from claimed(stage)(told)
        for job in jobs:
            yield JobFinished(job.id, f"token-{job.id}", status, error)

    return events


def works(stage: str) -> Step:
    """Every phase runs and succeeds."""

    def events(told: Story) -> Iterator[Event]:
        while told.jobs(stage):
            yield from phase_ends(stage)(told)

    return events


def fails(stage: str, error: str = "Bash exited with code '3'.") -> Step:
    return phase_ends(stage, JobStatus.FAILED, error)


def awaits(stage: str, until: datetime) -> Step:
    """The worker has asked a service, which is to report by then."""

    def events(told: Story) -> Iterator[Event]:
        yield from claimed(stage)(told)
        for job in told.jobs(stage):
            if job.status is JobStatus.RUNNING:
                yield JobAwaits(job.id, job.token, until)

    return events


def reports(stage: str, status: JobStatus = JobStatus.SUCCEEDED, error: str = "") -> Step:
    """The service that was asked says how it went."""

    def events(told: Story) -> Iterator[Event]:
        for job in told.jobs(stage):
            if job.kind is JobKind.CALL_BACK:
                yield JobAnswered(job.id, status, error)

    return events


def lost(stage: str, reason: str = "The worker was lost.") -> Step:
    def events(told: Story) -> Iterator[Event]:
        for job in told.jobs(stage):
            yield JobLost(job.id, job.token, reason)

    return events


def gates_say(stage: str, *good: str, **but: str) -> Step:
    """The open sample is answered: `good` gates agree, the others say what is given, or nothing."""

    def events(told: Story) -> Iterator[Event]:
        deployment = told.deployment(stage)
        run = next(run for run in deployment.gates if not run.ended_as)
        assert run.open_sample, f"no sample of {stage} is open\n{told.timeline()}"
        results = [GateResult(name, succeeded=True) for name in good]
        results += [GateResult(name, succeeded=False, message=why) for name, why in but.items()]
        yield GateSampled(
            told.stage(stage).id,
            deployment.attempt,
            run.side,
            run.open_sample.number,
            tuple(results),
        )

    return events


def ignoring(stage: str, *names: str, side: Side = Side.PRE, by: str = "alice") -> Step:
    return lambda told: [GatesIgnored(told.stage(stage).id, side, names, PersonId(by), "known")]


def answered(stage: str, by: str = "carol", *, resumes: bool = True, comment: str = "") -> Step:
    """The newest manual intervention of the stage is answered."""

    def events(told: Story) -> Iterator[Event]:
        asked = told.deployment(stage).interventions[-1]
        yield InterventionAnswered(asked.id, PersonId(by), resumes, comment)

    return events


def let_in(stage: str) -> Step:
    """The environment's queue gives the newest attempt a slot."""
    return lambda told: [SlotGranted(told.stage(stage).id, told.deployment(stage).attempt)]


def superseded(stage: str, by: str = "Release-2") -> Step:
    return lambda told: [Superseded(told.stage(stage).id, told.deployment(stage).attempt, by)]
