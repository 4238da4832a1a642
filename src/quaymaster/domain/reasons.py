"""What may keep a stage from deploying, in words, and what the outside has to say to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from quaymaster.domain.queueing import Standing
from quaymaster.domain.release import Target


class ReasonKind(StrEnum):
    """What keeps a stage from deploying, roughly in the order in which it does."""

    RELEASE = "release"
    FREEZE = "freeze"
    VERIFICATION = "verification"
    PERMISSION = "permission"
    MANUAL = "manual"
    CONDITION = "condition"
    SCHEDULE = "schedule"
    ENDED = "ended"
    QUEUE = "queue"
    APPROVAL = "approval"
    GATE = "gate"
    DEFERRED = "deferred"
    WORKER = "worker"
    TARGET = "target"
    INTERVENTION = "intervention"
    DELAY = "delay"
    RUNNING = "running"
    STOPPING = "stopping"
    UNTOLD = "untold"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a stage from deploying.

    `cleared_by` are the identities, or the words for them, who can clear it; `clears_at` is when
    it ends by itself. `is_ahead` marks what does not hold it up yet and will come.
    """

    kind: ReasonKind
    text: str
    cleared_by: tuple[str, ...] = ()
    clears_at: datetime | None = None
    is_ahead: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Freeze:
    """An environment that takes no deployments; without an end somebody has to lift it."""

    name: str
    until: datetime | None = None
    lifted_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A worker of the pool that a phase asks, and what it offers."""

    name: str
    capabilities: Mapping[str, str] = field(default_factory=dict)
    is_online: bool = True
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a release's record does not say about one of its stages.

    `standings` are all attempts in the environment's queue, this one included; `offers` the
    workers of each pool queue that a phase names, `targets` those of its deployment groups, and
    `target_offers` what each of these offers, by its id, where phases demand something;
    `missing_permission` is what the asker would need to start the stage by hand, empty when
    nothing is missing; `names` are what people know identities and workers by, `failed_step` is
    the step that its newest attempt failed in with what that told, and `nobody` are identities
    named as approvers that do not exist (any more). `unverified` says what the environment's
    demand for verified pull requests and picked commits keeps from being started; `set_since` how
    the environment has been set to be deployed since the release was made.
    """

    standings: tuple[Standing, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    offers: Mapping[int, tuple[Offer, ...]] = field(default_factory=dict)
    targets: Mapping[int, tuple[Target, ...]] = field(default_factory=dict)
    target_offers: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    missing_permission: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    nobody: frozenset[str] = frozenset()
    failed_step: str = ""
    unverified: tuple[str, ...] = ()
    set_since: str = ""
    workflow: str = ""  # where the workflow stands that does it outside
