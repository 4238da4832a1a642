"""Reading the published approval vectors: people, jobs and clocks in short English sentences."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from quaymaster.domain.allowed import situation
from quaymaster.domain.changes import (
    ApprovalGiven,
    ApprovalReassigned,
    ApprovalRefused,
    Event,
)
from quaymaster.domain.due import next_due
from quaymaster.domain.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Refused
from quaymaster.domain.plan import (
    DEFAULT_APPROVAL_TIMEOUT,
    ApprovalOrder,
    ApprovalPolicy,
    Approver,
    GatePolicy,
    Plan,
)
from quaymaster.domain.release import Approval, ApprovalId, Deployment, GateRun, Person, Side
from quaymaster.domain.status import deployment_status, stage_status
from quaymaster.domain.statuses import ApprovalStatus
from tests import make
from tests.story import (
    Story,
    abandoned,
    canceled,
    claimed,
    deferred,
    deployed,
    fails,
    gates_say,
    ignoring,
    started,
    works,
)

ERRORS: dict[str, tuple[type[DomainError], ...]] = {
    "400": (Invalid, Refused),
    "403": (Forbidden,),
    "404": (NotFound,),
    "409": (Conflict, Refused),
}
WHO = r"(?:the )?(?:group )?(?:member )?(?P<who>[a-z]+(?:(?:, | and )[a-z]+)*)(?: \([^)]*\))?"
UNITS = {"minute": 60, "hour": 3600, "day": 86400}


class NotForTheCore(Exception):
    """The step is about the wire and is proven there."""


class Script:
    """One vector, played on the pure core; raises AssertionError at the first lie."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.people: dict[str, list[str]] = case.get("people", {})
        self.stories: dict[str, Story] = {}
        self.past: dict[tuple[str, str, int], Deployment] = {}
        self.asked_before: dict[str, ApprovalId] = {}
        self.first = next(iter(case["config"]))
        self.words: dict[str, Callable[[re.Match[str]], None]] = {
            WHO + r" creates releases? (?P<names>R\d.*)$": self.creates_several,
            WHO + r" creates the release(?P<how>.*)$": self.creates,
            r"PATCH status=active$": lambda _: self.each(started()),
            r"PATCH approval status=reassigned approver=(?P<to>\w+) by (?P<who>\w+)$": (
                self.reassigns
            ),
            r"PATCH (approval with revision|status=)": self.wire,
            WHO
            + r" (tries to )?approves? and sets? scheduledDeploymentTime = now\+(?P<hours>\d+)h": (
                self.approves_for_later
            ),
            WHO + r" (tries to )?(?P<verb>approves?|rejects?)(?P<how>\b.*)$": self.answers,
            WHO + r" cancels": lambda _: self.each(canceled(self.first)),
            WHO + r" (redeploys|deploys|starts)(?: (?P<stage>[A-Z]\w+))?": self.deploys,
            WHO + r" abandons the release$": self.abandons,
            r"(?P<n>\d+) (?P<unit>minute|hour|day)s? pass": self.time_passes,
            r"job running$": lambda _: self.each(claimed(self.first)),
            r"(job runs, )?(all )?(?P<stage>[A-Z]\w+)? ?(tasks|job)? ?(succeeds?|finish(es)?)$": (
                self.work_succeeds
            ),
            r"(an? )?(?P<stage>[A-Z]\w+ )?(task|job)? ?fails$": self.work_fails,
            r"(?:all )?gates? (?:.+ )?succeeds?": lambda _: self.gates(good=True),
            r"(?:a )?gates? (?:.+ )?fails? at": lambda _: self.gates(good=False),
            r"(?:the )?gates? (?:.+ )?times? out": lambda _: self.each_later(days=20),
            WHO + r" ignores (?:gate )?(?P<gate>\w+)$": self.ignores,
            WHO + r" sends a bulk update of R1 and R2 approvals$": lambda _: None,
            r"R2 was canceled meanwhile$": self.bulk,
        }

    @property
    def told(self) -> Story:
        return next(iter(self.stories.values()))

    def play(self) -> None:
        for step in self.case["steps"]:
            wanted = step["after"].get("result", "")
            refusal = self.happens(step["do"], wanted)
            self.check_result(refusal, wanted, step["do"])
            if self.stories:
                self.remember()
                self.expect(step["after"])

    def happens(self, do: str, wanted: str) -> DomainError | None:
        self.wanted = wanted
        try:
            for clause in do.split("; "):
                self.one(clause)
        except DomainError as refusal:
            return refusal
        return None

    def one(self, clause: str) -> None:
        for pattern, act in self.words.items():
            if found := re.match(pattern, clause):
                act(found)
                return
        raise AssertionError(f"no words for {clause!r}")

    def check_result(self, refusal: DomainError | None, wanted: str, do: str) -> None:
        if "401" in wanted:
            raise NotForTheCore(do)
        if not wanted.startswith("error"):
            assert refusal is None, f"{do}: {refusal}\n{self.told.timeline()}"
            return
        kinds = tuple(kind for code in re.findall(r"\d{3}", wanted) for kind in ERRORS[code])
        assert isinstance(refusal, kinds), f"{do}: {refusal!r}, not {wanted}"

    def remember(self) -> None:
        for name, told in self.stories.items():
            for stage in told.release.stages:
                if stage.newest:
                    self.past[name, stage.name, stage.newest.attempt] = stage.newest
                    for approval in stage.newest.approvals:
                        self.asked_before[approval.approver or ""] = approval.id

    # -- what happens ----------------------------------------------------------------------

    def creates(self, found: re.Match[str]) -> None:
        manual = re.findall(r"manualEnvironments=\[([\w, ]+)\]", found["how"])
        names = [name.strip() for name in ",".join(manual).split(",") if name.strip()]
        self.stories["R1"] = Story(make.release(plan(self.case["config"]), manual=names))
        if "isDraft=true" not in found["how"]:
            self.each(started(found["who"]))

    def creates_several(self, found: re.Match[str]) -> None:
        for name in re.findall(r"R\d+", found["names"]):
            told = Story(make.release(plan(self.case["config"]), name=name))
            self.stories[name] = told.when(started(found["who"]))

    def each(self, step: Callable[[Story], Iterable[Event]]) -> None:
        for told in self.stories.values():
            told.when(step)

    def person(self, name: str) -> Person:
        groups = [group for group, members in self.people.items() if name in members]
        return make.person(name, *groups, admin=name == "admin")

    def meant(self, who: Person, told: Story) -> ApprovalId:
        """Their own open question, else their group's, else the one they had, else anybody's."""
        asked = [a for stage in told.release.stages for a in told.approvals(stage.name)]
        still = [a for a in asked if a.status is ApprovalStatus.PENDING]
        own = [a.id for a in still if a.approver == who.id]
        group = [a.id for a in still if a.approver and who.is_or_belongs_to(a.approver)]
        had = [self.asked_before[who.id]] if who.id in self.asked_before else []
        anybody = [] if "404" in self.wanted else [a.id for a in still]
        return next(iter((*own, *group, *had, *anybody)), ApprovalId(0))

    def answers(self, found: re.Match[str]) -> None:
        kind = ApprovalGiven if found["verb"].startswith("approve") else ApprovalRefused
        for name in re.split(", | and ", found["who"]):
            who = self.person(name)
            self.told.take_in(kind(self.meant(who, self.told), who, "so decided"))

    def approves_for_later(self, found: re.Match[str]) -> None:
        until = self.told.now + timedelta(hours=int(found["hours"]))
        self.told.when(deferred(self.first, until, found["who"]))
        who = self.person(found["who"])
        self.told.take_in(ApprovalGiven(self.meant(who, self.told), who))

    def reassigns(self, found: re.Match[str]) -> None:
        who = self.person(found["who"])
        self.told.take_in(ApprovalReassigned(self.meant(who, self.told), who, found["to"]))

    def wire(self, found: re.Match[str]) -> None:
        raise NotForTheCore(found.string)

    def deploys(self, found: re.Match[str]) -> None:
        self.told.when(deployed(found["stage"] or self.first, found["who"]))

    def abandons(self, found: re.Match[str]) -> None:
        self.told.when(abandoned(found["who"]))

    def time_passes(self, found: re.Match[str]) -> None:
        if "without success" in found.string:  # the time-out counts from the end of the delay
            self.to_next_sample()
        self.each_later(seconds=int(found["n"]) * UNITS[found["unit"]])

    def each_later(self, **delta: float) -> None:
        for told in self.stories.values():
            told.later(**delta)

    def to_next_sample(self) -> None:
        while not (run := self.open_gates()).open_sample:
            due = next_due(self.told.release)
            assert due, f"no sample of {run} will ever be taken"
            self.told.later(seconds=(due - self.told.now).total_seconds())

    def open_gates(self) -> GateRun:
        return next(run for run in self.told.deployment(self.first).gates if not run.ended_as)

    def gates(self, *, good: bool) -> None:
        """At the next sample all gates agree, or none does."""
        self.to_next_sample()
        names = self.case["config"][self.first]
        both = [
            *names.get("preGates", {}).get("gates", []),
            *names.get("postGates", {}).get("gates", []),
        ]
        self.told.when(gates_say(self.first, *([gate["name"] for gate in both] if good else [])))

    def ignores(self, found: re.Match[str]) -> None:
        side = self.open_gates().side
        self.told.when(ignoring(self.first, found["gate"], side=side, by=found["who"]))

    def work_succeeds(self, found: re.Match[str]) -> None:
        self.told.when(works((found["stage"] or self.first).strip()))

    def work_fails(self, found: re.Match[str]) -> None:
        self.told.when(fails((found["stage"] or self.first).strip()))

    def bulk(self, _: re.Match[str]) -> None:
        """Each answer stands for itself: the second is refused, the first stays given."""
        self.stories["R2"].when(canceled(self.first))
        self.one("bob approves")
        bob, second = self.person("bob"), self.stories["R2"]
        asked = second.approvals(self.first)[0].id
        second.refuses(lambda _: [ApprovalGiven(asked, bob)], Refused, "is already canceled")
        assert self.told.approvals(self.first)[0].status is ApprovalStatus.APPROVED

    # -- what holds afterwards -------------------------------------------------------------

    def expect(self, after: dict[str, Any]) -> None:
        about = f"{after}\n{self.told.timeline()}"
        for stage_name, wanted in after.get("env", {}).items():
            assert stage_status(self.told.stage(stage_name)) in wanted.split("|"), about
        for stage_name, wanted in after.get("deployment", {}).items():
            stage = self.told.stage(stage_name)
            assert stage.newest, about
            assert deployment_status(stage, stage.newest) == wanted, about
        for stage_name, wanted in after.get("operation", {}).items():
            shown = situation(self.told.stage(stage_name))
            assert shown in [word[0].lower() + word[1:] for word in wanted.split("|")], about
        for stage_name, wanted in after.get("attempt", {}).items():
            assert self.told.deployment(stage_name).attempt == wanted, about
        for key, wanted in after.get("approvals", {}).items():
            self.expect_approval(key, wanted, about)
        for approver in after.get("absent", []):
            assert not self.of(approver), about
        if "gates" in after:
            runs = self.told.deployment(self.first).gates
            shown = str(runs[-1].status) if runs else "none"
            assert shown == after["gates"].split()[0], about
        if "release" in after:
            assert self.told.release.status == after["release"], about
        if after.get("tasksRan") is False:
            assert not self.told.deployment(self.first).jobs, about
        self.expect_reassignment(after, about)

    def of(self, approver: str, attempt: int | None = None) -> list[Approval]:
        """The newest records of an approver, or those of one attempt."""
        kept = {
            (key[1], key[2]): deployment for key, deployment in self.past.items() if key[0] == "R1"
        }
        newest = {stage: max(n for name, n in kept if name == stage) for stage, _ in kept}
        return [
            a
            for (stage, n), deployment in kept.items()
            if n == (attempt or newest[stage])
            for a in deployment.approvals
            if a.approver == approver
        ]

    def expect_approval(self, key: str, wanted: str | list[str], about: str) -> None:
        if side := re.fullmatch(r"(\w+)\.(pre|post)", key):
            kept = self.told.approvals(side[1], Side.PRE if side[2] == "pre" else Side.POST)
            shown = [f"{a.status}{' (automated)' if a.is_automated else ''}" for a in kept]
            assert shown == wanted, about
            return
        found = re.fullmatch(r"(.+?)(?: \(attempt (\d+)\))?", key)
        assert found, about
        assert isinstance(wanted, str), about
        approvals = self.of(found[1], int(found[2]) if found[2] else None)
        assert approvals, about
        self.expect_words(approvals[-1], wanted, about)

    def expect_words(self, approval: Approval, wanted: str, about: str) -> None:
        status = re.split(r"[ ,(]", wanted)[0]
        assert approval.status in status.split("|"), about
        if by := re.search(r"approvedBy=(\w+)", wanted):
            assert approval.approved_by == by[1], about
        if "by system" in wanted:
            assert approval.approved_by is None, about
            assert "in time" in approval.comment, about

    def expect_reassignment(self, after: dict[str, Any], about: str) -> None:
        approvals = self.told.approvals(self.first)
        if after.get("sameApprovalId"):
            assert len(approvals) == 1, about
        if found := re.search(
            r"previous approver (\w+), changedBy (\w+)", after.get("history", "")
        ):
            earlier = approvals[0].earlier
            assert [(e.approver, e.changed_by) for e in earlier] == [found.groups()], about


