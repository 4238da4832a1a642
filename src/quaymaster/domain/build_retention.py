"""Which builds may be deleted or lose their files, and why the others are kept (23.7)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from quaymaster.domain.build_triggers import admits_branch


@dataclass(frozen=True, slots=True)
class BuildRule:
    """What a definition says of the builds of some branches: kept for `days`, and the most recent
    `minimum` whatever their age and result. Where the record stays (`deletes_record` False), the
    artifacts go; `artifacts` names those that go, none named means all."""

    branches: tuple[str, ...] = ()
    days: int = 10
    minimum: int = 1
    deletes_record: bool = True
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildRetentionSettings:
    """A project's own rules: for builds that no rule of their definition speaks of, what a
    definition may ask at most, and how long deleted builds can still be brought back."""

    days: int = 30
    pull_request_days: int = 10
    artifact_days: int = 30
    minimum: int = 3
    longest_days: int = 731
    most_minimum: int = 50
    days_to_keep_deleted: int = 30


@dataclass(frozen=True, slots=True)
class HeldBuild:
    """A completed build as retention looks at it.

    `retained_by` are releases that retain it, `used_by` those that are being deployed, `there_now`
    names the environments that its newest deployment is in.
    """

    id: int
    number: str
    branch: str
    finished_at: datetime
    is_pull_request: bool = False
    keep_forever: bool = False
    is_retained: bool = False
    is_leased: bool = False
    has_files: bool = True
    retained_by: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    there_now: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecentBuild:
    """One of the newest completed builds of a branch."""

    id: int
    branch: str
    finished_at: datetime


class Fate(StrEnum):
    """What becomes of a build."""

    KEPT = "kept"
    LOSES_FILES = "losesFiles"
    GOES = "goes"


@dataclass(frozen=True, slots=True)
class BuildVerdict:
    """What becomes of one build; `reasons` say why it is kept, or what of it goes. `artifacts`
    are those that go where the record stays, none named means all."""

    build: int
    number: str
    fate: Fate
    reasons: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildRules:
    """All that counts for the builds of one definition; `recent` are the newest of each branch,
    as many as any rule may ask for."""

    rules: tuple[BuildRule, ...]
    settings: BuildRetentionSettings
    default_branch: str = ""
    recent: Sequence[RecentBuild] = ()

    def verdicts(self, held: Iterable[HeldBuild], now: datetime) -> list[BuildVerdict]:
        """What becomes of each of these builds, in the order given."""
        newest = {rule: self._newest(rule) for rule in {*self.rules, self._usual}}
        return [self._verdict(one, newest[self._rule(one.branch)], now) for one in held]

    @property
    def _usual(self) -> BuildRule:
        return BuildRule((), self.settings.days, self.settings.minimum)

    def _rule(self, branch: str) -> BuildRule:
        """The first rule of the definition that names the branch, or the project's."""
        found = (one for one in self.rules if admits_branch(one.branches, branch))
        return next(found, self._usual)

    def _newest(self, rule: BuildRule) -> set[int]:
        """The builds that a rule keeps for being among the most recent, however they ended, of
        all that it speaks of and of the default branch (23.7)."""
        mine = [one for one in self.recent if self._rule(one.branch) == rule]
        mine.sort(key=lambda one: (one.finished_at, one.id), reverse=True)
        main = [one for one in mine if one.branch == self.default_branch]
        kept = min(rule.minimum, self.settings.most_minimum)
        return {one.id for several in (mine, main) for one in several[:kept]}

    def _days(self, held: HeldBuild, rule: BuildRule) -> int:
        if rule == self._usual and held.is_pull_request:
            return self.settings.pull_request_days
        return min(rule.days, self.settings.longest_days)

    def _verdict(self, held: HeldBuild, newest: set[int], now: datetime) -> BuildVerdict:
        rule = self._rule(held.branch)
        until = held.finished_at + timedelta(days=self._days(held, rule))
        reasons = tuple(_kept_by(held))
        if held.id in newest:
            reasons += (f"It is among the {rule.minimum} most recent of its branches.",)
        if not reasons and now >= until:
            return _ended(held, rule)
        if now < until:
            reasons += (f"It is kept until {until:%Y-%m-%d %H:%M} UTC, counted from its end.",)
        files_until = held.finished_at + timedelta(days=self.settings.artifact_days)
        is_alone = len(reasons) == 1 and now < until
        if rule == self._usual and is_alone and held.has_files and now >= files_until:
            return BuildVerdict(held.id, held.number, Fate.LOSES_FILES, FILES_GO)
        return BuildVerdict(held.id, held.number, Fate.KEPT, reasons)


RECORD_GOES = ("Its retention time is over.",)
FILES_GO = ("The time of its artifacts is over; its record stays.",)
RECORD_STAYS = ("Its retention time is over; the rule keeps its record without artifacts.",)


def _ended(held: HeldBuild, rule: BuildRule) -> BuildVerdict:
    if rule.deletes_record:
        return BuildVerdict(held.id, held.number, Fate.GOES, RECORD_GOES)
    fate = Fate.LOSES_FILES if held.has_files else Fate.KEPT
    return BuildVerdict(held.id, held.number, fate, RECORD_STAYS, rule.artifacts)


def _kept_by(held: HeldBuild) -> Iterator[str]:
    if held.keep_forever:
        yield "It is marked to be kept forever."
    if held.is_leased:
        yield "A retention lease keeps it."
    if held.there_now:
        yield f"It is what is deployed to {', '.join(held.there_now)} now."
    if held.used_by:
        yield f"It is needed by {', '.join(held.used_by)}, which has work to do."
    if held.retained_by:
        yield f"It is retained by {', '.join(held.retained_by)}."
    elif held.is_retained:
        yield "It is marked as retained by a release."
