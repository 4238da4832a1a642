"""Which releases may be deleted, and why the others are kept (SEMANTICS 6.6-6.8)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from quaymaster.domain.plan import RetentionPolicy


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """A project's own rules: for stages that are gone, what a definition may ask at most, and
    how long deleted releases can still be brought back."""

    default: RetentionPolicy = field(default_factory=RetentionPolicy)
    longest: RetentionPolicy = field(default_factory=lambda: RetentionPolicy(365, 25))
    days_to_keep_deleted: int = 14


@dataclass(frozen=True, slots=True)
class Deployed:
    """That a release was deployed to a stage: when the newest deployment there started."""

    definition_stage_id: int
    started_at: datetime
    is_there_now: bool = False  # the newest success in that environment


@dataclass(frozen=True, slots=True)
class Held:
    """A release as retention looks at it."""

    release: int
    name: str
    modified_at: datetime
    keep_forever: bool = False
    is_under_way: bool = False
    deployed: tuple[Deployed, ...] = ()


@dataclass(frozen=True, slots=True)
class Recent:
    """When the newest deployment of a release to a stage started."""

    definition_stage_id: int
    release: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one release; `reasons` say why it is kept, empty when it may go."""

    release: int
    name: str
    reasons: tuple[str, ...] = ()

    @property
    def may_go(self) -> bool:
        return not self.reasons


def verdicts(
    held: Iterable[Held],
    policies: Mapping[int, RetentionPolicy],
    stages: Mapping[int, str],
    settings: RetentionSettings,
    now: datetime,
    recent: Iterable[Recent] | None = None,
) -> list[Verdict]:
    """What becomes of each of these releases of one definition, in the order given.

    `policies` and `stages` (names) are keyed by definition stage id and know only the stages
    that the definition has now; a stage that is gone counts with the project's default. `recent`
    are the most recent deployments to each stage, where `held` is only some of the releases.
    """
    all_held = list(held)
    known = recent if recent is not None else _deployments(all_held)
    newest = _newest_of_each_stage(known, policies, settings)
    return [
        Verdict(
            one.release, one.name, tuple(_reasons(one, policies, stages, settings, newest, now))
        )
        for one in all_held
    ]


def capped(
    policies: Mapping[int, RetentionPolicy], stage: int, settings: RetentionSettings
) -> RetentionPolicy:
    """What counts for a stage: its own policy within what the project allows at most."""
    own = policies.get(stage, settings.default)
    return RetentionPolicy(
        min(own.days, settings.longest.days),
        min(own.releases, settings.longest.releases),
        own.retain_build,
    )


def _deployments(held: Iterable[Held]) -> Iterator[Recent]:
    for one in held:
        for deployed in one.deployed:
            yield Recent(deployed.definition_stage_id, one.release, deployed.started_at)


def _newest_of_each_stage(
    known: Iterable[Recent],
    policies: Mapping[int, RetentionPolicy],
    settings: RetentionSettings,
) -> set[tuple[int, int]]:
    """(release, stage) of those that are among the most recent deployments of a stage."""
    by_stage: dict[int, list[tuple[datetime, int]]] = {}
    for one in known:
        entry = (one.started_at, one.release)
        by_stage.setdefault(one.definition_stage_id, []).append(entry)
    kept = set()
    for stage, entries in by_stage.items():
        count = capped(policies, stage, settings).releases
        for _, release in sorted(entries, reverse=True)[:count]:
            kept.add((release, stage))
    return kept


def _reasons(
    one: Held,
    policies: Mapping[int, RetentionPolicy],
    stages: Mapping[int, str],
    settings: RetentionSettings,
    newest: set[tuple[int, int]],
    now: datetime,
) -> Iterable[str]:
    if one.keep_forever:
        yield "It is marked to be kept forever."
    if one.is_under_way:
        yield "A deployment of it is in progress or waits."
    for deployed in one.deployed:
        stage = deployed.definition_stage_id
        name = stages.get(stage, "a stage that was removed")
        if deployed.is_there_now:
            yield f"It is what is deployed to {name} now."
        elif (one.release, stage) in newest:
            count = capped(policies, stage, settings).releases
            yield f"It is among the {count} most recently deployed to {name}."
    until = _kept_until(one, policies, settings)
    if now < until:
        yield f"It is kept until {until:%Y-%m-%d %H:%M} UTC, counted from its last change."


def _kept_until(
    one: Held, policies: Mapping[int, RetentionPolicy], settings: RetentionSettings
) -> datetime:
    """The longest time that a stage it was deployed to asks for, after the last change of it."""
    reached = {deployed.definition_stage_id for deployed in one.deployed}
    days = max(
        (capped(policies, stage, settings).days for stage in reached),
        default=settings.default.days,
    )
    last = max([one.modified_at, *(deployed.started_at for deployed in one.deployed)])
    return last + timedelta(days=days)
