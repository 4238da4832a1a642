"""Reading the published queueing vectors: short English events around one stage's queue."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from quaymaster.domain.allowed import situation
from quaymaster.domain.plan import Plan, QueuePolicy
from quaymaster.domain.statuses import JobStatus
from tests import make
from tests.story import approved, canceled, claimed, deferred, deployed, fails, phase_ends, started
from tests.world import World

MIDNIGHT = make.NOW - timedelta(hours=9)
NAMES = r"(?P<names>R\d+(?:\.\.R\d+)?(?:,\s*R\d+)*)"
TIME = re.compile(r"(\d\d):(\d\d)")

SHOWS: dict[str, set[str]] = {
    "running": {"queuedForAgent", "phaseInProgress"},
    "queued": {"queued"},
    "approvalPending": {"pending"},
    "postApprovalPending": {"pending after the work"},
    "canceled": {"canceled", "phaseCanceled"},
    "succeeded": {"approved"},
    "rejected": {"rejected", "phaseFailed"},
    "scheduled": {"scheduled"},
    "deferred": {"deferred"},
    "manualInterventionPending": {"manualInterventionPending"},
}


class Script:
    """One vector, played: `play` returns nothing and raises AssertionError at the first lie."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.events = case["events"]
        written = case["executionPolicy"]
        self.policy = QueuePolicy(written["concurrencyCount"], written["queueDepthCount"])
        self.world = World("QA")
        self.world.now = MIDNIGHT
        self.stages: dict[str, str] = {}

    def play(self) -> None:
        for event in self.events:
            for clause in re.split(r";\s*|,\s+(?!R\d+\s*(?:,|request|$))", event["do"]):
                self.happens(clause.strip(), event["do"])
            self.expect(event["state"])

    def expect(self, state: dict[str, str]) -> None:
        for name, wanted in state.items():
            told = self.world.stories[name]
            stage = told.stage(self.stages.get(name, "QA"))
            shown = situation(stage)
            if shown == "pending" and stage.newest and stage.newest.phases:
                shown = "pending after the work"
            assert shown in SHOWS[wanted], f"{name} shows {shown}, not {wanted}\n{told.timeline()}"

    def happens(self, clause: str, whole: str) -> None:
        if at := TIME.search(clause):
            self.wait_until(clause, int(at[1]), int(at[2]))
        if clause == "definition edited to unlimited":
            self.policy = QueuePolicy()
            return
        found = re.match(NAMES + r"\s*(?P<rest>.*)$", clause)
        if found is None:
            assert TIME.fullmatch(clause), f"no words for {clause!r}"
            return
        for name in names(found["names"]):
            self.to_release(name, found["rest"], whole)

    def wait_until(self, clause: str, hour: int, minute: int) -> None:
        """A time at the start, or after "at", has come; after "for" and "to" it is only named."""
        if clause[:2].isdigit() or " at " in clause:
            passed = MIDNIGHT + timedelta(hours=hour, minutes=minute) - self.world.now
            self.world.later(seconds=passed.total_seconds())
            self.workers_look()

    def to_release(self, name: str, what: str, whole: str) -> None:
        stage = "Dev" if "requests Dev" in what else "QA"
        if name not in self.world.stories:
            self.stages[name] = stage
            self.world.release(name, self.plan(what, whole), manual=("Dev", "QA"))
            self.world.when(name, started())
            self.world.now += timedelta(seconds=1)
        self.world.stories[name].now = self.world.now
        for pattern, steps in self.words(stage, what).items():
            if re.match(pattern, what):
                for step in steps:
                    self.world.when(name, step)
                self.workers_look()
                return
        raise AssertionError(f"no words for {name} {what!r}")

    def words(self, stage: str, what: str) -> dict[str, tuple[Any, ...]]:
        return {
            r"(finishes|tasks succeed)": (phase_ends(stage),),
            r"post-approved": (approved(stage),),
            r"fails": (fails(stage),),
            r"canceled by user": (canceled(stage),),
            r"canceled and acknowledged": (
                canceled(stage),
                phase_ends(stage, JobStatus.CANCELED),
            ),
            r"scheduled for": (deployed(stage, scheduled_for=self.named_time(what)),),
            r"approved and deferred to": (
                deployed(stage),
                deferred(stage, self.named_time(what)),
                approved(stage),
            ),
            r"still running": (),
            r"(|request|running|queued|redeploy|of the new revision|waits in manual)": (
                deployed(stage),
            ),
        }

    def named_time(self, what: str) -> Any:
        at = TIME.search(what)
        return MIDNIGHT + timedelta(hours=int(at[1]), minutes=int(at[2])) if at else None

    def plan(self, what: str, whole: str) -> Plan:
        qa: dict[str, Any] = {"queue": self.policy}
        if "pre-approval" in whole or "approved and deferred" in what:
            qa["pre_approvals"] = make.asks("bob")
        if "post-approval" in whole:
            qa["post_approvals"] = make.asks("bob")
        if "manual intervention" in what:
            qa["phases"] = (make.server_phase(make.intervention()),)
        return make.plan("QA; Dev", QA=qa)

    def workers_look(self) -> None:
        """Workers take whatever waits for them."""
        for name in self.world.stories:
            for stage in ("QA", "Dev"):
                self.world.when(name, claimed(stage))


def names(written: str) -> Iterator[str]:
    """R1 … R4 of "R1..R4", or each of "R1,R2"."""
    if ".." in written:
        first, last = (int(number) for number in re.findall(r"\d+", written))
        yield from (f"R{number}" for number in range(first, last + 1))
    else:
        yield from re.findall(r"R\d+", written)
