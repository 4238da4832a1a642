"""Every situation of a stage and every event: taken in, ignored as a repeat, or refused in words.

The table below is written from SEMANTICS 6, 7.4-7.6, 9.12-9.13 and 11, not from the code. A new
event or a new situation without a row or a cell fails.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import get_args

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.allowed import NOT_STARTED, situation
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import Conflict, DomainError, Refused
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import ApprovalId, GateResult, InterventionId, JobId, PersonId, Side
from quaymaster.domain.statuses import DeploymentReason, JobStatus, Priority, ReportedStatus
from quaymaster.domain.statuses import OperationStatus as O
from tests import make
from tests.story import (
    Story,
    approved,
    canceled,
    claimed,
    deferred,
    deployed,
    fails,
    phase_ends,
    refused,
    reported,
    started,
    story,
    works,
)

NIGHT = make.NOW + timedelta(hours=15)
EVENTS = get_args(c.Event)
TAKEN, IGNORED = "taken in", "ignored"
Outcome = str | type[DomainError]


def of(**dev: object) -> Story:
    return story(make.plan("Dev", Dev=dev), manual=("Dev",)).when(started())


def asking() -> Story:
    return of(pre_approvals=make.asks("bob")).when(deployed("Dev"))


def gated() -> Story:
    return of(pre_gates=make.gates("g1")).when(deployed("Dev"))


def paused() -> Story:
    return of(phases=(make.server_phase(make.intervention()),)).when(deployed("Dev"))


def running() -> Story:
    return of().when(deployed("Dev"), claimed("Dev"))


# One story for each situation. Two ways into PENDING: before the work and after it.
SITUATIONS: dict[str, Callable[[], Story]] = {
    NOT_STARTED: of,
    O.SCHEDULED: lambda: of().when(deployed("Dev", scheduled_for=NIGHT)),
    O.QUEUED: lambda: of(queue=QueuePolicy(concurrency=1)).when(deployed("Dev")),
    O.PENDING: asking,
    f"{O.PENDING} after the work": lambda: of(post_approvals=make.asks("bob")).when(
        deployed("Dev"), works("Dev")
    ),
    O.EVALUATING_GATES: lambda: gated().later(minutes=5),
    f"{O.EVALUATING_GATES} after the work": lambda: of(post_gates=make.gates("g1")).when(
        deployed("Dev"), works("Dev")
    ),
    O.GATE_FAILED: lambda: gated().later(minutes=35),
    O.DEFERRED: lambda: asking().when(deferred("Dev", NIGHT), approved("Dev")),
    O.QUEUED_FOR_AGENT: lambda: of().when(deployed("Dev")),
    O.PHASE_IN_PROGRESS: running,
    O.MANUAL_INTERVENTION_PENDING: paused,
    O.CANCELLING: lambda: running().when(canceled("Dev")),
    O.APPROVED: lambda: of().when(deployed("Dev"), works("Dev")),
    O.REJECTED: lambda: asking().when(refused("Dev")),
    O.PHASE_FAILED: lambda: of().when(deployed("Dev"), fails("Dev")),
    O.CANCELED: lambda: asking().when(canceled("Dev")),
    O.UNDEFINED: lambda: of().when(reported("Dev", ReportedStatus.UNKNOWN)),
    O.PHASE_CANCELED: lambda: running().when(canceled("Dev"), phase_ends("Dev")),
}
# Shown for a moment within one decision only: the next phase starts in the same one.
PASSING = {O.PHASE_SUCCEEDED, O.PHASE_PARTIALLY_SUCCEEDED}

ENDED = {
    O.UNDEFINED,
    O.APPROVED,
    O.REJECTED,
    O.PHASE_FAILED,
    O.GATE_FAILED,
    O.CANCELED,
    O.PHASE_CANCELED,
}
UNDER_WAY = set(SITUATIONS) - ENDED - {NOT_STARTED}
WAITING = {O.SCHEDULED, O.QUEUED, O.PENDING, O.EVALUATING_GATES, O.DEFERRED}
AT_WORK = {
    O.QUEUED_FOR_AGENT,
    O.PHASE_IN_PROGRESS,
    O.MANUAL_INTERVENTION_PENDING,
    O.CANCELLING,
}
AFTER_WORK = {f"{O.PENDING} after the work", f"{O.EVALUATING_GATES} after the work"}
NOBODY_HOLDS_IT = {O.QUEUED_FOR_AGENT, O.MANUAL_INTERVENTION_PENDING}
OPEN_QUESTION = {O.PENDING, f"{O.PENDING} after the work"}
ASKED_BEFORE = {O.REJECTED, O.CANCELED, O.DEFERRED}  # by the stories above

# Which situations give which outcome; everything not named gives the row's last word.
TABLE: dict[type, tuple[dict[Outcome, set[str]], Outcome]] = {
    c.Activated: ({}, IGNORED),
    c.Abandoned: ({Refused: AT_WORK}, TAKEN),
    c.DetailsChanged: ({}, TAKEN),
    c.SnapshotEdited: ({}, TAKEN),
    c.DeploymentRequested: ({TAKEN: ENDED | {NOT_STARTED, O.SCHEDULED}}, Refused),
    c.CancelRequested: ({TAKEN: UNDER_WAY - {O.CANCELLING}}, Refused),
    c.DeploymentDeferred: ({TAKEN: WAITING}, Refused),
    c.PriorityChanged: ({TAKEN: {O.SCHEDULED, O.QUEUED}}, Refused),
    c.FreezeOverridden: ({}, Refused),  # none of these is frozen; test_freezes has those that are
    c.ApprovalGiven: ({TAKEN: OPEN_QUESTION}, Refused),
    c.ApprovalRefused: ({TAKEN: OPEN_QUESTION}, Refused),
    c.ApprovalReassigned: ({TAKEN: OPEN_QUESTION}, Refused),
    c.GatesIgnored: ({TAKEN: {O.EVALUATING_GATES}}, Refused),
    c.GateSampled: ({TAKEN: {O.EVALUATING_GATES}}, IGNORED),
    c.InterventionAnswered: ({TAKEN: {O.MANUAL_INTERVENTION_PENDING}}, Refused),
    c.DeploymentReported: ({Refused: AT_WORK | AFTER_WORK}, TAKEN),
    c.Quarantined: ({}, TAKEN),
    c.QuarantineLifted: ({}, IGNORED),
    c.SlotGranted: ({TAKEN: {O.QUEUED}}, IGNORED),
    c.Superseded: ({TAKEN: {O.QUEUED}}, IGNORED),
    c.JobClaimed: (
        {TAKEN: {O.QUEUED_FOR_AGENT}, IGNORED: {O.PHASE_IN_PROGRESS, O.CANCELLING}},
        Conflict,
    ),
    c.JobFinished: (
        {
            TAKEN: {O.PHASE_IN_PROGRESS, O.CANCELLING},
            Conflict: NOBODY_HOLDS_IT,
        },
        IGNORED,
    ),
    c.JobLost: (
        {
            TAKEN: {O.PHASE_IN_PROGRESS, O.CANCELLING},
            Conflict: NOBODY_HOLDS_IT,
        },
        IGNORED,
    ),
    # These two are about jobs of server phases: see test_server_phases.
    c.JobAwaits: ({}, Conflict),
    c.JobAnswered: ({}, IGNORED),
    c.TimeCame: ({}, TAKEN),
}


def event(kind: type, told: Story) -> c.Event:
    """The event as it would be raised here."""
    dev = told.stage("Dev")
    who, person = PersonId("carol"), make.person("bob", admin=True)
    approval = next((a.id for a in told.approvals("Dev") if a.approver), ApprovalId(0))
    job = dev.newest.jobs[0].id if dev.newest and dev.newest.jobs else JobId(0)
    asked = dev.newest.interventions if dev.newest else ()
    question = asked[-1].id if asked else InterventionId(0)
    attempt = dev.newest.attempt if dev.newest else 1
    made: dict[type, c.Event] = {
        c.Activated: c.Activated(who),
        c.Abandoned: c.Abandoned(who),
        c.DetailsChanged: c.DetailsChanged(who, name="New"),
        c.SnapshotEdited: c.SnapshotEdited(who, told.release.plan, {"colour": "blue"}),
        c.DeploymentRequested: c.DeploymentRequested(dev.id, who, who, DeploymentReason.MANUAL),
        c.CancelRequested: c.CancelRequested(dev.id, who),
        c.DeploymentDeferred: c.DeploymentDeferred(dev.id, NIGHT, who),
        c.PriorityChanged: c.PriorityChanged(dev.id, Priority.HIGH, who),
        c.FreezeOverridden: c.FreezeOverridden(dev.id, who, "The shop is down."),
        c.ApprovalGiven: c.ApprovalGiven(approval, person),
        c.ApprovalRefused: c.ApprovalRefused(approval, person),
        c.ApprovalReassigned: c.ApprovalReassigned(approval, person, "dave"),
        c.GatesIgnored: c.GatesIgnored(dev.id, Side.PRE, ("g1",), who),
        c.GateSampled: c.GateSampled(dev.id, attempt, Side.PRE, 1, (GateResult("g1", True),)),
        c.InterventionAnswered: c.InterventionAnswered(question, who, resumes=True),
        c.DeploymentReported: c.DeploymentReported(dev.id, who, ReportedStatus.IN_PROGRESS),
        c.Quarantined: c.Quarantined(who, "It loses orders."),
        c.QuarantineLifted: c.QuarantineLifted(who),
        c.SlotGranted: c.SlotGranted(dev.id, attempt),
        c.Superseded: c.Superseded(dev.id, attempt, "Release-2"),
        c.JobClaimed: c.JobClaimed(job, "worker-1", f"token-{job}"),
        c.JobFinished: c.JobFinished(job, f"token-{job}", JobStatus.SUCCEEDED),
        c.JobLost: c.JobLost(job, f"token-{job}", "gone"),
        c.JobAwaits: c.JobAwaits(job, f"token-{job}", NIGHT),
        c.JobAnswered: c.JobAnswered(job, JobStatus.SUCCEEDED),
        c.TimeCame: c.TimeCame(),
    }
    return made[kind]


def outcome(told: Story, happening: c.Event) -> Outcome:
    before = told.release
    try:
        after, changes = decide(before, happening, told.now)
    except DomainError as error:
        return type(error)
    if not changes:
        assert after is before
        return IGNORED
    told.take_in(happening)  # the invariants hold afterwards
    return TAKEN


def test_every_event_has_a_row():
    assert set(TABLE) == set(EVENTS)
    for kind, (cells, _) in TABLE.items():
        named = [name for names in cells.values() for name in names]
        assert len(named) == len(set(named)), f"{kind.__name__} has two words for one situation"
        assert set(named) <= set(SITUATIONS)


def test_every_situation_has_a_column():
    for name, tell in SITUATIONS.items():
        assert situation(tell().stage("Dev")) == name.split()[0]
    shown = {name.split()[0] for name in SITUATIONS}
    assert shown | PASSING == set(O) | {NOT_STARTED}
    assert not shown & PASSING


APPROVAL_EVENTS = {c.ApprovalGiven, c.ApprovalRefused, c.ApprovalReassigned}
JOB_EVENTS = {c.JobClaimed, c.JobFinished, c.JobLost, c.JobAwaits, c.JobAnswered}
BEFORE_ANY_JOB = {NOT_STARTED, O.UNDEFINED, *WAITING, O.REJECTED, O.GATE_FAILED, O.CANCELED}
CELLS = [
    (name, kind)
    for name in SITUATIONS
    for kind in EVENTS
    if not (kind is c.InterventionAnswered and name != O.MANUAL_INTERVENTION_PENDING)
    and not (kind in APPROVAL_EVENTS and name not in OPEN_QUESTION | ASKED_BEFORE)
    and not (kind in JOB_EVENTS and name in BEFORE_ANY_JOB)
]


@pytest.mark.parametrize(("name", "kind"), CELLS, ids=lambda part: getattr(part, "__name__", None))
def test_cell(name, kind):
    told = SITUATIONS[name]()
    cells, otherwise = TABLE[kind]
    expected = next((word for word, names in cells.items() if name in names), otherwise)
    assert outcome(told, event(kind, told)) == expected, told.timeline()


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_cells_left_out_have_no_subject_to_name(name):
    """Without an approval or a job nobody can raise an event about one."""
    told = SITUATIONS[name]()
    asked = [a for a in told.approvals("Dev") if a.approver]
    newest = told.stage("Dev").newest
    questions = newest.interventions if newest else ()
    assert bool(questions) == (name == O.MANUAL_INTERVENTION_PENDING)
    assert bool(asked) == (name in OPEN_QUESTION | ASKED_BEFORE)
    assert bool(newest and newest.jobs) == (name not in BEFORE_ANY_JOB)
