"""Where an environment goes back to, read off its deployments alone (AVIATOR 5)."""

from collections.abc import Iterable
from dataclasses import dataclass

from quaymaster.domain.release import Outcome, ReleaseId

SUCCEEDED = (Outcome.SUCCEEDED, Outcome.PARTIALLY_SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Past:
    """One deployment to the environment; `outcome` None is still under way."""

    id: int
    release: ReleaseId
    stage: int
    outcome: Outcome | None

    @property
    def has_succeeded(self) -> bool:
        return self.outcome in SUCCEEDED

    @property
    def is_under_way(self) -> bool:
        return self.outcome is None


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a rollback would do: bring `target` back in place of `leaving`, after `canceled`."""

    target: Past
    leaving: Past
    canceled: tuple[Past, ...]


def rollback(rows: Iterable[Past], to: ReleaseId | None = None) -> Rollback | None:
    """The rollback of an environment with these deployments, in any order; None without a target.
    Of a release that may not be deployed none is among them.

    After a success the target is the newest earlier success of another release; else it is the
    newest success of all. Whatever is under way is canceled. `to` names the release instead: any
    that has succeeded here before.
    """
    ordered = sorted(rows, key=lambda row: row.id)
    if not ordered:
        return None
    last = ordered[-1]
    fit = [row for row in ordered if row.has_succeeded]
    if to is not None:
        fit = [row for row in fit if row.release == to]
    elif last.has_succeeded:
        fit = [row for row in fit if row.release != last.release]
    if not fit:
        return None
    return Rollback(fit[-1], last, tuple(row for row in ordered if row.is_under_way))