def plan(config: dict[str, Any]) -> Plan:
    """The stages of a vector with their approvals; the outline follows `after`."""
    outline = "; ".join(
        f"{written['after']} → {name}" if "after" in written else name
        for name, written in config.items()
    )
    stages = {
        name: {
            "pre_approvals": policy(written["pre"]),
            "post_approvals": policy(written["post"]),
            "pre_gates": gate_policy(written.get("preGates")),
            "post_gates": gate_policy(written.get("postGates")),
        }
        for name, written in config.items()
    }
    return make.plan(outline, **stages)


def gate_policy(written: dict[str, Any] | None) -> GatePolicy:
    if written is None:
        return GatePolicy()
    options = written["options"]
    return replace(
        make.gates(
            *(gate["name"] for gate in written["gates"]),
            delay=options["stabilizationTime"],
            interval=options["samplingInterval"],
            timeout=options["timeout"],
            minimum_success=options["minimumSuccessDuration"],
        ),
        enabled=options["isEnabled"],
    )


def policy(written: dict[str, Any]) -> ApprovalPolicy:
    options = written.get("approvalOptions") or {}
    approvers = tuple(
        Approver(step["approver"], step["rank"])
        for step in written["approvals"]
        if not step.get("isAutomated")
    )
    minutes = options.get("timeoutInMinutes") or 0
    return ApprovalPolicy(
        approvers=approvers,
        required_count=options.get("requiredApproverCount") or 0,
        requester_may_approve=options.get("releaseCreatorCanBeApprover", True),
        skip_if_approved_before=options.get(
            "autoTriggeredAndPreviousEnvironmentApprovedCanBeSkipped", False
        ),
        timeout=timedelta(minutes=minutes) if minutes else DEFAULT_APPROVAL_TIMEOUT,
        order=ApprovalOrder(
            written.get("executionOrder")
            or options.get("executionOrder")
            or ApprovalOrder.BEFORE_GATES
        ),
    )
