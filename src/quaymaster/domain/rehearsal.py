"""A release played to its end in thought: everybody agrees, every worker is well.

It is played by `decide` itself, so that what is foreseen and what will happen follow the same
rules. Nothing outside is touched, and no time passes but in thought.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from quaymaster.domain.changes import (
    Activated,
    ApprovalGiven,
    Change,
    DeploymentEnded,
    Event,
    GateSampled,
    InterventionAnswered,
    JobClaimed,
    JobFinished,
    SlotGranted,
    StageTriggered,
    TimeCame,
)
from quaymaster.domain.decide import decide
from quaymaster.domain.due import next_due
from quaymaster.domain.gate_run import enabled_gates
from quaymaster.domain.release import (
    ApprovalId,
    Deployment,
    DeploymentId,
    GateResult,
    InterventionId,
    JobId,
    Person,
    PersonId,
    Phase,
    Release,
    Stage,
)
from quaymaster.domain.status import gate_policy
from quaymaster.domain.statuses import ApprovalStatus, InterventionStatus, JobStatus

EVERYBODY = Person(PersonId("\0everybody"), may_override_approvals=True)
MOST_EVENTS = 20_000  # far above what a thousand jobs in fifty stages need


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How it went: the release at the end, and when each stage began and ended, in order."""

    release: Release
    begun: dict[str, datetime]
    ended: dict[str, datetime]


def rehearse(draft: Release, now: datetime) -> Rehearsal:
    """Play a draft release until nothing moves it any more."""
    numbers = count(1)
    release, changes = decide(draft, Activated(None), now)
    begun: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    for _ in range(MOST_EVENTS):
        _note(release, changes, now, begun, ended)
        release = _numbered(release, numbers)
        event = _next_event(release)
        if event is None:
            due = next_due(release)
            if due is None:
                break
            now, event = due, TimeCame()
        release, changes = decide(release, event, now)
    return Rehearsal(release, begun, ended)


def _note(
    release: Release,
    changes: list[Change],
    now: datetime,
    begun: dict[str, datetime],
    ended: dict[str, datetime],
) -> None:
    names = {stage.id: stage.name for stage in release.stages}
    for change in changes:
        match change:
            case StageTriggered(stage=stage):
                begun.setdefault(names[stage], now)
            case DeploymentEnded(stage=stage):
                ended.setdefault(names[stage], now)
            case _:
                pass


def _next_event(release: Release) -> Event | None:
    """What somebody can do now without waiting."""
    for stage in release.stages:
        if stage.active:
            event = next(_possible(stage, stage.active), None)
            if event:
                return event
    return None


def _possible(stage: Stage, deployment: Deployment) -> Iterator[Event]:
    if deployment.entered_queue_at and not deployment.has_slot:
        yield SlotGranted(stage.id, deployment.attempt)
    for approval in deployment.approvals:
        if approval.status is ApprovalStatus.PENDING:
            yield ApprovalGiven(approval.id, EVERYBODY)
    for run in deployment.gates:
        if run.open_sample:
            names = enabled_gates(gate_policy(stage, run.side))
            results = tuple(GateResult(name, succeeded=True) for name in names)
            number = run.open_sample.number
            yield GateSampled(stage.id, deployment.attempt, run.side, number, results)
    for job in deployment.jobs:
        if job.status is JobStatus.WAITING:
            yield JobClaimed(job.id, "rehearsal", "rehearsal")
        elif job.status is JobStatus.RUNNING and not job.kind.is_pause:
            yield JobFinished(job.id, "rehearsal", JobStatus.SUCCEEDED)
    for asked in deployment.interventions:
        if asked.status is InterventionStatus.PENDING:
            yield InterventionAnswered(asked.id, EVERYBODY.id, resumes=True)


# ---- ids, as a store would give them --------------------------------------------------------


def _numbered(release: Release, numbers: Iterator[int]) -> Release:
    stages = tuple(
        replace(stage, newest=_numbered_attempt(stage.newest, numbers)) if stage.active else stage
        for stage in release.stages
    )
    return replace(release, stages=stages)


def _numbered_attempt(deployment: Deployment | None, numbers: Iterator[int]) -> Deployment | None:
    if deployment is None:
        return None
    return replace(
        deployment,
        id=deployment.id or DeploymentId(next(numbers)),
        approvals=tuple(
            a if a.id else replace(a, id=ApprovalId(next(numbers))) for a in deployment.approvals
        ),
        interventions=tuple(
            asked if asked.id else replace(asked, id=InterventionId(next(numbers)))
            for asked in deployment.interventions
        ),
        phases=tuple(_numbered_phase(phase, numbers) for phase in deployment.phases),
    )


def _numbered_phase(phase: Phase, numbers: Iterator[int]) -> Phase:
    jobs = tuple(job if job.id else replace(job, id=JobId(next(numbers))) for job in phase.jobs)
    return replace(phase, jobs=jobs)
